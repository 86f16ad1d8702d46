import { isDeepStrictEqual } from 'node:util'
import type { GroupRecord, Membership } from '../directory/types.ts'
import { grantingGroups } from '../revocation/plan.ts'
import { HubError } from '../shared/errors.ts'
import { createKeyedQueue } from '../shared/keyed-queue.ts'
import type { Transaction } from '../shared/transaction.ts'
import { commitAccess } from './commit-access.ts'
import type { ChangeCall, Directory, MemberDelta, MemberRef } from './directory.ts'
import { isLostRace, lostRace, MAX_RACES, type UserChangeDeps } from './user-changes.ts'

/**
 * People whose access changes per transaction. A whole-group replace of 50,000 becomes a row of bounded
 * transactions: members are a set, so a crash in the middle is mended by the provider's retry.
 */
const PEOPLE_PER_TRANSACTION = 200

/** And where nobody's access changes: rows and versions only. */
const ROWS_PER_TRANSACTION = 1_000

type GroupChanges = Pick<Directory, 'createGroup' | 'changeGroup' | 'deleteGroup'>

export function createGroupChanges(deps: UserChangeDeps): GroupChanges {
  const { store, clock } = deps
  const inTurn = createKeyedQueue()
  return {
    async createGroup(call, resource, members) {
      const now = clock.now()
      const record: GroupRecord = {
        id: deps.newId(),
        sourceId: call.sourceId,
        resource,
        version: 1,
        created: now,
        lastModified: now,
      }
      await store.insertGroup(record)
      if (members.length > 0) {
        await changeMembers(deps, call, record.id, { base: 'keep', add: members, remove: [] })
        return (await store.group(call.sourceId, record.id)) ?? record
      }
      return record
    },

    changeGroup: (call, id, change) =>
      inTurn(`${call.sourceId}/${id}`, async () => {
        for (let race = 0; race < MAX_RACES; race++) {
          const before = await existing(deps, call, id)
          const { resource, members } = await change(before, () => store.members(call.sourceId, id))
          let record = before
          // If-Match insists on a version, so the version must move under compare-and-swap even for members.
          if (call.ifMatch !== undefined || !isDeepStrictEqual(resource, before.resource)) {
            record = {
              ...before,
              resource,
              version: before.version + 1,
              lastModified: Math.max(clock.now(), before.lastModified + 1),
            }
            if (!(await store.replaceGroup(record, before.version))) continue
          }
          const membersChanged =
            members !== undefined && (await changeMembers(deps, call, id, members))
          if (membersChanged) record = (await store.group(call.sourceId, id)) ?? record
          return { record, changed: membersChanged || record.version !== before.version }
        }
        throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this group; try again', {
          retryAfterSeconds: 1,
        })
      }),

    async deleteGroup(call, id) {
      for (let race = 0; race < MAX_RACES; race++) {
        await existing(deps, call, id)
        // Members go first, each with what they owe: when the group is gone, nothing is left to lose.
        await changeMembers(deps, call, id, { base: 'clear', add: [], remove: [] })
        const { version } = await existing(deps, { ...call, ifMatch: undefined }, id)
        if (await store.removeGroup(call.sourceId, id, version)) return
      }
      throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this group; try again', {
        retryAfterSeconds: 1,
      })
    },
  }
}

async function existing(
  { store }: UserChangeDeps,
  call: Omit<ChangeCall, 'ifMatch'> & { ifMatch?: number | undefined },
  id: string,
): Promise<GroupRecord> {
  const record = await store.group(call.sourceId, id)
  if (record === null) throw new HubError('ERR_NOT_FOUND', `no such Group: ${id}`)
  if (call.ifMatch !== undefined && call.ifMatch !== record.version) {
    throw new HubError('ERR_PRECONDITION', `the Group has version ${record.version} now`)
  }
  return record
}

