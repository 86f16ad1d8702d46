import type { GroupRecord, Membership, UserRecord } from '../directory/types.ts'
import type { Cause } from '../revocation/types.ts'
import type { JsonObject } from '../shared/json.ts'

/** Who asks, through which source, and on which version they insist (If-Match). */
export interface ChangeCall {
  sourceId: string
  cause: Cause
  ifMatch?: number
}

export interface MemberRef {
  value: string
  type?: 'User' | 'Group'
  display?: string
}

/** What a request does to the members of a group. `clear`: all present members leave, but for those in `add`. */
export interface MemberDelta {
  base: 'keep' | 'clear'
  add: readonly MemberRef[]
  remove: readonly string[]
}

export interface GroupChange {
  resource: JsonObject
  members?: MemberDelta
}

/** `changed: false`: the request asked for what is there already; acknowledged through the same majority commit. */
export interface Changed<T> {
  record: T
  changed: boolean
}

/** With the ids of the groups that the person was in at that moment. */
export interface ChangedUser extends Changed<UserRecord> {
  groupIds: ReadonlySet<string>
}

/**
 * The single door through which a change enters. Each call loads, lets `change` compute the new state
 * (purely; it may run several times), takes the difference of before and after, plans what must be revoked,
 * and commits all of it in one transaction. When it returns, the change is durable and will be proven.
 *
 * @throws HubError ERR_NOT_FOUND, ERR_PRECONDITION (If-Match), ERR_UNIQUENESS, ERR_CONFLICT (lost the race
 *   too often), ERR_STORAGE_UNAVAILABLE (unknown whether it happened: the same request again is safe)
 */
export interface Directory {
  createUser(call: ChangeCall, resource: JsonObject): Promise<UserRecord>
  changeUser(
    call: ChangeCall,
    id: string,
    change: (before: UserRecord) => JsonObject,
  ): Promise<ChangedUser>
  deleteUser(call: ChangeCall, id: string): Promise<void>
  createGroup(
    call: ChangeCall,
    resource: JsonObject,
    members: readonly MemberRef[],
  ): Promise<GroupRecord>
  changeGroup(
    call: ChangeCall,
    id: string,
    change: (
      before: GroupRecord,
      members: () => Promise<readonly Membership[]>,
    ) => GroupChange | Promise<GroupChange>,
  ): Promise<Changed<GroupRecord>>
  deleteGroup(call: ChangeCall, id: string): Promise<void>
}
