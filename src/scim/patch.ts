import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import { checkRequired } from './body.ts'
import type { Dialect } from './dialect.ts'
import { nameOf, nextList, objectOf } from './patch-list.ts'
import type { AttributeTarget } from './patch-path.ts'
import type { Assignment } from './patch-request.ts'
import type { Extension, ResourceSchema } from './schema.ts'
import { coerceValue } from './value.ts'

/**
 * Applies assignments to a stored resource, all or nothing: the argument is not touched, the result is new.
 *
 * @throws HubError ERR_INVALID_VALUE, ERR_MUTABILITY, ERR_NO_TARGET
 * @see RFC 7644 §3.5.2
 */
export function patched(
  schema: ResourceSchema,
  before: JsonObject,
  assignments: readonly Assignment[],
  dialect: Dialect,
): JsonObject {
  const resource = structuredClone(before)
  for (const assignment of assignments) {
    const { target } = assignment
    if (target.kind === 'extension')
      assignExtension(resource, target.extension, assignment, dialect)
    else assign(resource, target, assignment, dialect)
  }
  checkNotRemoved(schema, resource, assignments)
  checkRequired(schema, resource)
  return resource
}

/** §3.5.2.2 has another word than §3.12 for a required attribute that was removed, and is not there in the end. */
function checkNotRemoved(
  schema: ResourceSchema,
  resource: JsonObject,
  assignments: readonly Assignment[],
): void {
  for (const { name, required } of schema.attributes.values()) {
    if (!required || resource[name] !== undefined) continue
    const last = assignments.findLast(
      ({ target }) =>
        target.kind === 'attribute' &&
        target.extension === undefined &&
        target.attribute.name === name,
    )
    if (last?.op === 'remove')
      throw new HubError('ERR_MUTABILITY', `"${name}" is required; it cannot be removed`)
  }
}

function assignExtension(
  resource: JsonObject,
  extension: Extension,
  { op, value = null }: Assignment,
  dialect: Dialect,
): void {
  if (op === 'remove' || (value === null && op === 'replace')) {
    delete resource[extension.urn]
    return
  }
  if (value === null) return
  if (!isJsonObject(value)) {
    throw new HubError('ERR_INVALID_VALUE', `"${extension.urn}" must be an object`)
  }
  for (const [name, item] of Object.entries(value)) {
    const [first = '', second] = name.toLowerCase().split('.', 2)
    const attribute = extension.attributes.get(first)
    const sub = second === undefined ? undefined : attribute?.subs.get(second)
    if (attribute === undefined || (second !== undefined && !(sub && dialect.dottedKeys))) {
      throw new HubError('ERR_INVALID_PATH', `unknown path "${name.slice(0, 200)}"`)
    }
    const target: AttributeTarget = {
      kind: 'attribute',
      extension: extension.urn,
      attribute,
      ...(sub === undefined ? {} : { sub }),
    }
    assign(resource, target, { op, target, value: item }, dialect)
  }
}

function assign(
  resource: JsonObject,
  target: AttributeTarget,
  assignment: Assignment,
  dialect: Dialect,
): void {
  const { attribute, sub, extension } = target
  if (attribute.mutability === 'readOnly' || sub?.mutability === 'readOnly') {
    throw new HubError('ERR_MUTABILITY', `"${nameOf(target)}" is read-only`)
  }
  // The password is taken, as RFC 7643 §4.1.1 has it, and kept nowhere.
  if (attribute.returned === 'never') return

  const inside = extension === undefined ? resource : { ...objectOf(resource[extension]) }
  const present = inside[attribute.name]
  const next = attribute.multiValued
    ? nextList(Array.isArray(present) ? present : [], target, assignment, dialect)
    : nextSingle(present, target, assignment, dialect)

  if (next === undefined && attribute.type === 'boolean' && extension === undefined) {
    // To unassign `active` would let somebody back in by omission.
    throw new HubError('ERR_INVALID_VALUE', `"${attribute.name}" must be true or false`)
  }
  if (next === undefined || (Array.isArray(next) && next.length === 0))
    delete inside[attribute.name]
  else inside[attribute.name] = next
  if (extension === undefined) return
  if (Object.keys(inside).length > 0) resource[extension] = inside
  else delete resource[extension]
}

function nextSingle(
  present: Json | undefined,
  { attribute, sub, ...target }: AttributeTarget,
  { op, value }: Assignment,
  dialect: Dialect,
): Json | undefined {
  const where = nameOf({ attribute, ...(sub ? { sub } : {}), ...target })
  if (sub !== undefined) {
    const { [sub.name]: _, ...others } = objectOf(present)
    const coerced = op === 'remove' ? undefined : coerceValue(sub, value ?? null, dialect, where)
    if (coerced !== undefined) return repointed(objectOf(present), { [sub.name]: coerced })
    if (op === 'add') return present
    return 'value' in others || !attribute.subs.has('value') ? unlessEmpty(others) : undefined
  }
  if (op === 'remove') return undefined
  const coerced = coerceValue(attribute, value ?? null, dialect, where)
  if (attribute.type !== 'complex' || !isJsonObject(value ?? null)) {
    if (coerced === undefined && op === 'add' && attribute.type !== 'boolean') return present
    return isJsonObject(coerced) ? repointed(objectOf(present), coerced) : coerced
  }

  // §3.5.2.3: "a set of sub-attributes SHALL be replaced", those not named stay.
  const complex = { ...objectOf(present) }
  if (op === 'replace') {
    for (const [name, item] of Object.entries(value as JsonObject)) {
      const known = attribute.subs.get(name.toLowerCase())
      if (known !== undefined && known.mutability !== 'readOnly' && isCleared(item)) {
        delete complex[known.name]
      }
    }
  }
  const merged = coerced === undefined ? complex : repointed(complex, objectOf(coerced))
  return 'value' in merged || !attribute.subs.has('value') ? unlessEmpty(merged) : undefined
}

/** A reference that gets another `value` loses what described the old one. */
function repointed(before: JsonObject, change: JsonObject): JsonObject {
  const elsewhere = 'value' in change && change['value'] !== before['value']
  return elsewhere && '$ref' in before
    ? { ...withoutReference(before), ...change }
    : { ...before, ...change }
}

function withoutReference({ $ref, displayName, ...rest }: JsonObject): JsonObject {
  return rest
}

const isCleared = (value: Json): boolean => value === null || value === ''
const unlessEmpty = (object: JsonObject): JsonObject | undefined =>
  Object.keys(object).length > 0 ? object : undefined
