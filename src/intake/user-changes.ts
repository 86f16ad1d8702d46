import { isDeepStrictEqual } from 'node:util'
import { type AccessState, NO_ACCESS } from '../directory/access.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { UserRecord } from '../directory/types.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { JsonObject } from '../shared/json.ts'
import { createKeyedQueue } from '../shared/keyed-queue.ts'
import type { Transaction, Transactor } from '../shared/transaction.ts'
import { type AccessCommit, type CommitAccessDeps, commitAccess } from './commit-access.ts'
import type { ChangeCall, Changed, Directory } from './directory.ts'

export interface UserChangeDeps extends CommitAccessDeps {
  store: DirectoryStore
  transactor: Transactor
  clock: Clock
  /** Work was committed: wake the worker. */
  onCommitted(): void
}

/** Races lost to other processes before giving up with ERR_CONFLICT. */
export const MAX_RACES = 200

type UserChanges = Pick<Directory, 'createUser' | 'changeUser' | 'deleteUser'>

export function createUserChanges(deps: UserChangeDeps): UserChanges {
  const { store, clock } = deps
  const inTurn = createKeyedQueue()
  return {
    async createUser(call, resource) {
      const now = clock.now()
      const record: UserRecord = {
        id: deps.newId(),
        sourceId: call.sourceId,
        resource,
        active: isActive(resource),
        version: 1,
        generation: 0,
        created: now,
        lastModified: now,
      }
      await store.insertUser(record)
      return record
    },

    changeUser: (call, id, change) =>
      inTurn(`${call.sourceId}/${id}`, async () => {
        for (let race = 0; race < MAX_RACES; race++) {
          const before = await existing(store, call, id)
          const resource = change(before)
          if (isDeepStrictEqual(resource, before.resource)) return await unchanged(deps, before)
          const record: UserRecord = {
            ...before,
            resource,
            active: isActive(resource),
            version: before.version + 1,
            lastModified: Math.max(clock.now(), before.lastModified + 1),
          }
          const stored =
            record.active === before.active
              ? (await store.replaceUser(record, before.version)) && record
              : await commitStatusChange(deps, call, before, record)
          if (stored) return { record: stored, changed: true }
        }
        throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this user; try again', {
          retryAfterSeconds: 1,
        })
      }),

    async deleteUser(call, id) {
      for (let race = 0; race < MAX_RACES; race++) {
        const before = await existing(store, call, id)
        const done = await deps.transactor
          .transaction(async (tx) => {
            await recordAccess(deps, call, before, NO_ACCESS, tx)
            const groupIds = await store.removeFromAllGroups(call.sourceId, id, tx)
            return (await store.removeUser(call.sourceId, id, before.version, tx))
              ? groupIds
              : lostRace()
          })
          .catch(isLostRace)
        if (done) {
          deps.onCommitted()
          await store.touchGroups(call.sourceId, done, clock.now())
          return
        }
      }
      throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this user; try again', {
        retryAfterSeconds: 1,
      })
    },
  }
}

/** RFC 7643 §4.1.1: `active` has no default there; a person is taken as employed until the source says otherwise. */
export const isActive = (resource: JsonObject): boolean => resource['active'] !== false

async function existing(store: DirectoryStore, call: ChangeCall, id: string): Promise<UserRecord> {
  const record = await store.user(call.sourceId, id)
  if (record === null) throw new HubError('ERR_NOT_FOUND', `no such User: ${id}`)
  if (call.ifMatch !== undefined && call.ifMatch !== record.version) {
    throw new HubError('ERR_PRECONDITION', `the User has version ${record.version} now`)
  }
  return record
}

/**
 * "Nothing to do" is an acknowledgement too: a failover must not undo what it rests on. Committing a
 * transaction that only read waits until what it read is majority-committed.
 */
async function unchanged(
  { transactor, store }: UserChangeDeps,
  record: UserRecord,
): Promise<Changed<UserRecord>> {
  await transactor.transaction((tx) => store.user(record.sourceId, record.id, tx))
  return { record, changed: false }
}

async function commitStatusChange(
  deps: UserChangeDeps,
  call: ChangeCall,
  before: UserRecord,
  record: UserRecord,
): Promise<UserRecord | false> {
  const stored = await deps.transactor
    .transaction(async (tx) => {
      const after = { active: record.active }
      const { generation } = await recordAccess(deps, call, before, after, tx)
      const next = { ...record, generation }
      return (await deps.store.replaceUser(next, before.version, tx)) ? next : lostRace()
    })
    .catch(isLostRace)
  if (stored) deps.onCommitted()
  return stored
}

async function recordAccess(
  deps: UserChangeDeps,
  call: ChangeCall,
  before: UserRecord,
  after: Partial<AccessState>,
  tx: Transaction,
): Promise<AccessCommit> {
  const groups = await deps.store.groupIdsOf(call.sourceId, [before.id], tx)
  const groupIds = groups.get(before.id) ?? new Set<string>()
  return await commitAccess(
    deps,
    {
      user: before,
      before: { active: before.active, groupIds },
      after: { active: false, groupIds, ...after },
      cause: call.cause,
      forCause: false,
      now: deps.clock.now(),
    },
    tx,
  )
}

/** Aborts the transaction: everything it wrote belongs to a state that is no longer the newest. */
class LostRace extends Error {}

export function lostRace(): never {
  throw new LostRace('somebody else was faster')
}

export function isLostRace(error: unknown): false {
  if (error instanceof LostRace) return false
  throw error
}
