import type { GroupRecord, Membership, UserRecord } from '../directory/types.ts'
import { iso } from '../shared/clock.ts'
import type { Json, JsonObject } from '../shared/json.ts'
import { inTurns } from '../shared/turns.ts'
import { type ResourceSchema, schemasOf } from './schema.ts'

/** `W/"<version>"` (RFC 7644 §3.14). */
export const etagOf = (version: number): string => `W/"${version}"`

/**
 * A stored user as the client sees it.
 *
 * @param base absolute URL of the source's SCIM root, without a slash at its end
 */
export function renderUser(
  schema: ResourceSchema,
  record: UserRecord,
  groups: readonly { id: string; display: string }[],
  base: string,
): JsonObject {
  const { externalId, userName, ...rest } = record.resource
  return {
    schemas: schemasOf(schema, record.resource),
    id: record.id,
    ...(externalId === undefined ? {} : { externalId }),
    ...(userName === undefined ? {} : { userName }),
    ...rest,
    active: record.active,
    ...(groups.length === 0
      ? {}
      : {
          groups: groups.map(({ id, display }) => ({
            value: id,
            $ref: `${base}/Groups/${id}`,
            display,
            type: 'direct',
          })),
        }),
    meta: metaOf(schema, record, base),
  }
}

/** A stored group as the client sees it; `members` undefined when they were not asked for. */
export function renderGroup(
  schema: ResourceSchema,
  record: GroupRecord,
  members: Json[] | undefined,
  base: string,
): JsonObject {
  const { externalId, ...rest } = record.resource
  return {
    schemas: schemasOf(schema, record.resource),
    id: record.id,
    ...(externalId === undefined ? {} : { externalId }),
    ...rest,
    ...(members === undefined ? {} : { members }),
    meta: metaOf(schema, record, base),
  }
}

/** `members` as the client sees them. */
export async function renderMembers(members: readonly Membership[], base: string): Promise<Json[]> {
  return await inTurns(members, (slice) =>
    slice.map(({ memberId, type, display }) => ({
      value: memberId,
      $ref: `${base}/${type}s/${encodeURIComponent(memberId)}`,
      ...(display === undefined ? {} : { display }),
      type,
    })),
  )
}

function metaOf(
  schema: ResourceSchema,
  record: Pick<UserRecord, 'id' | 'created' | 'lastModified' | 'version'>,
  base: string,
): JsonObject {
  return {
    resourceType: schema.type,
    created: iso(record.created),
    lastModified: iso(record.lastModified),
    location: `${base}${schema.endpoint}/${record.id}`,
    version: etagOf(record.version),
  }
}
