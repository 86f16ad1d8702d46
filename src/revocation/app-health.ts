import { type Instant, MINUTE, SECOND } from '../shared/clock.ts'
import type { CallFault } from './call-fault.ts'

/** How one app fares, as this process sees it: how many lanes may be taken up now. */
export interface AppHealth {
  /** The outcome of one call; undefined for an answer. */
  report(fault: CallFault | undefined, now: Instant): void
  /** Lanes that may be under way at once; 0 until `quietUntil`. */
  concurrency(now: Instant): number
  quietUntil(): Instant
}

/** Failures in a row after which an app is taken for down: one lane at a time then finds out whether it still is. */
const DOWN_AFTER = 5
/** An app that throttles without saying for how long. */
const THROTTLED_MS = 2 * SECOND
/** More claims would only meet the same refused credential, and might lock the hub out. */
const REFUSED_MS = 5 * SECOND

/** @param limit concurrency of a healthy app */
export function createAppHealth(limit: number): AppHealth {
  let failures = 0
  let quietUntil = 0
  /** Halved by each throttling, one more with each answer. */
  let budget = limit
  return {
    report: (fault, now) => {
      switch (fault?.fault) {
        case 'throttled':
          budget = Math.max(1, Math.floor(budget / 2))
          quietUntil = Math.max(
            quietUntil,
            now + Math.min(fault.retryAfterMs ?? THROTTLED_MS, MINUTE),
          )
          return
        case 'credential':
          quietUntil = Math.max(quietUntil, now + REFUSED_MS)
          return
        case 'transient':
          failures += 1
          return
        default:
          // Any other answer, friendly or not, shows that the app is there.
          failures = 0
          budget = Math.min(limit, budget + 1)
      }
    },
    concurrency: (now) => {
      if (now < quietUntil) return 0
      return failures >= DOWN_AFTER ? 1 : budget
    },
    quietUntil: () => quietUntil,
  }
}
