import express, { type Request, type Response, type Router } from 'express'
import { HubError, isHubError } from '../shared/errors.ts'
import type { Json } from '../shared/json.ts'
import { BULK, createBulk, type FailedOperation } from './bulk.ts'
import type { ScimAnswer, ScimCall, ScimParts } from './call.ts'
import { DIALECTS, noting, type Tolerance } from './dialect.ts'
import { createDiscovery } from './discovery.ts'
import { scimError } from './error-writer.ts'
import { createGroupVerbs } from './groups.ts'
import { originOf, pathOf, type ScimPath, withinBudget, write } from './http.ts'
import { bulkWantsDeactivation, isRefusal, ownId, wantsDeactivation } from './leaving.ts'
import { createScimLists } from './list.ts'
import { createBodyReader } from './request-body.ts'
import { type Rooms, route } from './routes.ts'
import { schemasWith } from './schema.ts'
import { createUserVerbs } from './users.ts'

/** A bulk request of 1,000 operations may take longer than one; providers give up at 60 s. */
const BULK_BUDGET_FACTOR = 6

/** A group of 50,000 members, each with `value`, `$ref`, `type` and `display`. */
const MAX_GROUP_SIZE = 12 * 1_048_576

/**
 * The SCIM 2.0 server: `/<sourceId>/v2/…`, to be mounted at `/scim`. It answers every request that reaches
 * it, errors included, in `application/scim+json`; it authenticates before it reads a body.
 *
 * @see RFC 7644
 */
export function createScimRouter(parts: ScimParts): Router {
  const schemas = schemasWith(parts.extensions ?? [])
  const verbs = {
    Users: createUserVerbs(parts, schemas.User),
    Groups: createGroupVerbs(parts, schemas.Group),
  }
  const rooms: Rooms = {
    verbs,
    lists: createScimLists(parts, schemas),
    schemas,
    discover: createDiscovery(schemas),
    bulk: createBulk({
      verbs,
      onError: (error, failed) => reportOperation(parts, error, failed),
    }),
    readBody: createBodyReader(BULK.maxPayloadSize),
    readGroup: createBodyReader(MAX_GROUP_SIZE),
  }
  const router = express.Router()
  router.use((request: Request, response: Response) => {
    void respond(parts, rooms, request, response)
  })
  return router
}

/** What is known of a request, whatever becomes of it. */
interface Seen {
  requestId: string
  method: string
  rest: readonly string[]
  sourceId?: string
  body?: Json
  tolerated: Set<Tolerance>
}

async function respond(
  parts: ScimParts,
  rooms: Rooms,
  request: Request,
  response: Response,
): Promise<void> {
  const given = response.getHeader('X-Request-Id')
  const requestId = typeof given === 'string' ? given : parts.newId()
  const seen: Seen = { requestId, method: request.method, rest: [], tolerated: new Set() }
  let answer: ScimAnswer
  try {
    const path = pathOf(request)
    seen.rest = path.rest
    const budget =
      parts.budgetMs * (path.rest[0]?.toLowerCase() === 'bulk' ? BULK_BUDGET_FACTOR : 1)
    const work = handle(parts, rooms, request, response, path, seen)
    answer = await withinBudget(work, budget, (error) => {
      report(parts, error, scimError(error).status, seen)
    })
  } catch (error) {
    answer = scimError(error)
    report(parts, error, answer.status, seen)
  }
  if (seen.sourceId !== undefined) {
    const { status } = answer
    const changed = status < 300 && wantsChange(request.method, request.url)
    const { sourceId, tolerated } = seen
    parts.onAnswered?.({ sourceId, status, changed, tolerated })
  }
  await write(response, answer)
}

async function handle(
  parts: ScimParts,
  rooms: Rooms,
  request: Request,
  response: Response,
  { sourceId, rest, query }: ScimPath,
  seen: Seen,
): Promise<ScimAnswer> {
  const receivedAt = parts.clock.now()
  const identity = await parts.authenticator
    .authenticate(sourceId, request.headers.authorization, request.ip)
    .catch((error: unknown) => {
      if (isHubError(error, 'ERR_UNAUTHENTICATED')) parts.metrics?.authenticationFailed('scim')
      throw error
    })
  seen.sourceId = identity.sourceId
  const call: ScimCall = {
    identity,
    dialect: noting(DIALECTS[identity.dialect], (kind) => seen.tolerated.add(kind)),
    base: `${originOf(parts, request)}${request.baseUrl}/${sourceId}/v2`,
    requestId: seen.requestId,
    receivedAt,
    query,
    ifMatch: request.headers['if-match'],
    ifNoneMatch: request.headers['if-none-match'],
  }
  const body = async (): Promise<Json> => {
    const isGroup = rest[0]?.toLowerCase() === 'groups'
    const value = await (isGroup ? rooms.readGroup : rooms.readBody)(request, response)
    seen.body = value
    return value
  }
  return await route(rooms, request.method, rest, call, body)
}

/** A search is a POST that changes nothing (RFC 7644 §3.4.3). */
function wantsChange(method: string, url: string): boolean {
  return ['POST', 'PUT', 'PATCH', 'DELETE'].includes(method) && !/\/\.search\/?(\?|$)/i.test(url)
}

function report(parts: ScimParts, error: unknown, status: number, seen: Seen): void {
  const { requestId, sourceId, method, rest, body } = seen
  const fields = { requestId, ...(sourceId === undefined ? {} : { sourceId }) }
  const code = error instanceof HubError ? error.code : undefined
  if (status === 500) parts.log?.error({ ...fields, err: error }, 'SCIM request failed')
  else if (status >= 500) parts.log?.warn({ ...fields, code, err: error }, 'SCIM request put off')
  const [endpoint = '', id] = rest.map((step) => step.toLowerCase())
  const leaves =
    endpoint === 'bulk'
      ? bulkWantsDeactivation(body)
      : endpoint === 'users' && id !== undefined && wantsDeactivation(method, body)
  if (leaves) refusedDeactivation(parts, error, { requestId, sourceId, id })
}

function reportOperation(parts: ScimParts, error: unknown, failed: FailedOperation): void {
  if (scimError(error).status >= 500) parts.log?.error({ err: error }, 'bulk operation failed')
  const { call, method, endpoint, id, data } = failed
  if (endpoint !== 'Users' || id === undefined || !wantsDeactivation(method, data)) return
  const { requestId, identity } = call
  refusedDeactivation(parts, error, { requestId, sourceId: identity.sourceId, id })
}

/** The provider may give up on it, and the person keeps the access. */
function refusedDeactivation(
  parts: ScimParts,
  error: unknown,
  {
    requestId,
    sourceId,
    id,
  }: { requestId: string; sourceId: string | undefined; id?: string | undefined },
): void {
  const { status } = scimError(error)
  if (sourceId === undefined || !isRefusal(status)) return
  const code = error instanceof HubError ? error.code : 'ERR_INTERNAL'
  const userId = ownId(id)
  parts.log?.warn({ requestId, sourceId, code, status }, 'a deactivation was refused')
  parts.onDeactivation?.({
    kind: 'refused',
    sourceId,
    requestId,
    code,
    ...(userId === undefined ? {} : { userId }),
  })
}
