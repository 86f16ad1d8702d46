import type { Connection } from 'mongoose'
import type { AppTimeliness, ReportStore, SourcePopulation } from '../revocation/report-store.ts'
import { CLOSED_STATES } from '../revocation/types.ts'
import { translated } from './errors.ts'
import { offboardingsOf, revocationsOf } from './revocation-models.ts'

/** A report may read a year; what takes longer wants a shorter span. */
const MAX_TIME_MS = 30_000

const one = (condition: unknown) => ({ $sum: { $cond: [condition, 1, 0] } })
const is = (state: string) => ({ $eq: ['$state', state] })

/** Reports from the cases and revocations themselves; nothing is kept beside them. */
export function createReportStore(connection: Connection): ReportStore {
  return {
    timeliness: ({ from, until, now }) =>
      translated(async () => {
        const took = { $cond: [is('proven'), { $subtract: ['$provenAt', '$openedAt'] }, null] }
        const rows = await revocationsOf(connection)
          .aggregate<Omit<AppTimeliness, 'appId'> & { _id: string }>(
            [
              { $match: { deadlineAt: { $gte: from, $lt: until } } },
              {
                $group: {
                  _id: '$appId',
                  total: { $sum: 1 },
                  proven: one(is('proven')),
                  inTime: one({ $and: [is('proven'), { $lte: ['$provenAt', '$deadlineAt'] }] }),
                  waived: one(is('waived')),
                  superseded: one(is('superseded')),
                  overdue: one({
                    $and: [
                      { $not: { $in: ['$state', [...CLOSED_STATES]] } },
                      { $lt: ['$deadlineAt', now] },
                    ],
                  }),
                  contradicted: one({
                    $and: [{ $eq: ['$verdict.grade', 'F'] }, { $not: is('proven') }],
                  }),
                  averageMs: { $avg: took },
                  longestMs: { $max: took },
                },
              },
              { $sort: { _id: 1 } },
            ],
            { maxTimeMS: MAX_TIME_MS },
          )
          .toArray()
        return rows.map(({ _id, averageMs, longestMs, ...row }) => ({
          appId: _id,
          ...row,
          ...(averageMs == null ? {} : { averageMs: Math.round(averageMs) }),
          ...(longestMs == null ? {} : { longestMs }),
        }))
      }),

    population: ({ from, until }) =>
      translated(async () => {
        const rows = await offboardingsOf(connection)
          .aggregate<Omit<SourcePopulation, 'sourceId'> & { _id: string }>(
            [
              { $match: { openedAt: { $gte: from, $lt: until } } },
              {
                $group: {
                  _id: '$sourceId',
                  leavers: one({ $eq: ['$kind', 'leaver'] }),
                  movers: one({ $eq: ['$kind', 'mover'] }),
                  forCause: one('$forCause'),
                  open: one(is('open')),
                },
              },
              { $sort: { _id: 1 } },
            ],
            { maxTimeMS: MAX_TIME_MS },
          )
          .toArray()
        return rows.map(({ _id, ...row }) => ({ sourceId: _id, ...row }))
      }),
  }
}
