import type { Connection } from 'mongoose'
import { CLOSED_STATES } from '../revocation/types.ts'
import type { Instant } from '../shared/clock.ts'
import { alertsOf } from './alert-store.ts'
import { translated } from './errors.ts'
import { lanesOf } from './lane-models.ts'
import { revocationsOf } from './revocation-models.ts'

/** Lanes that are counted at most: a long queue must not make every look at it long. */
const MOST_LANES = 10_000

/** How much is open of one class. */
export interface OpenOfClass {
  class: number
  open: number
  overdue: number
  human: number
  firstOpenedAt: Instant
  firstDeadlineAt: Instant
}

/** The state of the hub in numbers, for metrics. Call the stores' `prepare…` once before. */
export function createGaugeStore(connection: Connection) {
  const lanes = lanesOf(connection)
  const db = connection.getClient().db(connection.name)
  return {
    /** Classes of which nothing is open are left out. */
    open: (now: Instant): Promise<OpenOfClass[]> =>
      translated(async () => {
        const one = (condition: unknown) => ({ $sum: { $cond: [condition, 1, 0] } })
        const rows = await revocationsOf(connection)
          .aggregate<Omit<OpenOfClass, 'class'> & { _id: number }>([
            { $match: { open: true, state: { $nin: [...CLOSED_STATES] } } },
            {
              $group: {
                _id: '$class',
                open: { $sum: 1 },
                overdue: one({ $lt: ['$deadlineAt', now] }),
                human: one({ $eq: ['$state', 'human'] }),
                firstOpenedAt: { $min: '$openedAt' },
                firstDeadlineAt: { $min: '$deadlineAt' },
              },
            },
          ])
          .toArray()
        return rows.map(({ _id, ...row }) => ({ class: _id, ...row }))
      }),

    /** At most 10,000 of each are counted. */
    lanes: (now: Instant): Promise<{ due: number; leased: number; oldestDueAt: Instant | null }> =>
      translated(async () => {
        const due = { waits: true, dueAt: { $lte: now } }
        const [dueCount, leased, oldest] = await Promise.all([
          lanes.countDocuments(due, { limit: MOST_LANES }),
          lanes.countDocuments({ 'lease.until': { $gt: 0 } }, { limit: MOST_LANES }),
          lanes.findOne(due, { sort: { dueAt: 1 }, projection: { _id: 0, dueAt: 1 } }),
        ])
        return { due: dueCount, leased, oldestDueAt: oldest?.dueAt ?? null }
      }),

    /** Unresolved alerts by rule. */
    alerts: (): Promise<{ rule: string; count: number }[]> =>
      translated(async () => {
        const rows = alertsOf(connection).aggregate<{ _id: string; count: number }>([
          { $match: { state: { $in: ['open', 'acknowledged'] } } },
          { $group: { _id: '$rule', count: { $sum: 1 } } },
        ])
        return (await rows.toArray()).map(({ _id, count }) => ({ rule: _id, count }))
      }),

    /** Of all receivers, those that are no longer set up too. */
    deliveries: (): Promise<{ waiting: number; undelivered: number }> =>
      translated(async () => {
        const rows = await db
          .collection('alert_deliveries')
          .aggregate<{ _id: string; count: number }>([
            { $match: { state: { $in: ['waiting', 'dead'] } } },
            { $group: { _id: '$state', count: { $sum: 1 } } },
          ])
          .toArray()
        const of = (state: string): number => rows.find(({ _id }) => _id === state)?.count ?? 0
        return { waiting: of('waiting'), undelivered: of('dead') }
      }),
  }
}
