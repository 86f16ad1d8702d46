import type { GroupRecord, Membership, UserRecord } from '../directory/types.ts'
import type { JsonObject } from '../shared/json.ts'
import type { GroupRow, MembershipRow, ResourceRow, UserRow } from './directory-models.ts'
import { searchForm } from './search-form.ts'

/** `_id` of a user or group. A source id holds no slash, so keys of two sources never meet. */
export const key = (sourceId: string, id: string): string => `${sourceId}/${id}`

/** `_id` of a membership. A member id of any form may follow: the group's id is ours and holds no slash. */
export const memberKey = (sourceId: string, groupId: string, memberId: string): string =>
  `${sourceId}/${groupId}/${memberId}`

function resourceRow(record: UserRecord | GroupRecord, type: 'User' | 'Group'): ResourceRow {
  return {
    _id: key(record.sourceId, record.id),
    sourceId: record.sourceId,
    id: record.id,
    resource: record.resource,
    search: { ...searchForm(record.resource), schemas: schemasOf(record.resource, type) },
    version: record.version,
    created: new Date(record.created),
    lastModified: new Date(record.lastModified),
  }
}

/** `schemas` is not stored: it is the core schema and the extensions that have a value. Folded, for filters. */
function schemasOf(resource: JsonObject, type: 'User' | 'Group'): string[] {
  return [
    `urn:ietf:params:scim:schemas:core:2.0:${type}`,
    ...Object.keys(resource).filter((name) => name.startsWith('urn:')),
  ].map((urn) => urn.toLowerCase())
}

/** A user as it is stored. */
export const userRow = (record: UserRecord): UserRow => ({
  ...resourceRow(record, 'User'),
  active: record.active,
  generation: record.generation,
})

/** A group as it is stored. */
export const groupRow = (record: GroupRecord): GroupRow => resourceRow(record, 'Group')

/** A membership as it is stored. */
export const membershipRow = (row: Membership): MembershipRow => ({
  _id: memberKey(row.sourceId, row.groupId, row.memberId),
  sourceId: row.sourceId,
  groupId: row.groupId,
  memberId: row.memberId,
  type: row.type,
  ...(row.display === undefined ? {} : { display: row.display }),
})

/** And back. */
export const userRecord = (row: UserRow): UserRecord => ({
  ...groupRecord(row),
  active: row.active,
  generation: row.generation,
})

/** And back. */
export const groupRecord = (row: ResourceRow): GroupRecord => ({
  id: row.id,
  sourceId: row.sourceId,
  resource: row.resource,
  version: row.version,
  created: row.created.getTime(),
  lastModified: row.lastModified.getTime(),
})

/** And back. */
export const membership = (row: MembershipRow): Membership => ({
  sourceId: row.sourceId,
  groupId: row.groupId,
  memberId: row.memberId,
  type: row.type,
  ...(row.display === undefined ? {} : { display: row.display }),
})
