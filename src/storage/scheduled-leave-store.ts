import type { Connection, mongo } from 'mongoose'
import type { LeaveStore, ScheduledLeave } from '../intake/scheduled-leave.ts'
import { translated } from './errors.ts'
import { keysetCursor, parseKeyset } from './keyset.ts'
import { sessionOf, within } from './transaction.ts'

type LeaveRow = Omit<ScheduledLeave, 'id'> & { _id: string }

const leavesOf = (connection: Connection): mongo.Collection<LeaveRow> =>
  connection
    .getClient()
    .db(connection.name)
    .collection<LeaveRow>('scheduled_leaves', { ignoreUndefined: true })

/** Creates the collection and its indexes. Safe to repeat. */
export async function prepareScheduledLeaves(connection: Connection): Promise<void> {
  const scheduled = { partialFilterExpression: { state: 'scheduled' } }
  await translated(async () => {
    await connection.createCollection('scheduled_leaves')
    await leavesOf(connection).createIndexes([
      // One plan per person: two would be a contradiction that nobody sees.
      { key: { sourceId: 1, userId: 1 }, name: 'one_per_person', unique: true, ...scheduled },
      { key: { effectiveAt: 1 }, name: 'due', ...scheduled },
      { key: { effectiveAt: 1, _id: 1 }, name: 'order' },
      { key: { state: 1, effectiveAt: 1, _id: 1 }, name: 'order_by_state' },
      { key: { sourceId: 1, userId: 1, effectiveAt: 1, _id: 1 }, name: 'of_user' },
    ])
  })
}

/** Scheduled leaves in MongoDB. Call `prepareScheduledLeaves` once before. */
export function createLeaveStore(connection: Connection): LeaveStore {
  const leaves = leavesOf(connection)
  return {
    insert: ({ id, ...row }, tx) =>
      within(tx, async () => {
        await leaves.insertOne({ _id: id, ...row }, sessionOf(tx))
      }),

    leave: (id) =>
      translated(async () => {
        const row = await leaves.findOne({ _id: id })
        return row && leaveOf(row)
      }),

    list: ({ state, sourceId, userId }, { limit, cursor }) =>
      translated(async () => {
        const after = cursor === undefined ? undefined : parseKeyset(cursor)
        const rows = await leaves
          .find({
            ...(state === undefined ? {} : { state }),
            ...(sourceId === undefined ? {} : { sourceId }),
            ...(userId === undefined ? {} : { userId }),
            ...(after === undefined
              ? {}
              : {
                  $or: [
                    { effectiveAt: { $gt: after.at } },
                    { effectiveAt: after.at, _id: { $gt: after.id } },
                  ],
                }),
          })
          .sort({ effectiveAt: 1, _id: 1 })
          .limit(limit + 1)
          .toArray()
        const items = rows.slice(0, limit).map(leaveOf)
        const last = items.at(-1)
        return rows.length > limit && last !== undefined
          ? { items, next: keysetCursor(last.effectiveAt, last.id) }
          : { items }
      }),

    due: (until, limit) =>
      translated(async () => {
        const rows = await leaves
          .find({ state: 'scheduled', effectiveAt: { $lte: until } })
          .sort({ effectiveAt: 1 })
          .limit(limit)
          .toArray()
        return rows.map(leaveOf)
      }),

    nextAt: () =>
      translated(async () => {
        const row = await leaves.findOne(
          { state: 'scheduled' },
          { sort: { effectiveAt: 1 }, projection: { _id: 0, effectiveAt: 1 } },
        )
        return row?.effectiveAt
      }),

    end: (id, change, tx) =>
      within(tx, async () => {
        const { matchedCount } = await leaves.updateOne(
          { _id: id, state: 'scheduled' },
          { $set: change },
          sessionOf(tx),
        )
        return matchedCount === 1
      }),
  }
}

const leaveOf = ({ _id, ...row }: LeaveRow): ScheduledLeave => ({ id: _id, ...row })
