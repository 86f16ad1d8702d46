import type { Connection } from 'mongoose'
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
  membership,
  membershipRow,
  userRecord,
  userRow,
} from './directory-rows.ts'
import { createTotals } from './directory-totals.ts'
import { sessionOf, within } from './transaction.ts'

/** Members in one listing of groups: an answer of about 30 MB. A single group is always read whole. */
const MAX_LISTED_MEMBERS = 200_000

/** Decoding a batch keeps everybody else waiting: a thousand rows take about 5 ms. */
const MEMBERS_PER_BATCH = 1_000

/** Users, groups and memberships in MongoDB. Call `prepareDirectory` once before. */
export function createDirectoryStore(connection: Connection): DirectoryStore {
  const db = connection.getClient().db(connection.name)
  const users = db.collection<UserRow>('users')
  const groups = db.collection<GroupRow>('groups')
  const memberships = db.collection<MembershipRow>('memberships')

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
      within(tx, async () => {
        const rows = await memberships
          .find(
            { sourceId, groupId },
            { ...sessionOf(tx), sort: { memberId: 1 }, batchSize: MEMBERS_PER_BATCH },
          )
          .toArray()
        return rows.map(membership)
      }),

    membersOf: (sourceId, groupIds) =>
      within(undefined, async () => {
        const result = new Map<string, Membership[]>()
        if (groupIds.length === 0) return result
        const rows = await memberships
          .find(
            { sourceId, groupId: { $in: [...groupIds] } },
            {
              sort: { groupId: 1, memberId: 1 },
              limit: MAX_LISTED_MEMBERS + 1,
              batchSize: MEMBERS_PER_BATCH,
            },
          )
          .toArray()
        if (rows.length > MAX_LISTED_MEMBERS) {
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
        return result
      }),

    insertUser: (record, tx) =>
      within(tx, async () => {
        await users.insertOne(userRow(record), sessionOf(tx))
      }),

    replaceUser: (record, expectedVersion, tx) =>
      within(tx, async () => {
        const { _id, ...fields } = userRow(record)
        const { matchedCount } = await users.updateOne(
          { _id, version: expectedVersion },
          { $set: fields },
          sessionOf(tx),
        )
        return matchedCount === 1
      }),

    touchUsers: (sourceId, ids, at, tx) =>
      within(tx, async () => {
        if (ids.length === 0) return
        await users.updateMany(amongKeys(sourceId, ids), touch(at), sessionOf(tx))
      }),

    removeUser: (sourceId, id, expectedVersion, tx) =>
      within(tx, async () => {
        const { deletedCount } = await users.deleteOne(
          { _id: key(sourceId, id), version: expectedVersion },
          sessionOf(tx),
        )
        return deletedCount === 1
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

    touchGroup: (sourceId, id, at, tx) =>
      within(tx, async () => {
        const { matchedCount } = await groups.updateOne(
          { _id: key(sourceId, id) },
          touch(at),
          sessionOf(tx),
        )
        return matchedCount === 1
      }),

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
        if (rows.length === 0) return []
        const { upsertedIds } = await memberships.bulkWrite(
          rows.map((row) => {
            const { _id, ...fields } = membershipRow(row)
            return {
              updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true },
            }
          }),
          { ordered: false, ...sessionOf(tx) },
        )
        return Object.keys(upsertedIds).map((index) => rows[Number(index)]?.memberId ?? '')
      }),

    removeMembers: (sourceId, groupId, memberIds, tx) =>
      within(tx, async () => {
        const which = {
          sourceId,
          groupId,
          ...(memberIds === 'all' ? {} : { memberId: { $in: [...memberIds] } }),
        }
        const present = await memberships
          .find(which, { ...sessionOf(tx), projection: { memberId: 1 } })
          .toArray()
        if (present.length > 0) {
          const keys = present.map((row) => row._id)
          await memberships.deleteMany({ _id: { $in: keys } }, sessionOf(tx))
        }
        return present.map((row) => row.memberId)
      }),

    removeFromAllGroups: (sourceId, memberId, tx) =>
      within(tx, async () => {
        const which = { sourceId, memberId }
        const present = await memberships
          .find(which, { ...sessionOf(tx), projection: { groupId: 1 } })
          .toArray()
        if (present.length > 0) await memberships.deleteMany(which, sessionOf(tx))
        return present.map((row) => row.groupId)
      }),
  }
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
