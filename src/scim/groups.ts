import type { GroupRecord } from '../directory/types.ts'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
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
import { isAboutMembers, memberDelta, memberRefs, onlyMembers } from './member-change.ts'
import { patched } from './patch.ts'
import { assignmentsOf } from './patch-request.ts'
import { isReturned, type Projection, project, projectionOf } from './projection.ts'
import { etagOf, renderGroup, renderMembers } from './render.ts'
import type { ResourceSchema } from './schema.ts'
import { twice } from './value.ts'

/** POST, GET, PUT, PATCH and DELETE of groups (RFC 7644 §3.2–3.6). Members travel apart from the rest. */
export function createGroupVerbs(
  { store, directory }: ScimParts,
  schema: ResourceSchema,
): ResourceVerbs {
  const versionOf = (call: ScimCall, id: string) => async () =>
    (await store.group(call.identity.sourceId, id))?.version

  const answer = async (
    call: ScimCall,
    record: GroupRecord,
    status: number,
    projection: Projection,
  ): Promise<ScimAnswer> => {
    const members = isReturned(projection, 'members')
      ? await renderMembers(await store.members(record.sourceId, record.id), call.base)
      : undefined
    const location = `${call.base}/Groups/${record.id}`
    return {
      status,
      headers: { ETag: etagOf(record.version), ...(status === 201 ? { Location: location } : {}) },
      body: project(schema, renderGroup(schema, record, members, call.base), projection),
    }
  }

  return {
    async read(call, id) {
      const projection = groupProjection(schema, call)
      const record = await store.group(call.identity.sourceId, id)
      if (record === null) throw new HubError('ERR_NOT_FOUND', `no such Group: ${id.slice(0, 100)}`)
      if (isKnown(call, record.version)) {
        return { status: 304, headers: { ETag: etagOf(record.version) } }
      }
      return await answer(call, record, 200, projection)
    },

    async create(call, body, bulk) {
      const projection = groupProjection(schema, call)
      const { resource, members } = groupOf(schema, call, body)
      const change = await changeCall(
        { ...call, ifMatch: undefined },
        'post',
        bulk,
        async () => undefined,
      )
      const refs = await memberRefs(members, call.dialect)
      const record = await directory.createGroup(change, resource, refs)
      return await answer(call, record, 201, projection)
    },

    async replace(call, id, body, bulk) {
      const projection = groupProjection(schema, call)
      const { resource, members } = groupOf(schema, call, body)
      const delta = onlyMembers(await memberRefs(members, call.dialect))
      const change = await changeCall(call, 'put', bulk, versionOf(call, id))
      const { record } = await directory.changeGroup(change, id, (before) => ({
        resource: withImmutables(schema, before.resource, resource, 'keep'),
        members: delta,
      }))
      return await answer(call, record, 200, projection)
    },

    async modify(call, id, body, bulk) {
      const projection = groupProjection(schema, call)
      const assignments = assignmentsOf(body, schema, id, call.dialect)
      const ofGroup = assignments.filter((assignment) => !isAboutMembers(assignment))
      const change = await changeCall(call, 'patch', bulk, versionOf(call, id))
      const { record } = await directory.changeGroup(change, id, async (before, present) => {
        const members = await memberDelta(assignments, present, call.dialect)
        const after = patched(schema, before.resource, ofGroup, call.dialect)
        const resource = withImmutables(schema, before.resource, after, 'refuse')
        return { resource, ...(members === undefined ? {} : { members }) }
      })
      if (projection.mode === 'default') {
        return { status: 204, headers: { ETag: etagOf(record.version) } }
      }
      return await answer(call, record, 200, projection)
    },

    async remove(call, id, bulk) {
      const change = await changeCall(call, 'delete', bulk, versionOf(call, id))
      await directory.deleteGroup(change, id)
      return { status: 204 }
    },
  }
}

/** The members of a body are taken out before it is read: there may be very many. */
function groupOf(
  schema: ResourceSchema,
  call: ScimCall,
  body: Json,
): { resource: JsonObject; members: Json | undefined } {
  const names = isJsonObject(body)
    ? Object.keys(body).filter((name) => name.toLowerCase() === 'members')
    : []
  const [name] = names
  if (!isJsonObject(body) || name === undefined || names.length > 1) {
    const { members, ...resource } = resourceOf(schema, body, call.dialect)
    return { resource, members }
  }
  const { [name]: given, ...rest } = body
  const { members, ...resource } = resourceOf(schema, rest, call.dialect)
  if (members !== undefined) throw twice('members')
  return { resource, members: given }
}

function groupProjection(schema: ResourceSchema, call: ScimCall): Projection {
  const { attributes, excludedAttributes } = projectionNames(call.query)
  return projectionOf(schema, attributes, excludedAttributes, call.dialect)
}
