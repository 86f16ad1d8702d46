/** One line of what an application says about itself, newest last. `n` orders the lines of all applications. */
export type TargetLine =
  /** A request to change something came in. */
  | {
      kind: 'asked'
      n: number
      at: number
      app: string
      account: string
      facet: 'account' | 'session'
      live: boolean
      /** Idempotency key of the hub; see step-key.ts. */
      step: string
      /** Process of the hub. */
      pid: number
      mood: string
    }
  /** Something changed, perhaps long after the request. */
  | {
      kind: 'done'
      n: number
      at: number
      app: string
      account: string
      facet: 'account' | 'session'
      live: boolean
      step: string
      pid: number
    }

/** Headers that tuned connectors add, so that an application can tell who asked. */
export const PID_HEADER = 'x-chaos-pid'
export const STEP_HEADER = 'x-chaos-step'
