import { z } from 'zod'
import { silentAfterMs } from '../alerts/feed-findings.ts'
import { type Heartbeat, lastDay } from '../auth/heartbeat.ts'
import type { SourceRecord } from '../auth/source-authenticator.ts'
import { type Instant, iso, MINUTE } from '../shared/clock.ts'
import { instantField, instants } from './fields.ts'

export const heartbeatAnswer = z.object({
  lastCallAt: instantField,
  lastChangeAt: instantField.optional(),
  usualQuietMinutes: z
    .int()
    .optional()
    .meta({ description: 'Learned: the usual quiet between two bursts of calls' }),
  silentAfterMinutes: z.int().meta({ description: 'Then the alert `feed-silent` is raised' }),
  lastDay: z.object({
    calls: z.int(),
    changes: z.int(),
    errors: z.int().meta({ description: 'Answers of 400 and more, but for 404' }),
  }),
  tolerated: z
    .record(z.string(), z.int())
    .meta({ description: 'Requests in which the dialect was forgiven something, by kind' }),
})

/** What was heard of a source, at most some seconds old. */
export function showHeartbeat(
  heartbeat: Heartbeat,
  { silentAfterMs: setByHand }: Pick<SourceRecord, 'silentAfterMs'>,
  now: Instant,
): z.infer<typeof heartbeatAnswer> {
  const { intervalMs } = heartbeat
  const learned = intervalMs === undefined ? {} : { intervalMs }
  const silent = silentAfterMs({
    ...learned,
    ...(setByHand === undefined ? {} : { silentAfterMs: setByHand }),
  })
  return {
    lastCallAt: iso(heartbeat.lastCallAt),
    ...instants({ lastChangeAt: heartbeat.lastChangeAt }),
    ...(intervalMs === undefined ? {} : { usualQuietMinutes: Math.round(intervalMs / MINUTE) }),
    silentAfterMinutes: Math.round(silent / MINUTE),
    lastDay: lastDay(heartbeat, now),
    tolerated: { ...heartbeat.tolerated },
  }
}
