import { isDeepStrictEqual } from 'node:util'
import { type AccessState, NO_ACCESS } from '../directory/access.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { UserRecord } from '../directory/types.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import type { JsonObject } from '../shared/json.ts'
import { createKeyedQueue } from '../shared/keyed-queue.ts'
import type { Transactor } from '../shared/transaction.ts'
import {
  accessFacts,
  type CommitAccessDeps,
  type Owed,
  planOwed,
  writeOwed,
} from './commit-access.ts'
import type { ChangeCall, ChangedUser, Directory } from './directory.ts'

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
          const found = await existing(store, call, id)
          const { record: before, groupIds } = found
          const resource = change(before)
          if (isDeepStrictEqual(resource, before.resource)) return await unchanged(deps, found)
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
              : await commitStatusChange(deps, call, found, record)
          if (stored) return { record: stored, changed: true, groupIds }
        }
        throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this user; try again', {
          retryAfterSeconds: 1,
        })
      }),

    async deleteUser(call, id) {
      for (let race = 0; race < MAX_RACES; race++) {
        const found = await existing(store, call, id)
        const { record: before, groupIds } = found
        const owed = await owedBy(deps, call, found, NO_ACCESS)
        const done = await deps.transactor
          .transaction(async (tx) => {
            const [removed] = await Promise.all([
              store.removeUser(call.sourceId, id, before.version, tx),
              store.removeFromAllGroups(call.sourceId, id, tx),
              writeOwed(deps, [owed], tx),
            ])
            return removed || lostRace()
          })
          .catch(isLostRace)
        if (done) {
          deps.onCommitted()
          await store.touchGroups(call.sourceId, [...groupIds], clock.now())
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

/** A user as stored, and the groups they are in. */
interface Found {
  record: UserRecord
  groupIds: ReadonlySet<string>
}

async function existing(store: DirectoryStore, call: ChangeCall, id: string): Promise<Found> {
  const found = await store.userWithGroupIds(call.sourceId, id)
  if (found === null) throw new HubError('ERR_NOT_FOUND', `no such User: ${id}`)
  const { version } = found.record
  if (call.ifMatch !== undefined && call.ifMatch !== version) {
    throw new HubError('ERR_PRECONDITION', `the User has version ${version} now`)
  }
  return found
}

/**
 * "Nothing to do" is an acknowledgement too: a failover must not undo what it rests on. Committing a
 * transaction that only read waits until what it read is majority-committed.
 */
async function unchanged(
  { transactor, store }: UserChangeDeps,
  { record, groupIds }: Found,
): Promise<ChangedUser> {
  await transactor.transaction((tx) => store.user(record.sourceId, record.id, tx))
  return { record, changed: false, groupIds }
}

async function commitStatusChange(
  deps: UserChangeDeps,
  call: ChangeCall,
  before: Found,
  record: UserRecord,
): Promise<UserRecord | false> {
  const { active } = record
  const owed = await owedBy(deps, call, before, { active, groupIds: before.groupIds })
  const next = { ...record, generation: owed.generation }
  const stored = await deps.transactor
    .transaction(async (tx) => {
      const [kept] = await Promise.all([
        deps.store.replaceUser(next, before.record.version, tx),
        writeOwed(deps, [owed], tx),
      ])
      return kept ? next : lostRace()
    })
    .catch(isLostRace)
  if (stored) deps.onCommitted()
  return stored
}

/** What is owed when a person's access becomes another one. */
async function owedBy(
  deps: UserChangeDeps,
  call: ChangeCall,
  { record: user, groupIds }: Found,
  after: AccessState,
): Promise<Owed> {
  const facts = await accessFacts(deps, call.sourceId, [user.id])
  return planOwed(deps, facts, {
    user,
    before: { active: user.active, groupIds },
    after,
    cause: call.cause,
    forCause: false,
    now: deps.clock.now(),
  })
}

/** Aborts the transaction: everything it wrote belongs to a state that is no longer the newest. */
class LostRace extends Error {}

export function lostRace(): never {
  throw new LostRace('somebody else was faster')
}

/** For `catch`: false for a lost race, of a lane too; every other error goes on. */
export function isLostRace(error: unknown): false {
  if (error instanceof LostRace || isHubError(error, 'ERR_CONFLICT')) return false
  throw error
}
