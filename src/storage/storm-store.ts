import type { Connection, mongo } from 'mongoose'
import type { Storm, StormStore } from '../intake/storm.ts'
import { laneId } from '../revocation/lane.ts'
import { CLOSED_STATES } from '../revocation/types.ts'
import { translated } from './errors.ts'
import { keysetCursor, parseKeyset } from './keyset.ts'
import { offboardingsOf, revocationsOf } from './revocation-models.ts'
import { sessionOf } from './transaction.ts'

type StormRow = Omit<Storm, 'id'> & { _id: string }

const stormsOf = (connection: Connection): mongo.Collection<StormRow> =>
  connection.getClient().db(connection.name).collection<StormRow>('storms')

/** Creates the collection and its indexes. Safe to repeat. */
export async function prepareStorms(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('storms')
    await stormsOf(connection).createIndexes([
      { key: { sourceId: 1, state: 1, openedAt: 1 } },
      { key: { state: 1 } },
      { key: { openedAt: -1, _id: -1 } },
    ])
  })
}

/** Storms, and what they hold. Call `prepareRevocations` and `prepareDirectory` once before. */
export function createStormStore(connection: Connection): StormStore {
  const storms = stormsOf(connection)
  const revocations = revocationsOf(connection)
  const offboardings = offboardingsOf(connection)
  const stillHeld = (id: string) => ({ heldBy: id, state: { $nin: [...CLOSED_STATES] } })
  return {
    departuresSince: (sourceId, since, most) =>
      translated(() =>
        offboardings.countDocuments(
          { sourceId, openedAt: { $gte: since } },
          { limit: Math.max(most, 1) },
        ),
      ),
    people: (sourceId, most) =>
      translated(() =>
        connection.collection('users').countDocuments({ sourceId }, { limit: most }),
      ),
    held: (sourceId) =>
      translated(async () => {
        const row = await storms.findOne({ sourceId, state: 'held' }, { sort: { openedAt: 1 } })
        return row && stormOf(row)
      }),
    resumedSince: (sourceId, since) =>
      translated(async () => {
        const row = await storms.findOne({ sourceId, resumedAt: { $gte: since } })
        return row !== null
      }),
    keep: async ({ id, ...storm }, tx) => {
      const known = await storms.findOneAndUpdate(
        { _id: id },
        { $setOnInsert: { ...storm, state: 'held' } },
        { upsert: true, returnDocument: 'before', ...sessionOf(tx) },
      )
      return known?.state ?? 'new'
    },
    resume: async (sourceId, now, tx) => {
      const rows = await storms.find({ sourceId, state: 'held' }, sessionOf(tx)).toArray()
      const ids = rows.map(({ _id }) => _id)
      await storms.updateMany(
        { _id: { $in: ids }, state: 'held' },
        { $set: { state: 'resumed', resumedAt: now } },
        sessionOf(tx),
      )
      return ids
    },
    all: (state) => translated(async () => (await storms.find({ state }).toArray()).map(stormOf)),
    leftovers: () =>
      translated(async () => {
        const holding = await revocations.distinct('heldBy', { heldBy: { $exists: true } })
        const ids = holding.filter((id) => id !== undefined)
        if (ids.length === 0) return []
        const rows = await storms.find({ _id: { $in: ids }, state: 'over' }).toArray()
        return rows.map(({ _id }) => _id)
      }),
    list: (filter, { limit, cursor }) =>
      translated(async () => {
        const after = cursor === undefined ? undefined : parseKeyset(cursor)
        const beyond =
          after === undefined
            ? {}
            : {
                $or: [
                  { openedAt: { $lt: after.at } },
                  { openedAt: after.at, _id: { $lt: after.id } },
                ],
              }
        const rows = await storms
          .find({ ...filter, ...beyond })
          .sort({ openedAt: -1, _id: -1 })
          .limit(limit + 1)
          .toArray()
        const items = rows.slice(0, limit).map(stormOf)
        const last = items.at(-1)
        return rows.length > limit && last !== undefined
          ? { items, next: keysetCursor(last.openedAt, last.id) }
          : { items }
      }),
    count: (id) =>
      translated(async () => {
        const [row] = await revocations
          .aggregate<{ departures: number; revocations: number }>([
            { $match: stillHeld(id) },
            { $group: { _id: '$offboardingId', revocations: { $sum: 1 } } },
            {
              $group: { _id: null, departures: { $sum: 1 }, revocations: { $sum: '$revocations' } },
            },
          ])
          .toArray()
        return { departures: row?.departures ?? 0, revocations: row?.revocations ?? 0 }
      }),
    someHeld: (id, limit, after) =>
      translated(async () => {
        const rows = await revocations
          .find({ heldBy: id, ...(after === undefined ? {} : { _id: { $gt: after } }) })
          .sort({ _id: 1 })
          .limit(limit)
          .toArray()
        return rows.map((row) => ({ revocationId: row._id, laneId: laneId(row) }))
      }),
    unhold: (revocationIds) =>
      translated(async () => {
        await revocations.updateMany(
          { _id: { $in: [...revocationIds] } },
          { $unset: { heldBy: '' } },
        )
      }),
    end: (id) =>
      translated(async () => {
        await storms.updateOne({ _id: id, state: 'resumed' }, { $set: { state: 'over' } })
      }),
  }
}

const stormOf = ({ _id, ...row }: StormRow): Storm => ({ ...row, id: _id })
