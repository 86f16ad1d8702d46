import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import type { Dialect } from './dialect.ts'
import { type PatchTarget, parsePatchPath } from './patch-path.ts'
import { isCore, type ResourceSchema } from './schema.ts'

export const PATCH_URN = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** One thing to do. An operation without a path becomes one assignment for each key of its value. */
export interface Assignment {
  op: 'add' | 'replace' | 'remove'
  target: PatchTarget
  /** Absent for a `remove` without a value. */
  value?: Json
}

/** Operations in one PATCH; IPSIE asks for at least 50. */
const MAX_OPERATIONS = 5_000

/**
 * Reads a PatchOp message into assignments, in order.
 *
 * @param id of the resource: a path-less value may repeat it
 * @throws HubError ERR_SYNTAX, ERR_INVALID_PATH, ERR_NO_TARGET, ERR_MUTABILITY, ERR_INVALID_VALUE
 * @see RFC 7644 §3.5.2
 */
export function assignmentsOf(
  body: Json,
  schema: ResourceSchema,
  id: string,
  dialect: Dialect,
): Assignment[] {
  if (!isJsonObject(body)) throw new HubError('ERR_SYNTAX', 'the body must be a PatchOp object')
  const message = lowerKeys(body)
  const urns = message.get('schemas')
  const named = Array.isArray(urns) ? urns : []
  if (
    !named.some((urn) => typeof urn === 'string' && urn.toLowerCase() === PATCH_URN.toLowerCase())
  ) {
    throw new HubError('ERR_SYNTAX', `"schemas" must list ${PATCH_URN}`)
  }
  const operations = message.get('operations')
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new HubError('ERR_SYNTAX', '"Operations" must be a list of at least one operation')
  }
  if (operations.length > MAX_OPERATIONS) {
    throw new HubError('ERR_PAYLOAD_TOO_LARGE', `a PATCH may hold ${MAX_OPERATIONS} operations`)
  }
  return operations.flatMap((operation) => expand(operation, schema, id, dialect))
}

function expand(
  operation: Json,
  schema: ResourceSchema,
  id: string,
  dialect: Dialect,
): Assignment[] {
  if (!isJsonObject(operation)) throw new HubError('ERR_SYNTAX', 'an operation must be an object')
  const fields = lowerKeys(operation)
  const op = opOf(fields.get('op'))
  const path = fields.get('path') ?? null
  const value = fields.get('value')
  if (path === null || (isWhole(path, schema, dialect) && isJsonObject(lone(value) ?? null))) {
    if (op === 'remove') throw new HubError('ERR_NO_TARGET', '"remove" needs a path')
    return spread(op, value, schema, id, dialect)
  }
  if (typeof path !== 'string') throw new HubError('ERR_INVALID_PATH', '"path" must be a string')
  const target = parsePatchPath(path, schema, dialect)
  if (op !== 'remove' && value === undefined) {
    throw new HubError('ERR_INVALID_VALUE', `"${op}" needs a value`)
  }
  return [{ op, target, ...(value === undefined ? {} : { value }) }]
}

function opOf(op: Json | undefined): Assignment['op'] {
  const name = typeof op === 'string' ? op.toLowerCase() : ''
  if (name === 'add' || name === 'replace' || name === 'remove') return name
  throw new HubError('ERR_SYNTAX', '"op" must be add, replace or remove')
}

/** `{op, value: {a: 1, b: 2}}` is `{op, path: a, value: 1}` and `{op, path: b, value: 2}`. */
function spread(
  op: 'add' | 'replace',
  value: Json | undefined,
  schema: ResourceSchema,
  id: string,
  dialect: Dialect,
): Assignment[] {
  const whole = lone(value)
  if (!isJsonObject(whole) || (whole !== value && !dialect.looseShapes)) {
    throw new HubError('ERR_INVALID_VALUE', `"${op}" without a path needs an object as its value`)
  }
  return Object.entries(whole).flatMap(([name, item]): Assignment[] => {
    if (isEcho(name, item, id, dialect)) return []
    if (isCore(schema, name) && isJsonObject(item) && dialect.dottedKeys) {
      return spread(op, item, schema, id, dialect)
    }
    const target = parsePatchPath(name, schema, dialect)
    const plain =
      target.kind === 'extension' || (!target.sub && !target.filter && !target.extension)
    if (!plain && !dialect.dottedKeys) {
      throw new HubError('ERR_INVALID_PATH', `"${name.slice(0, 200)}" is no attribute name`)
    }
    return [{ op, target, value: item }]
  })
}

/** A path that points at the resource itself: an empty one, or the URN of its schema. */
function isWhole(path: Json, schema: ResourceSchema, dialect: Dialect): boolean {
  if (typeof path !== 'string') return false
  const name = path.trim()
  return (name === '' && dialect.looseShapes) || (isCore(schema, name) && dialect.dottedKeys)
}

/** The element of a list of one. */
export const lone = (value: Json | undefined): Json | undefined =>
  Array.isArray(value) && value.length === 1 ? value[0] : value

/** A provider that echoes the resource it read: read-only attributes say nothing new, `id` least of all. */
function isEcho(name: string, value: Json, id: string, dialect: Dialect): boolean {
  switch (name.toLowerCase()) {
    case 'schemas':
    case 'meta':
    case 'groups':
      return dialect.echoedReadOnly
    case 'id':
      if (!dialect.echoedReadOnly) return false
      if (value === id || value === null) return true
      throw new HubError('ERR_MUTABILITY', '"id" never changes')
    default:
      return false
  }
}

/** @throws HubError ERR_SYNTAX when a key comes in two spellings */
function lowerKeys(object: JsonObject): Map<string, Json> {
  const keys = new Map<string, Json>()
  for (const [name, value] of Object.entries(object)) {
    const lower = name.toLowerCase()
    if (keys.has(lower)) throw new HubError('ERR_SYNTAX', `"${lower}" is given twice`)
    keys.set(lower, value)
  }
  return keys
}
