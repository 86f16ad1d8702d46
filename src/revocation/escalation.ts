import type { Instant } from '../shared/clock.ts'

/** How much of its time a revocation has used, in per cent, and who is told at that point. */
export type EscalationLevel = 0 | 50 | 80 | 100
export const ESCALATION_AUDIENCE = { 50: 'owner', 80: 'admin', 100: 'executive' } as const

const LEVELS = [50, 80, 100] as const

/** The time that a revocation has. */
interface Times {
  openedAt: Instant
  /** Absent: from its opening. */
  clockFrom?: Instant
  deadlineAt: Instant
}

/** The highest level reached at `now`. A pause of the app does not stop the clock. */
export function escalationLevel(times: Times, now: Instant): EscalationLevel {
  const reached = LEVELS.filter((level) => now >= levelAt(times, level))
  return reached.at(-1) ?? 0
}

/** When the level after `level` is reached; undefined after the last one. */
export function nextEscalation(times: Times, level: EscalationLevel): Instant | undefined {
  const next = LEVELS.find((candidate) => candidate > level)
  return next === undefined ? undefined : levelAt(times, next)
}

const levelAt = ({ openedAt, clockFrom = openedAt, deadlineAt }: Times, level: number): Instant =>
  Math.ceil(clockFrom + ((deadlineAt - clockFrom) * level) / 100)
