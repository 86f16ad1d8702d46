import { performance } from 'node:perf_hooks'
import { coalescedWait } from '../shared/coalesced-wait.ts'
import type { EngineLog } from './log.ts'

/** A task that repeats itself until it is stopped. */
export interface Loop {
  start(): void
  /** Runs again at once, or as soon as the present run and the rest after it end. */
  poke(): void
  /** Resolves when the run under way has ended. */
  stop(): Promise<void>
}

/**
 * @param options.run does one round and returns the longest wait until the next one, in ms
 * @param options.restMs one round in this time on average, however often it is poked: under load, one serves many pokes.
 *   The rest ends at a multiple of it on the process's monotonic clock, so that loops of the same kind begin their
 *   rounds together and their questions share commands. Asked after each round
 * @param options.afterErrorMs wait after a round that threw; the error goes to the log, the loop goes on
 */
export function createLoop(options: {
  name: string
  run: () => Promise<number>
  log: Pick<EngineLog, 'warn'>
  restMs?: () => number
  afterErrorMs?: number
}): Loop {
  let stopped = true
  let poked = false
  let wake: (() => void) | undefined
  /** Pokes are remembered, not obeyed: only the end of the loop cuts the rest short. */
  let resting = false
  let running = Promise.resolve()

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      // biome-ignore lint/style/noRestrictedGlobals: the worker owns timers
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const rounds = async (): Promise<void> => {
    while (!stopped) {
      poked = false
      const began = performance.now()
      const waitMs = await options.run().catch((error: unknown) => {
        options.log.warn(
          { loop: options.name, err: error, durationMs: Math.round(performance.now() - began) },
          'a round failed; it is tried again',
        )
        return options.afterErrorMs ?? 1_000
      })
      const everyMs = options.restMs?.() ?? 0
      const restMs = everyMs > 0 ? everyMs - (performance.now() % everyMs) : 0
      if (!stopped && restMs > 0) {
        resting = true
        await wait(restMs)
        resting = false
      }
      if (!stopped && !poked && waitMs > restMs) {
        await wait(coalescedWait(waitMs - restMs, performance.now()))
      }
      wake = undefined
    }
  }

  return {
    start: () => {
      if (!stopped) return
      stopped = false
      running = rounds()
    },
    poke: () => {
      poked = true
      if (!resting) wake?.()
    },
    stop: async () => {
      stopped = true
      wake?.()
      await running
    },
  }
}
