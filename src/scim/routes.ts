import type { Request, Response } from 'express'
import { HubError } from '../shared/errors.ts'
import type { Json } from '../shared/json.ts'
import type { ResourceVerbs, ScimAnswer, ScimCall } from './call.ts'
import type { Discovery } from './discovery.ts'
import type { ScimLists } from './list.ts'
import { listRequestOfBody, listRequestOfQuery } from './list-request.ts'
import type { ResourceSchema, Schemas } from './schema.ts'

/** Everything that answers. */
export interface Rooms {
  verbs: Readonly<Record<'Users' | 'Groups', ResourceVerbs>>
  lists: ScimLists
  schemas: Schemas
  discover: Discovery
  bulk(call: ScimCall, body: Json): Promise<ScimAnswer>
  readBody(request: Request, response: Response): Promise<Json>
  /** For bodies that may hold many members. */
  readGroup(request: Request, response: Response): Promise<Json>
}

/** Which handler a path and a method mean. */
export async function route(
  rooms: Rooms,
  method: string,
  rest: readonly string[],
  call: ScimCall,
  body: () => Promise<Json>,
): Promise<ScimAnswer> {
  const [first = '', second, ...more] = rest
  const name = first.toLowerCase()
  const verb = method === 'HEAD' ? 'GET' : method

  if (name === 'me')
    throw new HubError('ERR_NOT_IMPLEMENTED', '/Me is not supported: a source is no person')
  const schema =
    name === 'users' ? rooms.schemas.User : name === 'groups' ? rooms.schemas.Group : undefined
  const leaf = second?.toLowerCase()
  if (more.length === 0 && schema !== undefined && leaf !== undefined && leaf !== '.search') {
    return await onResource(rooms, verb, schema, second ?? '', call, body)
  }
  if (schema !== undefined && second === undefined) {
    return await onCollection(rooms, verb, schema, call, body)
  }
  if (
    more.length === 0 &&
    (leaf === '.search' ? schema !== undefined : name === '.search' && !leaf)
  ) {
    const refused = allow(verb, 'POST')
    if (refused) return refused
    const request = listRequestOfBody(await body())
    return schema
      ? await rooms.lists.one(call, schema, request)
      : await rooms.lists.all(call, request)
  }
  if (name === 'bulk' && second === undefined) {
    return allow(verb, 'POST') ?? (await rooms.bulk(call, await body()))
  }
  const discovered = rooms.discover(rest, call.query, call.base)
  if (discovered !== undefined) return allow(verb, 'GET, HEAD') ?? discovered
  throw new HubError('ERR_NOT_FOUND', 'no such endpoint or resource type')
}

async function onCollection(
  { lists, verbs }: Rooms,
  verb: string,
  schema: ResourceSchema,
  call: ScimCall,
  body: () => Promise<Json>,
): Promise<ScimAnswer> {
  const refused = allow(verb, 'GET, HEAD, POST')
  if (refused) return refused
  if (verb === 'POST') return await verbsOf(verbs, schema).create(call, await body())
  return await lists.one(call, schema, listRequestOfQuery(call.query))
}

async function onResource(
  { verbs }: Rooms,
  verb: string,
  schema: ResourceSchema,
  id: string,
  call: ScimCall,
  body: () => Promise<Json>,
): Promise<ScimAnswer> {
  const refused = allow(verb, 'GET, HEAD, PUT, PATCH, DELETE')
  if (refused) return refused
  const of = verbsOf(verbs, schema)
  switch (verb) {
    case 'PUT':
      return await of.replace(call, id, await body())
    case 'PATCH':
      return await of.modify(call, id, await body())
    case 'DELETE':
      return await of.remove(call, id)
    default:
      return await of.read(call, id)
  }
}

const verbsOf = (verbs: Rooms['verbs'], schema: ResourceSchema): ResourceVerbs =>
  schema.type === 'User' ? verbs.Users : verbs.Groups

/** Answers OPTIONS, refuses what is not among `methods`, and lets the rest pass. */
function allow(verb: string, methods: string): ScimAnswer | undefined {
  if (verb === 'OPTIONS') return { status: 204, headers: { Allow: methods } }
  if (methods.split(', ').includes(verb)) return undefined
  throw new HubError('ERR_METHOD_NOT_ALLOWED', `${verb} is not possible here`, {
    details: { allow: methods },
  })
}
