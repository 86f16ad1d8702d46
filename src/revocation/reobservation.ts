import { DAY, HOUR, type Instant } from '../shared/clock.ts'

/** How long after the proof the app is looked at again: an account that came back must not stay. */
const AFTER_PROOF = [HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY] as const

/** @param done how many looks there were since the proof; undefined after the last one */
export function nextReobservation(provenAt: Instant, done: number): Instant | undefined {
  const wait = AFTER_PROOF[done]
  return wait === undefined ? undefined : provenAt + wait
}

export const FIRST_REOBSERVATION_MS = AFTER_PROOF[0]
