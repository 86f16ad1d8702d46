import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { ListQuery } from './query.ts'
import type { GroupRecord, GroupRef, Membership, UserRecord } from './types.ts'

/** `totalResults` counts all matches before paging. `nextCursor` is set by cursor paging (RFC 9865). */
export interface ListResult<T> {
  totalResults: number
  items: readonly T[]
  nextCursor?: string
}

/**
 * Users, groups and memberships of all sources. Every method takes the source: nothing of one source is
 * visible through another. Storage failures throw ERR_STORAGE_UNAVAILABLE; `null` and `false` always mean
 * "looked, and it is not there".
 */
export interface DirectoryStore {
  user(sourceId: string, id: string, tx?: Transaction): Promise<UserRecord | null>
  /** A user with their direct groups, of one moment. */
  userWithGroups(
    sourceId: string,
    id: string,
  ): Promise<{ record: UserRecord; groups: readonly GroupRef[] } | null>
  /**
   * A user with the ids of their direct groups. Who joins or leaves a group meanwhile has another version: what rests
   * on both is safe behind a compare-and-swap.
   */
  userWithGroupIds(
    sourceId: string,
    id: string,
  ): Promise<{ record: UserRecord; groupIds: ReadonlySet<string> } | null>
  users(sourceId: string, ids: readonly string[], tx?: Transaction): Promise<UserRecord[]>
  group(sourceId: string, id: string, tx?: Transaction): Promise<GroupRecord | null>
  listUsers(sourceId: string, query: ListQuery): Promise<ListResult<UserRecord>>
  /** The same, and the direct groups of everybody on the page: user id → groups. */
  listUsersWithGroups(
    sourceId: string,
    query: ListQuery,
  ): Promise<ListResult<UserRecord> & { groups: ReadonlyMap<string, readonly GroupRef[]> }>
  listGroups(sourceId: string, query: ListQuery): Promise<ListResult<GroupRecord>>
  /** Members in a stable order. */
  members(sourceId: string, groupId: string, tx?: Transaction): Promise<Membership[]>
  /** Ids of the members, of those among `ids` when they are given. */
  memberIds(
    sourceId: string,
    groupId: string,
    ids?: readonly string[],
    tx?: Transaction,
  ): Promise<string[]>
  /**
   * Members of several groups: group id → members, in a stable order.
   *
   * @throws HubError ERR_TOO_MANY when they are more than one answer can hold
   */
  membersOf(sourceId: string, groupIds: readonly string[]): Promise<Map<string, Membership[]>>
  /** Direct groups of each user: user id → groups. Who is in none is absent. */
  groupsOf(sourceId: string, userIds: readonly string[]): Promise<Map<string, GroupRef[]>>
  /** Groups as a user shows them, in this order; one that is gone has no name. */
  groupRefs(sourceId: string, ids: readonly string[]): Promise<GroupRef[]>
  /** Ids of the direct groups of each user, or group: its id → group ids. Who is in none is absent. */
  groupIdsOf(
    sourceId: string,
    userIds: readonly string[],
    tx?: Transaction,
  ): Promise<Map<string, Set<string>>>

  /** @throws HubError ERR_UNIQUENESS when the source has a user of this userName */
  insertUser(record: UserRecord, tx?: Transaction): Promise<void>
  /** Compare-and-swap on `expectedVersion`; false when somebody else was faster or it is gone. */
  replaceUser(record: UserRecord, expectedVersion: number, tx?: Transaction): Promise<boolean>
  /** New version and lastModified of those that are there, without a compare-and-swap: `groups` changes commute. */
  touchUsers(sourceId: string, ids: readonly string[], at: Instant, tx?: Transaction): Promise<void>
  removeUser(
    sourceId: string,
    id: string,
    expectedVersion: number,
    tx?: Transaction,
  ): Promise<boolean>
  insertGroup(record: GroupRecord, tx?: Transaction): Promise<void>
  replaceGroup(record: GroupRecord, expectedVersion: number, tx?: Transaction): Promise<boolean>
  /**
   * New version and lastModified without a compare-and-swap: member changes commute. Calls that meet in time may
   * share a version, which is newer than all that they committed before. Null when it is gone.
   */
  touchGroup(sourceId: string, id: string, at: Instant): Promise<GroupRecord | null>
  /** The same for several groups, when a member is gone from all of them. */
  touchGroups(
    sourceId: string,
    ids: readonly string[],
    at: Instant,
    tx?: Transaction,
  ): Promise<void>
  removeGroup(
    sourceId: string,
    id: string,
    expectedVersion: number,
    tx?: Transaction,
  ): Promise<boolean>
  /** Set semantics by member id. Returns how many were not members before. */
  addMembers(rows: readonly Membership[], tx?: Transaction): Promise<number>
  /** Returns how many were members before. */
  removeMembers(
    sourceId: string,
    groupId: string,
    memberIds: readonly string[],
    tx?: Transaction,
  ): Promise<number>
  /** Takes a deleted user or group out of every group. */
  removeFromAllGroups(sourceId: string, memberId: string, tx?: Transaction): Promise<void>
}
