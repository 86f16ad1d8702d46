import { performance } from 'node:perf_hooks'
import type { EngineLog } from './log.ts'

/** A task that repeats itself until it is stopped. */
export interface Loop {
  start(): void
  /** Runs again at once, or as soon as the present run ends. */
  poke(): void
  /** Resolves when the run under way has ended. */
  stop(): Promise<void>
}

/**
 * @param options.run does one round and returns the wait until the next one, in ms
 * @param options.afterErrorMs wait after a round that threw; the error goes to the log, the loop goes on
 */
export function createLoop(options: {
  name: string
  run: () => Promise<number>
  log: EngineLog
  afterErrorMs?: number
}): Loop {
  let stopped = true
  let poked = false
  let wake: (() => void) | undefined
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
      if (!stopped && !poked) await wait(waitMs)
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
      wake?.()
    },
    stop: async () => {
      stopped = true
      wake?.()
      await running
    },
  }
}
