import express, { type Request, type Response, type Router } from 'express'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json } from '../shared/json.ts'
import { BULK, createBulk } from './bulk.ts'
import type { ResourceVerbs, ScimAnswer, ScimCall, ScimParts } from './call.ts'
import { DIALECTS } from './dialect.ts'
import { discover } from './discovery.ts'
import { scimError } from './error-writer.ts'
import { createGroupVerbs } from './groups.ts'
import { createScimLists, type ScimLists } from './list.ts'
import { listRequestOfBody, listRequestOfQuery } from './list-request.ts'
import { createBodyReader } from './request-body.ts'
import { GROUP, type ResourceSchema, USER } from './schema.ts'
import { createUserVerbs } from './users.ts'

/** A bulk request of 1,000 operations may take longer than one; providers give up at 60 s. */
const BULK_BUDGET_FACTOR = 6

/**
 * The SCIM 2.0 server: `/<sourceId>/v2/…`, to be mounted at `/scim`. It answers every request that reaches
 * it, errors included, in `application/scim+json`; it authenticates before it reads a body.
 *
 * @see RFC 7644
 */
export function createScimRouter(parts: ScimParts): Router {
  const verbs = { Users: createUserVerbs(parts), Groups: createGroupVerbs(parts) }
  const rooms: Rooms = {
    verbs,
    lists: createScimLists(parts),
    bulk: createBulk({
      verbs,
      onError: (error) => {
        if (scimError(error).status >= 500)
          parts.log?.error({ err: error }, 'bulk operation failed')
      },
    }),
    readBody: createBodyReader(BULK.maxPayloadSize),
  }
  const router = express.Router()
  router.use((request: Request, response: Response) => {
    void respond(parts, rooms, request, response)
  })
  return router
}

interface Rooms {
  verbs: Readonly<Record<'Users' | 'Groups', ResourceVerbs>>
  lists: ScimLists
  bulk(call: ScimCall, body: Json): Promise<ScimAnswer>
  readBody(request: Request, response: Response): Promise<Json>
}

async function respond(
  parts: ScimParts,
  rooms: Rooms,
  request: Request,
  response: Response,
): Promise<void> {
  const given = response.getHeader('X-Request-Id')
  const requestId = typeof given === 'string' ? given : parts.newId()
  const seen: { sourceId?: string; body?: Json } = {}
  let answer: ScimAnswer
  try {
    const path = pathOf(request)
    const budget =
      parts.budgetMs * (path.rest[0]?.toLowerCase() === 'bulk' ? BULK_BUDGET_FACTOR : 1)
    const work = handle(parts, rooms, request, response, path, requestId, seen)
    answer = await withinBudget(work, budget, (error) => {
      report(parts, error, scimError(error).status, { requestId, ...seen })
    })
  } catch (error) {
    answer = scimError(error)
    report(parts, error, answer.status, { requestId, ...seen })
  }
  write(response, answer)
}

async function handle(
  parts: ScimParts,
  rooms: Rooms,
  request: Request,
  response: Response,
  { sourceId, rest, query }: ScimPath,
  requestId: string,
  seen: { sourceId?: string; body?: Json },
): Promise<ScimAnswer> {
  const receivedAt = parts.clock.now()
  const identity = await parts.authenticator.authenticate(sourceId, request.headers.authorization)
  seen.sourceId = identity.sourceId
  const call: ScimCall = {
    identity,
    dialect: DIALECTS[identity.dialect],
    base: `${originOf(parts, request)}${request.baseUrl}/${sourceId}/v2`,
    requestId,
    receivedAt,
    query,
    ifMatch: request.headers['if-match'],
    ifNoneMatch: request.headers['if-none-match'],
  }
  const body = async (): Promise<Json> => {
    const value = await rooms.readBody(request, response)
    seen.body = value
    return value
  }
  return await route(rooms, request.method, rest, call, body)
}

/** Which handler a path and a method mean. */
async function route(
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
  const schema = name === 'users' ? USER : name === 'groups' ? GROUP : undefined
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
  const discovered = discover(rest, call.query, call.base)
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

interface ScimPath {
  sourceId: string
  rest: readonly string[]
  query: URLSearchParams
}

/** @throws HubError ERR_NOT_FOUND when the path is not `/<sourceId>/v2/…` */
function pathOf(request: Request): ScimPath {
  const [path = '', ...query] = request.url.split('?')
  let segments: string[]
  try {
    segments = path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw new HubError('ERR_NOT_FOUND', 'the path is not well encoded')
  }
  if (segments.at(-1) === '') segments.pop()
  const [sourceId = '', version, ...rest] = segments
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(sourceId) || version !== 'v2') {
    throw new HubError('ERR_NOT_FOUND', 'SCIM endpoints are below /<source>/v2')
  }
  return { sourceId, rest, query: new URLSearchParams(query.join('?')) }
}

/** A Host header with anything but a host in it is not echoed. */
function originOf({ publicUrl }: ScimParts, request: Request): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '')
  const host = request.headers.host ?? ''
  return `${request.protocol}://${/^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? host : 'localhost'}`
}

/** @param onLate told when work that was given up fails after all */
async function withinBudget<T>(
  work: Promise<T>,
  milliseconds: number,
  onLate: (error: unknown) => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const late = new HubError('ERR_STORAGE_UNAVAILABLE', 'this takes too long; try again', {
        retryAfterSeconds: 5,
      })
      reject(late)
      work.catch(onLate)
    }, milliseconds)
  })
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}

function report(
  { log }: ScimParts,
  error: unknown,
  status: number,
  { body, ...seen }: { requestId: string; sourceId?: string; body?: Json },
): void {
  const code = error instanceof HubError ? error.code : undefined
  if (status === 500) log?.error({ ...seen, err: error }, 'SCIM request failed')
  else if (status >= 500) log?.warn({ ...seen, code, err: error }, 'SCIM request put off')
  // The provider may give up on it, and the person keeps the access.
  else if (body !== undefined && speaksOfLeaving(body)) {
    log?.warn({ ...seen, code, status }, 'a deactivation was refused')
  }
}

/** Whether a refused body said `active: false`, in whichever spelling. */
function speaksOfLeaving(body: Json, key = ''): boolean {
  if (Array.isArray(body)) return body.some((item) => speaksOfLeaving(item, key))
  if (isJsonObject(body)) {
    const path = body['path'] ?? body['Path']
    return Object.entries(body).some(([name, value]) =>
      speaksOfLeaving(value, name === 'value' && typeof path === 'string' ? path : name),
    )
  }
  return /(^|:)active$/i.test(key) && /^false$/i.test(String(body))
}

function write(response: Response, { status, headers, body }: ScimAnswer): void {
  if (response.headersSent || response.destroyed) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value)
  if (body === undefined) {
    response.end()
    return
  }
  const text = Buffer.from(JSON.stringify(body))
  response.setHeader('Content-Type', 'application/scim+json; charset=utf-8')
  response.setHeader('Content-Length', text.length)
  response.end(text)
}
