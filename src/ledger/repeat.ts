import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { coalescedWait } from '../shared/coalesced-wait.ts'

export interface Repeated {
  /** Without effect when it runs already. */
  start(): void
  /** Resolves when the round under way is over. */
  stop(): Promise<void>
}

/**
 * Does the same again and again, never two rounds at a time.
 *
 * @param round fails into `onFailed`, and is tried again
 * @param pauseMs at most, between the end of a round and the next
 */
export function repeat(
  round: () => Promise<unknown>,
  pauseMs: () => number,
  onFailed: (error: unknown) => void,
): Repeated {
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  const loop = async (): Promise<void> => {
    const { signal } = stopping
    while (!signal.aborted) {
      await round().catch(onFailed)
      const pause = coalescedWait(pauseMs(), performance.now())
      await sleep(pause, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    }
  }
  return {
    start: () => {
      running ??= loop()
    },
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}
