import { MINUTE, SECOND } from '../shared/clock.ts'

/** Waits after the first, second, … failure in a row. The last one repeats for ever: nothing is given up. */
const SCHEDULE = [2 * SECOND, 10 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 15 * MINUTE]

/** No wait is longer, whatever an app asks for: a revocation must not sleep for a day. */
export const LONGEST_WAIT = 15 * MINUTE

/**
 * How long to wait, in ms, after `failures` failures in a row.
 *
 * @param failures 1 for the first
 * @param jitter 0 ≤ jitter < 1; spreads lanes that failed together over the last fifth of the wait
 * @param retryAfterMs what the app asked for; wins, but for the upper bound
 */
export function backoff(failures: number, jitter: number, retryAfterMs?: number): number {
  const base = SCHEDULE[Math.min(Math.max(failures, 1), SCHEDULE.length) - 1] ?? LONGEST_WAIT
  // Never earlier than asked: jitter only adds to a Retry-After, and only takes away from our own wait.
  if (retryAfterMs !== undefined) {
    return Math.min(Math.round(Math.max(retryAfterMs, 0) + jitter * SECOND), LONGEST_WAIT)
  }
  return Math.round(base * (1 - 0.2 * jitter))
}
