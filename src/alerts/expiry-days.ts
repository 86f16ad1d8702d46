import { DAY, type Instant } from '../shared/clock.ts'

/** Days before the end at which people are told once more. */
const WARNING_DAYS = [1, 7, 14, 30] as const

/** The warning that holds now: 30, 14, 7, 1, or 0 once it has ended; undefined while there is time. */
export function daysLeft(expiresAt: Instant, now: Instant): number | undefined {
  const left = expiresAt - now
  return left <= 0 ? 0 : WARNING_DAYS.find((limit) => left <= limit * DAY)
}
