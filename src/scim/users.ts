import type { GroupRef, UserRecord } from '../directory/types.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import { resourceOf } from './body.ts'
import {
  changeCall,
  isKnown,
  type ResourceVerbs,
  type ScimAnswer,
  type ScimCall,
  type ScimParts,
} from './call.ts'
import { withImmutables } from './immutable.ts'
import { projectionNames } from './list-request.ts'
import { isReturned, type Projection, project, projectionOf } from './projection.ts'
import { etagOf, renderUser } from './render.ts'
import type { ResourceSchema } from './schema.ts'
import { userPatch } from './user-patch.ts'

/** POST, GET, PUT, PATCH and DELETE of users (RFC 7644 §3.2–3.6). */
export function createUserVerbs(
  { store, directory, onDeactivation }: ScimParts,
  schema: ResourceSchema,
): ResourceVerbs {
  const versionOf = (call: ScimCall, id: string) => async () =>
    (await store.user(call.identity.sourceId, id))?.version

  const groupsShown = async (
    call: ScimCall,
    ids: ReadonlySet<string>,
    projection: Projection,
  ): Promise<readonly GroupRef[]> =>
    isReturned(projection, 'groups') ? await store.groupRefs(call.identity.sourceId, [...ids]) : []

  const answer = (
    call: ScimCall,
    record: UserRecord,
    groups: readonly GroupRef[],
    projection: Projection,
  ): ScimAnswer => ({
    status: 200,
    headers: { ETag: etagOf(record.version) },
    body: project(schema, renderUser(schema, record, groups, call.base), projection),
  })

  return {
    async read(call, id) {
      const projection = userProjection(schema, call)
      const { sourceId } = call.identity
      const found = isReturned(projection, 'groups')
        ? await store.userWithGroups(sourceId, id)
        : { record: await store.user(sourceId, id), groups: [] }
      const { record, groups } = found ?? { record: null, groups: [] }
      if (record === null) throw new HubError('ERR_NOT_FOUND', `no such User: ${id.slice(0, 100)}`)
      if (isKnown(call, record.version)) {
        return { status: 304, headers: { ETag: etagOf(record.version) } }
      }
      return answer(call, record, groups, projection)
    },

    async create(call, body, bulk) {
      const projection = userProjection(schema, call)
      const resource = resourceOf(schema, body, call.dialect)
      const change = await changeCall(
        { ...call, ifMatch: undefined },
        'post',
        bulk,
        async () => undefined,
      )
      const record = await directory.createUser(change, {
        ...resource,
        active: resource['active'] ?? true,
      })
      // Nobody who was made just now is in a group.
      return {
        status: 201,
        headers: { ETag: etagOf(record.version), Location: `${call.base}/Users/${record.id}` },
        body: project(schema, renderUser(schema, record, [], call.base), projection),
      }
    },

    async replace(call, id, body, bulk) {
      const projection = userProjection(schema, call)
      const resource = resourceOf(schema, body, call.dialect)
      const change = await changeCall(call, 'put', bulk, versionOf(call, id))
      // A PUT that does not speak of `active` must not let somebody back in.
      const { record, groupIds } = await directory.changeUser(change, id, (before) => ({
        ...withImmutables(schema, before.resource, resource, 'keep'),
        active: resource['active'] ?? before.active,
      }))
      return answer(call, record, await groupsShown(call, groupIds, projection), projection)
    },

    async modify(call, id, body, bulk) {
      const projection = userProjection(schema, call)
      const patch = userPatch(body, schema, id, call.dialect)
      const change = await changeCall(call, 'patch', bulk, versionOf(call, id))
      let dropped: HubError | undefined
      const whole = directory.changeUser(change, id, (before) => {
        const after = patch.apply(before.resource)
        dropped = after.dropped
        return after.resource
      })
      const { record, groupIds } = await whole.catch(async (error: unknown) => {
        // Somebody else has the new user name, say: no reason to let the leaver stay.
        const { leaverOnly } = patch
        if (!leaverOnly || !isHubError(error, 'ERR_UNIQUENESS') || !call.dialect.leaverFirst) {
          throw error
        }
        dropped = error
        return await directory.changeUser(change, id, (before) => leaverOnly(before.resource))
      })
      if (dropped !== undefined) {
        const { sourceId } = call.identity
        const { requestId } = call
        onDeactivation?.({ kind: 'dropped', sourceId, userId: id, requestId, code: dropped.code })
      }
      return answer(call, record, await groupsShown(call, groupIds, projection), projection)
    },

    async remove(call, id, bulk) {
      const change = await changeCall(call, 'delete', bulk, versionOf(call, id))
      await directory.deleteUser(change, id)
      return { status: 204 }
    },
  }
}

function userProjection(schema: ResourceSchema, call: ScimCall): Projection {
  const { attributes, excludedAttributes } = projectionNames(call.query)
  return projectionOf(schema, attributes, excludedAttributes, call.dialect)
}
