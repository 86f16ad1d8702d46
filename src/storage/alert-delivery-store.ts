import type { Connection, mongo } from 'mongoose'
import { type AlertEvent, alertEvent } from '../alerts/alert-event.ts'
import type { Delivery, DeliveryStore } from '../alerts/delivery.ts'
import { DAY, SECOND } from '../shared/clock.ts'
import { type AlertRow, alertsOf, toAlert } from './alert-store.ts'
import { translated } from './errors.ts'

interface DeliveryRow {
  /** `<sink>/<event id>`: what is spread twice is one delivery. */
  _id: string
  sinkId: string
  event: AlertEvent
  state: 'waiting' | 'delivered' | 'dead'
  /** When it is tried next, or until when somebody has it. */
  dueAt: number
  attempts: number
  leaseId?: string
  reason?: string
  endedAt?: number
  /** For the index that forgets; a date, as it wants one. */
  forgetFrom?: Date
}

/** How long the end of a delivery is remembered: what comes twice within this time is not delivered twice. */
const KEPT_MS = 30 * DAY

const deliveriesOf = (connection: Connection): mongo.Collection<DeliveryRow> =>
  connection.getClient().db(connection.name).collection<DeliveryRow>('alert_deliveries')

/** Creates the collection and its indexes. Safe to repeat. */
export async function prepareDeliveries(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('alert_deliveries')
    await deliveriesOf(connection).createIndexes([
      { key: { sinkId: 1, state: 1, dueAt: 1 } },
      { key: { sinkId: 1, state: 1, endedAt: -1 } },
      { key: { forgetFrom: 1 }, expireAfterSeconds: KEPT_MS / SECOND },
    ])
  })
}

export function createDeliveryStore(connection: Connection): DeliveryStore {
  const rows = deliveriesOf(connection)
  const alerts = alertsOf(connection)

  const end = async (
    { id, leaseId }: Pick<Delivery, 'id' | 'leaseId'>,
    change: Partial<DeliveryRow>,
  ): Promise<boolean> =>
    translated(async () => {
      const { matchedCount } = await rows.updateOne(
        { _id: id, leaseId, state: 'waiting' },
        { $set: change, $unset: { leaseId: 1 } },
      )
      return matchedCount === 1
    })

  return {
    spread: (sinksFor, limit, now) =>
      translated(async () => {
        const found = await alerts
          .find({ 'pending.at': { $gt: 0 } })
          .limit(limit)
          .toArray()
        for (const row of found) await spreadOne(row, sinksFor, now)
        return found.length
      }),

    claim: ({ sinkId, leaseId, now, until }) =>
      translated(async () => {
        const row = await rows.findOneAndUpdate(
          { sinkId, state: 'waiting', dueAt: { $lte: now } },
          { $set: { dueAt: until, leaseId }, $inc: { attempts: 1 } },
          { sort: { dueAt: 1 }, returnDocument: 'after' },
        )
        if (row === null) return undefined
        return { id: row._id, sinkId, event: row.event, attempts: row.attempts, leaseId }
      }),

    delivered: (held, now) =>
      end(held, { state: 'delivered', endedAt: now, forgetFrom: new Date(now) }),
    failed: (held, reason, dueAt) => end(held, { reason, dueAt }),
    gaveUp: (held, reason, now) => end(held, { state: 'dead', reason, endedAt: now }),

    dead: (sinkIds) =>
      translated(async () => {
        const found = await Promise.all(
          sinkIds.map(async (sinkId) => {
            const newest = (state: DeliveryRow['state']) =>
              rows.findOne({ sinkId, state }, { sort: { endedAt: -1 } })
            const [dead, delivered] = await Promise.all([newest('dead'), newest('delivered')])
            if (dead === null || (delivered?.endedAt ?? 0) > (dead.endedAt ?? 0)) return []
            const count = await rows.countDocuments({ sinkId, state: 'dead' })
            return [{ sinkId, count, reason: dead.reason ?? 'unknown' }]
          }),
        )
        return found.flat()
      }),

    retryDead: (sinkId, now) =>
      translated(async () => {
        const { modifiedCount } = await rows.updateMany(
          { sinkId, state: 'dead' },
          { $set: { state: 'waiting', dueAt: now, attempts: 0 }, $unset: { endedAt: 1 } },
        )
        return modifiedCount
      }),
  }

  /** First the deliveries, then the alert forgets: killed in between, it is spread again under the same ids. */
  async function spreadOne(
    row: AlertRow,
    sinksFor: (event: AlertEvent) => readonly string[],
    now: number,
  ): Promise<void> {
    const { pending = [], ...rest } = row
    const events = pending.map((one) => alertEvent(toAlert(rest), one))
    const inserts = events.flatMap((event) =>
      sinksFor(event).map((sinkId) => ({
        updateOne: {
          filter: { _id: `${sinkId}/${event.id}` },
          update: {
            $setOnInsert: { sinkId, event, state: 'waiting' as const, dueAt: now, attempts: 0 },
          },
          upsert: true,
        },
      })),
    )
    if (inserts.length > 0) await rows.bulkWrite(inserts, { ordered: false })
    await alerts.updateOne({ _id: row._id }, { $pullAll: { pending } })
  }
}
