import type { Connection, mongo } from 'mongoose'
import type { Lane } from '../revocation/lane.ts'
import type { LaneStore } from '../revocation/store.ts'
import type { WorkerLaneStore } from '../revocation/worker-store.ts'
import { HubError } from '../shared/errors.ts'
import { createLaneClaim, createLeaseCount } from './lane-claim.ts'
import { pacesOf, reserveSlots } from './lane-limits.ts'
import { lanesOf } from './lane-models.ts'
import { type LaneRow, laneOf, laneRow } from './lane-rows.ts'
import { createLaneSwap, swapWrite } from './lane-swap.ts'
import { sessionOf, within } from './transaction.ts'
import { writerOn } from './transaction-writes.ts'

/** Lanes in MongoDB. Call `prepareLanes` once before. */
export function createLaneStore(connection: Connection): LaneStore & WorkerLaneStore {
  const lanes = lanesOf(connection)
  const paces = pacesOf(connection)
  const write = writerOn(connection)
  const swapInBatch = createLaneSwap(connection)
  const claim = createLaneClaim(lanes)
  const leasedByOthers = createLeaseCount(lanes)

  return {
    load: (ids, tx) =>
      within(tx, async () => {
        if (ids.length === 0) return new Map()
        const rows = await lanes.find({ _id: { $in: [...ids] } }, sessionOf(tx)).toArray()
        return new Map(rows.map((row) => [row._id, laneOf(row)]))
      }),

    ofUsers: (sourceId, userIds, tx) =>
      within(tx, async () => {
        const rows = await lanes
          .find({ sourceId, userId: { $in: [...userIds] } }, sessionOf(tx))
          .toArray()
        return rows.map(laneOf)
      }),

    save: (changed, tx) =>
      within(tx, async () => {
        if (changed.length === 0) return []
        if (tx !== undefined) {
          const { upserted, matched } = await write(lanes, changed.map(keep), tx)
          const created = changed.filter((lane) => lane.rev === 0).length
          if (upserted.length === created && matched === changed.length - created) return []
          throw new HubError('ERR_CONFLICT', 'somebody else moved this lane at the same time')
        }
        const lost: string[] = []
        // One by one: which of them lost the race must be known by name.
        for (const lane of changed) {
          const result = await lanes.bulkWrite([keep(lane)])
          const kept = lane.rev === 0 ? result.upsertedCount : result.matchedCount
          if (kept === 0) lost.push(lane.id)
        }
        return lost
      }),

    lane: (id, tx) =>
      within(tx, async () => {
        const row = await lanes.findOne({ _id: id }, sessionOf(tx))
        return row && laneOf(row)
      }),

    swap: (before, after, evidence = []) => swapInBatch({ before, after, evidence }),

    swapAll: async (swaps, tx) => {
      if (swaps.length === 0) return new Set()
      const session = sessionOf(tx)
      const ids = swaps.map(({ before }) => before.id)
      const stored = await lanes
        .find({ _id: { $in: ids } }, { projection: { rev: 1 }, ...session })
        .toArray()
      const revs = new Map(stored.map((row) => [row._id, row.rev]))
      // In one order for everybody. Else of two transactions over the same lanes each would hold what the other one needs
      // next: both start over, and again.
      const current = swaps
        .filter(({ before }) => revs.get(before.id) === before.rev)
        .sort((a, b) => (a.before.id < b.before.id ? -1 : 1))
      if (current.length > 0) {
        // Whoever moves one of them after that read is a write conflict: the transaction starts over.
        await lanes.bulkWrite(
          current.map((swap) => swapWrite(swap)),
          session,
        )
      }
      return new Set(current.map(({ before }) => before.id))
    },

    claim,

    nextDue: (appIds) =>
      within(undefined, async () => {
        if (appIds.length === 0) return new Map()
        const rows = await lanes
          .aggregate<{ _id: string; dueAt: number }>(earliestOf(appIds), {
            hint: 'claim_by_age',
            // The whole answer in one message.
            batchSize: appIds.length + 1,
          })
          .toArray()
        return new Map(rows.map((row) => [row._id, row.dueAt]))
      }),

    leasedByOthers: (appId, holder, now) => leasedByOthers({ appId, holder, now }),

    reserveSlots: (take) => reserveSlots(paces, take),

    earliest: () =>
      within(undefined, async () => {
        const row = await lanes.findOne(
          { waits: true, dueAt: { $gte: 0 } },
          { sort: { dueAt: 1 }, projection: { _id: 0, dueAt: 1 } },
        )
        return row?.dueAt
      }),

    expired: (by, limit) =>
      within(undefined, async () => {
        const over = { 'lease.until': { $gt: 0, $lte: by } }
        return (await lanes.find(over).sort({ 'lease.until': 1 }).limit(limit).toArray()).map(
          laneOf,
        )
      }),

    dirty: (limit, among) =>
      within(undefined, async () => {
        const news = { news: true, ...(among === undefined ? {} : { _id: { $in: [...among] } }) }
        return (await lanes.find(news).limit(limit).toArray()).map(laneOf)
      }),

    goneForOthers: ({ appId, sourceId, handleId }) =>
      within(undefined, async () => {
        const others = {
          appId,
          'links.handleId': handleId,
          'want.op': 'revoke' as const,
          sourceId: { $ne: sourceId },
        }
        return (await lanes.findOne(others, { projection: { _id: 1 } })) !== null
      }),

    held: (appId, limit) =>
      within(undefined, async () => {
        const rows = await lanes
          .find({ waits: true, appId, state: 'held' })
          .sort({ dueAt: 1 })
          .limit(limit)
          .toArray()
        return rows.map(laneOf)
      }),

    stuck: (limit, after = '') =>
      within(undefined, async () => {
        const stuck = { 'undo.stuck': { $gt: '' }, _id: { $gt: after } }
        return (await lanes.find(stuck).sort({ _id: 1 }).limit(limit).toArray()).map(laneOf)
      }),
  }
}

/** In the order of the index, so that the server skips from app to app: however long the queues, one entry of each. */
const earliestOf = (appIds: readonly string[]) => [
  { $match: { waits: true, appId: { $in: [...appIds] } } },
  { $sort: { appId: 1, dueAt: 1 } },
  { $group: { _id: '$appId', dueAt: { $first: '$dueAt' } } },
]

/** What keeps one lane if its stored rev is still the one that was read. */
function keep(lane: Lane): mongo.AnyBulkWriteOperation<LaneRow> {
  const row = laneRow(lane, lane.rev + 1)
  if (lane.rev > 0) {
    return { replaceOne: { filter: { _id: lane.id, rev: lane.rev }, replacement: row } }
  }
  const { _id, ...fields } = row
  return { updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true } }
}
