import { isDeepStrictEqual } from 'node:util'
import type { GroupRecord } from '../directory/types.ts'
import { HubError } from '../shared/errors.ts'
import { createKeyedQueue } from '../shared/keyed-queue.ts'
import type { ChangeCall, Changed, Directory, GroupChange, MemberDelta } from './directory.ts'
import { changeMembers, type MemberChangeDeps, PEOPLE_PER_TRANSACTION } from './member-changes.ts'
import { isLostRace, lostRace, MAX_RACES, type UserChangeDeps } from './user-changes.ts'

type Attempt = Changed<GroupRecord> | 'lost' | 'needs its turn'

/**
 * Changes of a few members commute and do not wait for each other: a provider sends many of them to one group at
 * once. Whoever replaces the members, or the group, would only lose races.
 */
const isLarge = (members: MemberDelta | undefined): boolean =>
  members !== undefined &&
  (members.base === 'clear' || members.add.length + members.remove.length > PEOPLE_PER_TRANSACTION)

type GroupChanges = Pick<Directory, 'createGroup' | 'changeGroup' | 'deleteGroup'>

export function createGroupChanges(given: UserChangeDeps): GroupChanges {
  const deps: MemberChangeDeps = { ...given, personInTurn: createKeyedQueue() }
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
        const delta = { base: 'keep', add: members, remove: [] } as const
        return (await changeMembers(deps, call, record.id, delta)) ?? record
      }
      return record
    },

    changeGroup: async (call, id, change) => {
      let computed: { of: number; asked: GroupChange } | undefined
      const attempt = async (turn: 'mine' | 'none'): Promise<Attempt> => {
        const before = await existing(deps, call, id)
        const asked =
          computed?.of === before.version
            ? computed.asked
            : await change(before, () => store.members(call.sourceId, id))
        computed = { of: before.version, asked }
        const { resource, members } = asked
        // If-Match insists on a version, so the version must move under compare-and-swap even for members.
        const swaps = call.ifMatch !== undefined || !isDeepStrictEqual(resource, before.resource)
        if (turn === 'none' && (swaps || isLarge(members))) return 'needs its turn'
        let record = before
        if (swaps) {
          record = {
            ...before,
            resource,
            version: before.version + 1,
            lastModified: Math.max(clock.now(), before.lastModified + 1),
          }
          if (!(await store.replaceGroup(record, before.version))) return 'lost'
        }
        const touched = members && (await changeMembers(deps, call, id, members))
        return {
          record: touched ?? record,
          changed: touched !== undefined || record.version !== before.version,
        }
      }
      const done = await attempt('none')
      if (typeof done === 'object') return done
      return await inTurn(`${call.sourceId}/${id}`, async () => {
        for (let race = 0; race < MAX_RACES; race++) {
          const again = await attempt('mine')
          if (typeof again === 'object') return again
        }
        throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this group; try again', {
          retryAfterSeconds: 1,
        })
      })
    },

    async deleteGroup(call, id) {
      for (let race = 0; race < MAX_RACES; race++) {
        await existing(deps, call, id)
        // Members go first, each with what they owe: when the group is gone, nothing is left to lose.
        await changeMembers(deps, call, id, { base: 'clear', add: [], remove: [] })
        const { version } = await existing(deps, { ...call, ifMatch: undefined }, id)
        const outer = (await store.groupIdsOf(call.sourceId, [id])).get(id) ?? new Set()
        const done = await deps.transactor
          .transaction(async (tx) => {
            if (!(await store.removeGroup(call.sourceId, id, version, tx))) return lostRace()
            // Groups can be members: what is gone is in no group any more.
            await store.removeFromAllGroups(call.sourceId, id, tx)
            return true
          })
          .catch(isLostRace)
        if (done) return await store.touchGroups(call.sourceId, [...outer], clock.now())
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
