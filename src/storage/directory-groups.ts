import type { mongo } from 'mongoose'
import type { DirectoryStore } from '../directory/store.ts'
import type { GroupRef } from '../directory/types.ts'
import type { GroupRow, MembershipRow, UserRow } from './directory-models.ts'
import { key, userRecord } from './directory-rows.ts'
import { sessionOf, within } from './transaction.ts'

/** The server's first batch is of 101 rows, and a page of people is in more groups than that. */
const BATCH = 1_000

interface Collections {
  users: mongo.Collection<UserRow>
  groups: mongo.Collection<GroupRow>
  memberships: mongo.Collection<MembershipRow>
}

/** A row with the ids of its groups beside it. */
export interface Joined {
  memberOf: readonly { groupId: string }[]
}

/**
 * Adds `memberOf` to each row of users, in the command that reads it: a round trip less. Worth it for few rows;
 * the server looks for each of them on its own, about 0.1 ms each.
 */
export const joinGroupIds = (sourceId: string) => ({
  $lookup: {
    from: 'memberships',
    localField: 'id',
    foreignField: 'memberId',
    pipeline: [{ $match: { sourceId } }, { $project: { _id: 0, groupId: 1 } }],
    as: 'memberOf' satisfies keyof Joined,
  },
})

/** What the directory store knows of the groups of users. */
export function createUserGroups({
  users,
  groups,
  memberships,
}: Collections): Pick<
  DirectoryStore,
  'userWithGroups' | 'userWithGroupIds' | 'groupsOf' | 'groupRefs' | 'groupIdsOf'
> {
  const joined = async (sourceId: string, id: string): Promise<(UserRow & Joined) | undefined> => {
    const rows = await users
      .aggregate<UserRow & Joined>([
        { $match: { _id: key(sourceId, id) } },
        { $project: { search: 0 } },
        joinGroupIds(sourceId),
      ])
      .toArray()
    return rows[0]
  }
  return {
    userWithGroups: (sourceId, id) =>
      within(undefined, async () => {
        const row = await joined(sourceId, id)
        if (row === undefined) return null
        const named = await withNames(groups, sourceId, [[id, row.memberOf]])
        return { record: userRecord(row), groups: named.get(id) ?? [] }
      }),

    userWithGroupIds: (sourceId, id) =>
      within(undefined, async () => {
        const row = await joined(sourceId, id)
        if (row === undefined) return null
        const groupIds = new Set(row.memberOf.map(({ groupId }) => groupId))
        return { record: userRecord(row), groupIds }
      }),

    groupRefs: (sourceId, ids) =>
      within(undefined, async () => {
        const of = ids.map((groupId) => ({ groupId }))
        return (await withNames(groups, sourceId, [['', of]])).get('') ?? []
      }),

    groupsOf: (sourceId, userIds) =>
      within(undefined, async () => {
        const rows = await memberships
          .find(
            { sourceId, memberId: { $in: [...userIds] } },
            { projection: { _id: 0, memberId: 1, groupId: 1 }, batchSize: BATCH },
          )
          .toArray()
        const ofUser = new Map<string, { groupId: string }[]>()
        for (const row of rows) {
          const list = ofUser.get(row.memberId)
          if (list === undefined) ofUser.set(row.memberId, [row])
          else list.push(row)
        }
        return await withNames(groups, sourceId, [...ofUser])
      }),

    groupIdsOf: (sourceId, userIds, tx) =>
      within(tx, async () => {
        const rows = await memberships
          .find(
            { sourceId, memberId: { $in: [...userIds] } },
            { ...sessionOf(tx), projection: { _id: 0, memberId: 1, groupId: 1 }, batchSize: BATCH },
          )
          .toArray()
        const result = new Map<string, Set<string>>()
        for (const { memberId, groupId } of rows) {
          const ids = result.get(memberId) ?? new Set()
          result.set(memberId, ids.add(groupId))
        }
        return result
      }),
  }
}

/** user → groups by name, for those who are in any; no command when nobody is. */
export async function withNames(
  groups: mongo.Collection<GroupRow>,
  sourceId: string,
  memberships: readonly (readonly [userId: string, of: readonly { groupId: string }[]])[],
): Promise<Map<string, GroupRef[]>> {
  const ids = new Set(memberships.flatMap(([, of]) => of.map(({ groupId }) => groupId)))
  if (ids.size === 0) return new Map()
  const rows = await groups
    .find(
      { _id: { $in: [...ids].map((id) => key(sourceId, id)) } },
      { projection: { _id: 0, id: 1, 'resource.displayName': 1 }, batchSize: BATCH },
    )
    .toArray()
  const names = new Map(rows.map((row) => [row.id, String(row.resource['displayName'])]))
  return new Map(
    memberships
      .filter(([, of]) => of.length > 0)
      .map(([userId, of]) => [
        userId,
        of.map(({ groupId }) => ({ id: groupId, display: names.get(groupId) ?? '' })),
      ]),
  )
}
