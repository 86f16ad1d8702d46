import express, { type Request, type Response, type Router } from 'express'
import { HubError, isHubError } from '../shared/errors.ts'
import { isJsonObject, type Json } from '../shared/json.ts'
import { BULK, createBulk } from './bulk.ts'
import type { ScimAnswer, ScimCall, ScimParts } from './call.ts'
import { DIALECTS } from './dialect.ts'
import { createDiscovery } from './discovery.ts'
import { scimError } from './error-writer.ts'
import { createGroupVerbs } from './groups.ts'
import { originOf, pathOf, type ScimPath, withinBudget, write } from './http.ts'
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
      onError: (error) => {
        if (scimError(error).status >= 500)
          parts.log?.error({ err: error }, 'bulk operation failed')
      },
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
  if (seen.sourceId !== undefined) {
    const { status } = answer
    const changed = status < 300 && wantsChange(request.method, request.url)
    parts.onAnswered?.({ sourceId: seen.sourceId, status, changed })
  }
  await write(response, answer)
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
  const identity = await parts.authenticator
    .authenticate(sourceId, request.headers.authorization, request.ip)
    .catch((error: unknown) => {
      if (isHubError(error, 'ERR_UNAUTHENTICATED')) parts.metrics?.authenticationFailed('scim')
      throw error
    })
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
