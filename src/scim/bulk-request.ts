import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'

const URN = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest'
const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'] as const

export interface BulkOperation {
  method: (typeof METHODS)[number]
  endpoint: 'Users' | 'Groups'
  /** Of the resource; may be `bulkId:<id>`. Absent for POST. */
  id?: string
  bulkId?: string
  /** If-Match. */
  version?: string
  data: Json
}

/** An operation that cannot be read: an error of its own, among the results of the others. */
export interface BrokenOperation {
  fault: HubError
  /** As far as they can be read. */
  method?: string
  endpoint?: 'Users' | 'Groups'
  id?: string
  bulkId?: string
  data: Json
}

/**
 * Reads a BulkRequest.
 *
 * @throws HubError ERR_SYNTAX, ERR_INVALID_VALUE, ERR_PAYLOAD_TOO_LARGE
 * @see RFC 7644 §3.7
 */
export function bulkOperationsOf(
  body: Json,
  maxOperations: number,
): { operations: (BulkOperation | BrokenOperation)[]; failOnErrors: number } {
  if (!isJsonObject(body)) throw new HubError('ERR_SYNTAX', 'the body must be a BulkRequest object')
  const message = lowerKeys(body)
  const schemas = message['schemas']
  const isBulk =
    Array.isArray(schemas) &&
    schemas.some((urn) => typeof urn === 'string' && urn.toLowerCase() === URN.toLowerCase())
  if (!isBulk) throw new HubError('ERR_SYNTAX', `"schemas" must list ${URN}`)
  const list = message['operations']
  if (!Array.isArray(list)) throw new HubError('ERR_SYNTAX', '"Operations" must be a list')
  if (list.length > maxOperations) {
    throw new HubError(
      'ERR_PAYLOAD_TOO_LARGE',
      `a bulk request may hold ${maxOperations} operations`,
    )
  }
  const failOnErrors = message['failonerrors'] ?? 0
  if (!Number.isSafeInteger(failOnErrors) || Number(failOnErrors) < 0) {
    throw new HubError('ERR_INVALID_VALUE', '"failOnErrors" must be an integer')
  }
  const operations = list.map(operationOf)
  const ids = operations.flatMap(({ bulkId }) => bulkId ?? [])
  if (new Set(ids).size < ids.length) throw new HubError('ERR_SYNTAX', 'a bulkId is used twice')
  return { operations, failOnErrors: Number(failOnErrors) }
}

/** "MUST continue performing as many changes as possible" (§3.7): one that is wrong stops no other. */
function operationOf(given: Json, index: number): BulkOperation | BrokenOperation {
  const fields = isJsonObject(given) ? lowerKeys(given) : {}
  const { method, path, bulkid, version, data = null } = fields
  const match =
    typeof path === 'string' ? /^\/?(Users|Groups)(?:\/([^/?#]+))?\/?$/i.exec(path) : null
  const target = {
    ...(match?.[2] === undefined ? {} : { id: match[2] }),
    ...(typeof bulkid === 'string' ? { bulkId: bulkid } : {}),
    data,
  }
  const endpoint = match?.[1]?.toLowerCase() === 'users' ? 'Users' : 'Groups'
  const name = typeof method === 'string' ? method.toUpperCase() : ''
  const known = METHODS.find((one) => one === name)
  const fault = faultOf(given, known, match, bulkid)
  if (known === undefined || match === null || fault !== undefined) {
    return {
      ...target,
      fault: new HubError('ERR_SYNTAX', `operation ${index + 1} of the bulk request ${fault}`),
      ...(typeof method === 'string' ? { method } : {}),
      ...(match === null ? {} : { endpoint }),
    }
  }
  return {
    ...target,
    method: known,
    endpoint,
    ...(typeof version === 'string' ? { version } : {}),
  }
}

function faultOf(
  given: Json,
  method: BulkOperation['method'] | undefined,
  path: RegExpExecArray | null,
  bulkId: Json | undefined,
): string | undefined {
  if (!isJsonObject(given)) return 'is not an object'
  if (method === undefined) return 'needs a method: POST, PUT, PATCH or DELETE'
  if (path === null) return 'needs a path such as /Users or /Users/<id>'
  if (bulkId !== undefined && (typeof bulkId !== 'string' || bulkId === '')) {
    return 'has a bulkId that is not a string'
  }
  if (method === 'POST' && path[2] !== undefined) return 'posts to a single resource'
  if (method === 'POST' && bulkId === undefined) return 'needs a bulkId, for it is a POST'
  if (method !== 'POST' && path[2] === undefined) return 'needs the path of one resource'
  return undefined
}

const PREFIX = 'bulkId:'

/** The bulkIds that an operation refers to, in its path and anywhere in its data. */
export function referencesOf({ id, data }: BulkOperation | BrokenOperation): string[] {
  const found = new Set<string>()
  const visit = (value: Json): void => {
    if (typeof value === 'string') {
      if (value.startsWith(PREFIX)) found.add(value.slice(PREFIX.length))
      else for (const quoted of quotedReferences(value)) found.add(quoted)
    } else if (Array.isArray(value)) value.forEach(visit)
    else if (isJsonObject(value)) Object.values(value).forEach(visit)
  }
  visit(id ?? null)
  visit(data)
  return [...found]
}

/** In the path of a PATCH: `members[value eq "bulkId:x"]`. */
function quotedReferences(text: string): string[] {
  if (!text.includes(`"${PREFIX}`)) return []
  return [...text.matchAll(/"bulkId:([^"]+)"/g)].map((match) => match[1] ?? '')
}

/**
 * A value with every `bulkId:x` replaced by the id that x was given.
 *
 * @throws HubError ERR_CONFLICT for a reference to what was not made
 */
export function resolved(value: Json, ids: ReadonlyMap<string, string>): Json {
  const look = (bulkId: string): string => {
    const id = ids.get(bulkId)
    if (id !== undefined) return id
    throw new HubError('ERR_CONFLICT', 'a bulkId is referred to that no operation has made')
  }
  if (typeof value === 'string') {
    if (value.startsWith(PREFIX)) return look(value.slice(PREFIX.length))
    if (!value.includes(`"${PREFIX}`)) return value
    return value.replaceAll(/"bulkId:([^"]+)"/g, (_, bulkId: string) =>
      JSON.stringify(look(bulkId)),
    )
  }
  if (Array.isArray(value)) return value.map((item) => resolved(item, ids))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, resolved(item, ids)]),
  )
}

/** A value without the elements and attributes that refer to one of `open`. */
export function stripped(value: Json, open: ReadonlySet<string>): Json {
  const refers = (item: Json): boolean =>
    typeof item === 'string'
      ? item.startsWith(PREFIX) && open.has(item.slice(PREFIX.length))
      : isJsonObject(item) && Object.values(item).some(refers)
  if (Array.isArray(value)) return value.filter((item) => !refers(item))
  if (!isJsonObject(value)) return value
  const kept = Object.entries(value).filter(
    ([name, item]) => name.startsWith('urn:') || Array.isArray(item) || !refers(item),
  )
  return Object.fromEntries(kept.map(([name, item]) => [name, stripped(item, open)]))
}

function lowerKeys(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name.toLowerCase(), value]),
  )
}
