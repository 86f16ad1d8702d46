import { type ErrorCode, HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import type { Dialect } from './dialect.ts'
import { withImmutables } from './immutable.ts'
import { isActive, isWhole, wantsDeactivation } from './leaving.ts'
import { patched } from './patch.ts'
import { type Assignment, assignmentsOf, lone } from './patch-request.ts'
import type { ResourceSchema } from './schema.ts'
import { coerceValue } from './value.ts'

/** A PATCH of a user, read. */
export interface UserPatch {
  /** All or nothing, or what `leaverFirst` leaves of it. @throws HubError of the first operation that fails */
  apply(before: JsonObject): PatchedUser
  /** The deactivation alone, for when the rest of it cannot be stored; undefined when there is none. */
  leaverOnly: ((before: JsonObject) => JsonObject) | undefined
}

interface PatchedUser {
  resource: JsonObject
  /** Why other operations beside a deactivation were dropped. */
  dropped?: HubError
}

/** Faults of one operation. What is wrong with the whole message is not among them. */
const OF_ONE_OPERATION = new Set<ErrorCode>([
  'ERR_SYNTAX',
  'ERR_INVALID_FILTER',
  'ERR_INVALID_PATH',
  'ERR_INVALID_VALUE',
  'ERR_NO_TARGET',
  'ERR_MUTABILITY',
])

/** More operations than any departure has; each is applied on its own. */
const MAX_PIECES = 200

/**
 * Reads a PATCH of a user. Atomic, as RFC 7644 §3.5.2 has it, with one exception where the dialect allows: a valid
 * deactivation is done even if an operation beside it cannot be used.
 *
 * @throws HubError as `assignmentsOf`, when nothing of the message can be used
 * @see docs/adr/0006-a-deactivation-beside-an-unusable-operation.md
 */
export function userPatch(
  body: Json,
  schema: ResourceSchema,
  id: string,
  dialect: Dialect,
): UserPatch {
  const pieces = wantsDeactivation('PATCH', body) ? leaverPieces(body, schema, id, dialect) : []
  const leaves = pieces.some(({ status }) => status)
  const leaverOnly = (before: JsonObject): JsonObject =>
    applied(
      schema,
      before,
      pieces.filter(({ status }) => status),
      dialect,
    )
  let whole: Assignment[] | HubError
  try {
    whole = assignmentsOf(body, schema, id, dialect)
  } catch (error) {
    if (!leaves || !isOfOne(error)) throw error
    whole = error
  }
  return {
    leaverOnly: leaves ? leaverOnly : undefined,
    apply: (before) => {
      try {
        if (whole instanceof HubError) throw whole
        const after = patched(schema, before, whole, dialect)
        return { resource: withImmutables(schema, before, after, 'refuse') }
      } catch (fault) {
        if (!leaves || !isOfOne(fault)) throw fault
        const resource = applied(schema, before, pieces, dialect)
        if (resource['active'] !== false || !dialect.leaverFirst) throw fault
        return { resource, dropped: fault }
      }
    },
  }
}

interface Piece {
  assignments: Assignment[]
  /** It sets `active`. */
  status: boolean
}

/** The usable operations; none when one of them speaks of `active` or `id` in a way that cannot be used. */
function leaverPieces(
  body: Json,
  schema: ResourceSchema,
  id: string,
  dialect: Dialect,
): readonly Piece[] {
  const split = piecesOf(body)
  if (split.length > MAX_PIECES) return []
  const pieces: Piece[] = []
  for (const { message, names } of split) {
    const status = names.some(isActive)
    try {
      const assignments = assignmentsOf(message, schema, id, dialect)
      if (status && !assignments.every((one) => isReadable(one, dialect))) return []
      pieces.push({ assignments, status })
    } catch (error) {
      if (!isOfOne(error)) throw error
      if (status || names.some((name) => name.toLowerCase() === 'id')) return []
    }
  }
  return pieces
}

/** @throws HubError ERR_INVALID_VALUE for what is neither true nor false */
function isReadable({ op, target, value = null }: Assignment, dialect: Dialect): boolean {
  return (
    op !== 'remove' &&
    target.kind === 'attribute' &&
    typeof coerceValue(target.attribute, value, dialect) === 'boolean'
  )
}

/** Each operation, and each key of a value without a path, as a message of its own. */
function piecesOf(body: Json): { message: JsonObject; names: string[] }[] {
  if (!isJsonObject(body)) return []
  const key = Object.keys(body).find((name) => name.toLowerCase() === 'operations')
  const operations = key === undefined ? undefined : body[key]
  if (key === undefined || !Array.isArray(operations)) return []
  return operations.flatMap((operation) => {
    if (!isJsonObject(operation)) return [{ message: { ...body, [key]: [operation] }, names: [] }]
    const at = (name: string): string | undefined =>
      Object.keys(operation).find((one) => one.toLowerCase() === name)
    const [path, value] = [at('path'), at('value')]
    const given = lone(value === undefined ? undefined : operation[value])
    const written = path === undefined ? null : operation[path]
    if (typeof written === 'string' && !isWhole(written)) {
      return [{ message: { ...body, [key]: [operation] }, names: [written] }]
    }
    if (value === undefined || !isJsonObject(given)) {
      return [{ message: { ...body, [key]: [operation] }, names: [] }]
    }
    return fieldsOf(given).map(([name, item]) => ({
      message: { ...body, [key]: [{ ...operation, [value]: { [name]: item } }] },
      names: [name],
    }))
  })
}

/** The keys of a value, with those below the URN of the schema. */
const fieldsOf = (value: JsonObject): [string, Json][] =>
  Object.entries(value).flatMap(([name, item]) =>
    isWhole(name) && isJsonObject(item) ? fieldsOf(item) : [[name, item] as [string, Json]],
  )

/** One piece after the other; those that cannot be used here are left out. */
function applied(
  schema: ResourceSchema,
  before: JsonObject,
  pieces: readonly Piece[],
  dialect: Dialect,
): JsonObject {
  let resource = before
  for (const { assignments } of pieces) {
    try {
      const after = patched(schema, resource, assignments, dialect)
      resource = withImmutables(schema, before, after, 'refuse')
    } catch (error) {
      if (!isOfOne(error)) throw error
    }
  }
  return resource
}

const isOfOne = (error: unknown): error is HubError =>
  error instanceof HubError && OF_ONE_OPERATION.has(error.code)
