import { DAY, HOUR, type Instant, MINUTE } from '../shared/clock.ts'

/** What was heard of a source, over all processes. */
export interface Heartbeat {
  sourceId: string
  /** The last authenticated request. */
  lastCallAt: Instant
  /** The last request that changed something. */
  lastChangeAt?: Instant
  /** How long the source is usually quiet between two bursts of calls; absent before the second burst. */
  intervalMs?: number
  /** The last 24 hours in which it called, oldest first. */
  hours: readonly HourOfCalls[]
  /** What its dialect was forgiven, by kind: requests in which it happened. */
  tolerated: Readonly<Record<string, number>>
}

export interface HourOfCalls {
  /** Begin of the hour. */
  at: Instant
  calls: number
  changes: number
  /** Answers of 400 and more, but for 404: to ask whether somebody exists is no error. */
  errors: number
}

/** What one process heard of a source since it last said so. */
export interface Beat {
  sourceId: string
  firstAt: Instant
  lastAt: Instant
  lastChangeAt?: Instant
  calls: number
  changes: number
  errors: number
  tolerated: Readonly<Record<string, number>>
}

/** Calls closer than this are one burst: a provider's cycle is the quiet between bursts. */
const BURST_MS = 5 * MINUTE
const LONGEST_MS = 7 * DAY
const HOURS_KEPT = 24

/** The heartbeat with one beat more. */
export function heard(before: Heartbeat | null, beat: Beat): Heartbeat {
  const quietMs = before === null ? 0 : beat.firstAt - before.lastCallAt
  const intervalMs = quietMs < BURST_MS ? before?.intervalMs : learned(before?.intervalMs, quietMs)
  const lastChangeAt = latest(before?.lastChangeAt, beat.lastChangeAt)
  return {
    sourceId: beat.sourceId,
    lastCallAt: Math.max(before?.lastCallAt ?? 0, beat.lastAt),
    ...(lastChangeAt === undefined ? {} : { lastChangeAt }),
    ...(intervalMs === undefined ? {} : { intervalMs }),
    hours: withHour(before?.hours ?? [], beat),
    tolerated: sums(before?.tolerated ?? {}, beat.tolerated),
  }
}

/** Two beats of one process as one. */
export function joined(a: Beat, b: Beat): Beat {
  const lastChangeAt = latest(a.lastChangeAt, b.lastChangeAt)
  return {
    sourceId: a.sourceId,
    firstAt: Math.min(a.firstAt, b.firstAt),
    lastAt: Math.max(a.lastAt, b.lastAt),
    ...(lastChangeAt === undefined ? {} : { lastChangeAt }),
    calls: a.calls + b.calls,
    changes: a.changes + b.changes,
    errors: a.errors + b.errors,
    tolerated: sums(a.tolerated, b.tolerated),
  }
}

/** Calls, changes and errors of the last 24 hours. */
export function lastDay({ hours }: Heartbeat, now: Instant): Omit<HourOfCalls, 'at'> {
  const total = { calls: 0, changes: 0, errors: 0 }
  for (const hour of hours) {
    if (hour.at <= now - DAY) continue
    total.calls += hour.calls
    total.changes += hour.changes
    total.errors += hour.errors
  }
  return total
}

/**
 * An average that rises fast and falls slowly: a weekend without leavers is learned at once, a busy day does not
 * make the next quiet one an alarm.
 */
function learned(before: number | undefined, quietMs: number): number {
  const weight = before === undefined ? 1 : quietMs > before ? 0.5 : 0.1
  const next = (before ?? 0) + (quietMs - (before ?? 0)) * weight
  return Math.round(Math.min(LONGEST_MS, Math.max(BURST_MS, next)))
}

function withHour(hours: readonly HourOfCalls[], beat: Beat): HourOfCalls[] {
  const at = Math.floor(beat.lastAt / HOUR) * HOUR
  const present = hours.find((hour) => hour.at === at) ?? { at, calls: 0, changes: 0, errors: 0 }
  const { calls, changes, errors } = present
  return [
    ...hours.filter((hour) => hour.at !== at),
    {
      at,
      calls: calls + beat.calls,
      changes: changes + beat.changes,
      errors: errors + beat.errors,
    },
  ]
    .sort((a, b) => a.at - b.at)
    .slice(-HOURS_KEPT)
}

function sums(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const all: Record<string, number> = { ...a }
  for (const [kind, count] of Object.entries(b)) all[kind] = (all[kind] ?? 0) + count
  return all
}

function latest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)
}
