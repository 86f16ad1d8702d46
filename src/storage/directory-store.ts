import type { Connection, mongo } from 'mongoose'
import type { DirectoryStore } from '../directory/store.ts'
import type { Membership } from '../directory/types.ts'
import type { Instant } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { createUserGroups } from './directory-groups.ts'
import { createDirectoryLists } from './directory-list.ts'
import type { GroupRow, MembershipRow, UserRow } from './directory-models.ts'
import {
  groupRecord,
  groupRow,
  key,
  memberKey,
  membership,
  membershipRow,
  userRecord,
  userRow,
} from './directory-rows.ts'
import { createTotals } from './directory-totals.ts'
import { sharedTouch } from './directory-touch.ts'
import { sessionOf, within } from './transaction.ts'
import { writerOn } from './transaction-writes.ts'

/** Members in one listing of groups: an answer of about 30 MB. A single group is always read whole. */
const MAX_LISTED_MEMBERS = 200_000

/** Decoding a batch keeps everybody else waiting: 250 rows take one to two milliseconds. */
const MEMBERS_PER_BATCH = 250

/** Users, groups and memberships in MongoDB. Call `prepareDirectory` once before. */
export function createDirectoryStore(connection: Connection): DirectoryStore {
  const db = connection.getClient().db(connection.name)
  const users = db.collection<UserRow>('users')
  const groups = db.collection<GroupRow>('groups')
  const memberships = db.collection<MembershipRow>('memberships')
  const write = writerOn(connection)
  const touchGroup = sharedTouch((_id, at) =>
    within(undefined, async () => {
      const row = await groups.findOneAndUpdate({ _id }, touch(at), {
        returnDocument: 'after',
        ...shown(undefined),
      })
      return row && groupRecord(row)
    }),
  )

  return {
    ...createDirectoryLists({ users, groups, memberships, totals: createTotals() }),
    ...createUserGroups({ users, groups, memberships }),

    user: (sourceId, id, tx) =>
      within(tx, async () => {
        const row = await users.findOne({ _id: key(sourceId, id) }, shown(tx))
        return row && userRecord(row)
      }),

    users: (sourceId, ids, tx) =>
      within(tx, async () => {
        if (ids.length === 0) return []
        const rows = await users.find(amongKeys(sourceId, ids), shown(tx)).toArray()
        return rows.map(userRecord)
      }),

    group: (sourceId, id, tx) =>
      within(tx, async () => {
        const row = await groups.findOne({ _id: key(sourceId, id) }, shown(tx))
        return row && groupRecord(row)
      }),

    members: (sourceId, groupId, tx) =>
      within(tx, () =>
        mapped(
          memberships.find(
            { sourceId, groupId },
            { ...sessionOf(tx), sort: { memberId: 1 }, batchSize: MEMBERS_PER_BATCH },
          ),
          membership,
        ),
      ),

    memberIds: (sourceId, groupId, ids, tx) =>
      within(tx, () => {
        const among = ids === undefined ? {} : { memberId: { $in: [...ids] } }
        const options = {
          ...sessionOf(tx),
          projection: { _id: 0, memberId: 1 },
          batchSize: MEMBERS_PER_BATCH,
        }
        return mapped(
          memberships.find({ sourceId, groupId, ...among }, options),
          (row) => row.memberId,
        )
      }),

    membersOf: (sourceId, groupIds) =>
      within(undefined, async () => {
        const result = new Map<string, Membership[]>()
        if (groupIds.length === 0) return result
        const cursor = memberships.find(
          { sourceId, groupId: { $in: [...groupIds] } },
          {
            sort: { groupId: 1, memberId: 1 },
            limit: MAX_LISTED_MEMBERS + 1,
            batchSize: MEMBERS_PER_BATCH,
          },
        )
        let listed = 0
        for await (const rows of batches(cursor)) {
          listed += rows.length
          if (listed > MAX_LISTED_MEMBERS) {
            throw new HubError(
              'ERR_TOO_MANY',
              'these groups have too many members for one answer; ask for fewer groups, or exclude members',
            )
          }
          for (const row of rows) {
            const list = result.get(row.groupId) ?? []
            list.push(membership(row))
            result.set(row.groupId, list)
          }
        }
        return result
      }),

    insertUser: (record, tx) =>
      within(tx, async () => {
        await users.insertOne(userRow(record), sessionOf(tx))
      }),

    replaceUser: (record, expectedVersion, tx) =>
      within(tx, async () => {
        const { _id, ...fields } = userRow(record)
        const { matched } = await write(
          users,
          [{ updateOne: { filter: { _id, version: expectedVersion }, update: { $set: fields } } }],
          tx,
        )
        return matched === 1
      }),

    touchUsers: (sourceId, ids, at, tx) =>
      within(tx, async () => {
        if (ids.length === 0) return
        const filter = amongKeys(sourceId, ids)
        await write(users, [{ updateMany: { filter, update: touch(at) } }], tx)
      }),

    removeUser: (sourceId, id, expectedVersion, tx) =>
      within(tx, async () => {
        const filter = { _id: key(sourceId, id), version: expectedVersion }
        return (await write(users, [{ deleteOne: { filter } }], tx)).deleted === 1
      }),

    insertGroup: (record, tx) =>
      within(tx, async () => {
        await groups.insertOne(groupRow(record), sessionOf(tx))
      }),

    replaceGroup: (record, expectedVersion, tx) =>
      within(tx, async () => {
        const { _id, ...fields } = groupRow(record)
        const { matchedCount } = await groups.updateOne(
          { _id, version: expectedVersion },
          { $set: fields },
          sessionOf(tx),
        )
        return matchedCount === 1
      }),

    touchGroup: (sourceId, id, at) => touchGroup(key(sourceId, id), at),

    touchGroups: (sourceId, ids, at, tx) =>
      within(tx, async () => {
        if (ids.length === 0) return
        await groups.updateMany(amongKeys(sourceId, ids), touch(at), sessionOf(tx))
      }),

    removeGroup: (sourceId, id, expectedVersion, tx) =>
      within(tx, async () => {
        const { deletedCount } = await groups.deleteOne(
          { _id: key(sourceId, id), version: expectedVersion },
          sessionOf(tx),
        )
        return deletedCount === 1
      }),

    addMembers: (rows, tx) =>
      within(tx, async () => {
        const writes = rows.map((row) => {
          const { _id, ...fields } = membershipRow(row)
          return { updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true } }
        })
        return (await write(memberships, writes, tx)).upserted.length
      }),

    removeMembers: (sourceId, groupId, memberIds, tx) =>
      within(tx, async () => {
        if (memberIds.length === 0) return 0
        const filter = { _id: { $in: memberIds.map((id) => memberKey(sourceId, groupId, id)) } }
        return (await write(memberships, [{ deleteMany: { filter } }], tx)).deleted
      }),

    removeFromAllGroups: (sourceId, memberId, tx) =>
      within(tx, async () => {
        await write(memberships, [{ deleteMany: { filter: { sourceId, memberId } } }], tx)
      }),
  }
}

/** The rows of a cursor as they come in, so that nobody waits for all of them. */
async function* batches<Row>(cursor: mongo.FindCursor<Row>): AsyncGenerator<Row[]> {
  try {
    while (await cursor.hasNext()) yield cursor.readBufferedDocuments()
  } finally {
    await cursor.close()
  }
}

async function mapped<Row, Item>(
  cursor: mongo.FindCursor<Row>,
  item: (row: Row) => Item,
): Promise<Item[]> {
  const items: Item[] = []
  for await (const rows of batches(cursor)) for (const row of rows) items.push(item(row))
  return items
}

/** The search form is half of a row, and serves queries alone. */
const shown = (tx: Transaction | undefined) => ({ ...sessionOf(tx), projection: { search: 0 } })

const amongKeys = (sourceId: string, ids: readonly string[]) => ({
  _id: { $in: ids.map((id) => key(sourceId, id)) },
})

const touch = (at: Instant) => ({
  $inc: { version: 1 },
  $max: { lastModified: new Date(at) },
})