/** @returns whether the set of members is another one now */
async function changeMembers(
  deps: UserChangeDeps,
  call: ChangeCall,
  groupId: string,
  delta: MemberDelta,
): Promise<boolean> {
  const leaving = new Set(delta.remove)
  const joining = new Map(delta.add.map((member) => [member.value, member]))
  if (delta.base === 'clear') {
    for (const { memberId } of await deps.store.members(call.sourceId, groupId)) {
      if (!joining.delete(memberId)) leaving.add(memberId)
    }
  } else {
    for (const id of joining.keys()) leaving.delete(id)
  }

  const grants = grantingGroups(await deps.apps.all(), call.sourceId).has(groupId)
  const ids = [...leaving, ...joining.keys()]
  let changed = false
  const size = grants ? PEOPLE_PER_TRANSACTION : ROWS_PER_TRANSACTION
  for (let from = 0; from < ids.length; from += size) {
    const part = ids.slice(from, from + size)
    const leave = part.filter((id) => leaving.has(id))
    const join = part.flatMap((id) => joining.get(id) ?? [])
    const apply = grants ? changePeople : changeDisplay
    changed = (await apply(deps, call, groupId, leave, join)) || changed
  }
  if (changed) await deps.store.touchGroup(call.sourceId, groupId, deps.clock.now())
  if (changed && grants) deps.onCommitted()
  return changed
}

/**
 * A group that grants nothing: rows, and a new version of each user concerned, whose `groups` shows them.
 */
async function changeDisplay(
  deps: UserChangeDeps,
  call: ChangeCall,
  groupId: string,
  leave: readonly string[],
  join: readonly MemberRef[],
): Promise<boolean> {
  return await deps.transactor.transaction(async (tx) => {
    const ids = await changeRows(deps, call, groupId, leave, join, tx)
    await deps.store.touchUsers(call.sourceId, ids, deps.clock.now(), tx)
    return ids.length > 0
  })
}

/** @returns the ids of those who left or joined */
async function changeRows(
  { store }: UserChangeDeps,
  call: ChangeCall,
  groupId: string,
  leave: readonly string[],
  join: readonly MemberRef[],
  tx: Transaction,
): Promise<string[]> {
  const removed =
    leave.length === 0 ? [] : await store.removeMembers(call.sourceId, groupId, leave, tx)
  const added = join.length === 0 ? [] : await store.addMembers(join.map(rowOf(call, groupId)), tx)
  return [...removed, ...added]
}

const rowOf =
  (call: ChangeCall, groupId: string) =>
  (member: MemberRef): Membership => ({
    sourceId: call.sourceId,
    groupId,
    memberId: member.value,
    type: member.type ?? 'User',
    ...(member.display === undefined ? {} : { display: member.display }),
  })

/**
 * A group that grants an app: rows, users and what they owe, in one transaction. Each user concerned gets
 * a new version, so that two removals from two groups that both grant the same app cannot each believe
 * that the other group still grants it.
 */
async function changePeople(
  deps: UserChangeDeps,
  call: ChangeCall,
  groupId: string,
  leave: readonly string[],
  join: readonly MemberRef[],
): Promise<boolean> {
  for (let race = 0; race < MAX_RACES; race++) {
    const outcome = await deps.transactor
      .transaction(async (tx) => {
        const people = await deps.store.users(
          call.sourceId,
          [...leave, ...join.map((member) => member.value)],
          tx,
        )
        const peopleIds = people.map((user) => user.id)
        const before = await deps.store.groupIdsOf(call.sourceId, peopleIds, tx)
        const ids = await changeRows(deps, call, groupId, leave, join, tx)
        if (ids.length === 0) return 'unchanged'
        const after = await deps.store.groupIdsOf(call.sourceId, peopleIds, tx)
        for (const user of people) {
          const was = before.get(user.id) ?? new Set<string>()
          const is = after.get(user.id) ?? new Set<string>()
          if (was.has(groupId) === is.has(groupId)) continue
          const now = deps.clock.now()
          const { generation } = await commitAccess(
            deps,
            {
              user,
              before: { active: user.active, groupIds: was },
              after: { active: user.active, groupIds: is },
              cause: call.cause,
              forCause: false,
              now,
            },
            tx,
          )
          const next = {
            ...user,
            generation,
            version: user.version + 1,
            lastModified: Math.max(now, user.lastModified + 1),
          }
          if (!(await deps.store.replaceUser(next, user.version, tx))) lostRace()
        }
        return 'changed'
      })
      .catch(isLostRace)
    if (outcome) return outcome === 'changed'
  }
  throw new HubError('ERR_CONFLICT', 'too many concurrent changes of these members; try again', {
    retryAfterSeconds: 1,
  })
}
