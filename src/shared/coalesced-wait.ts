import { SECOND } from './clock.ts'

/** Long waits of one process end at multiples of this on its monotonic clock; ms. */
const TOGETHER_MS = 5 * SECOND
/** And so much later: a timer may ring a moment early, and must not find the same multiple still ahead. */
const BEHIND_MS = 5

/**
 * A wait, shortened so that it ends together with the other long waits of this process. Waking up costs an idle process
 * more than what it then does, so it had better do all of it at once.
 *
 * @param ms shorter than five seconds: meant as it is
 * @param nowMs `performance.now()`; its origin differs between processes, so that they do not all ask at once
 * @returns ms; at most five more than asked for
 */
export function coalescedWait(ms: number, nowMs: number): number {
  if (ms < TOGETHER_MS) return ms
  return Math.floor((nowMs + ms) / TOGETHER_MS) * TOGETHER_MS + BEHIND_MS - nowMs
}
