import type { Filter } from '../directory/query.ts'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import { checkRequired } from './body.ts'
import type { Dialect } from './dialect.ts'
import { isPrimary, joined, onlyPrimary } from './element-list.ts'
import { matches } from './match.ts'
import type { PatchTarget } from './patch-path.ts'
import type { Assignment } from './patch-request.ts'
import type { Attribute, Extension, ResourceSchema } from './schema.ts'
import { coerceElement, coerceValue } from './value.ts'

type AttributeTarget = Extract<PatchTarget, { kind: 'attribute' }>

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
  checkRequired(schema, resource)
  return resource
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

  if (next === undefined && attribute.type === 'boolean') {
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

function nextList(
  present: readonly Json[],
  target: AttributeTarget,
  { op, value }: Assignment,
  dialect: Dialect,
): Json[] {
  const { attribute, filter, sub } = target
  const where = nameOf(target)
  if (filter === undefined && sub === undefined) {
    if (op === 'remove')
      return value === undefined ? [] : without(present, attribute, value, dialect)
    const given = (coerceValue(attribute, value ?? null, dialect, where) ?? []) as Json[]
    return op === 'replace' ? given : joined(present, given)
  }
  const selected = (element: Json): boolean => filter === undefined || matches(filter, element)
  if (op === 'remove') return withoutSelected(present, selected, sub)

  if (!present.some(selected))
    return created(present, target, { op, value: value ?? null }, dialect)
  if (sub !== undefined) {
    const coerced = coerceValue(sub, value ?? null, dialect, where)
    if (coerced === undefined) {
      return op === 'add' ? [...present] : withoutSelected(present, selected, sub)
    }
    return changed(present, selected, (element) => ({ ...objectOf(element), [sub.name]: coerced }))
  }
  const coerced = objectOf(coerceElement(attribute, firstOf(value), dialect, where))
  if (Object.keys(coerced).length === 0) {
    return op === 'add' ? [...present] : present.filter((element) => !selected(element))
  }
  const kept = dialect.createByFilter && filter !== undefined ? (equalities(filter) ?? {}) : {}
  return changed(present, selected, (element) =>
    op === 'add' ? { ...objectOf(element), ...coerced } : { ...kept, ...coerced },
  )
}

/** Changes the selected elements; one that is made primary by it is the only one. */
function changed(
  present: readonly Json[],
  selected: (element: Json) => boolean,
  change: (element: Json) => Json,
): Json[] {
  let winner: Json | undefined
  const list = present.map((element) => {
    if (!selected(element)) return element
    const next = change(element)
    if (isPrimary(next) && !isPrimary(element)) winner = next
    return next
  })
  return winner === undefined ? list : onlyPrimary(list, winner)
}

/** The element that a path filter describes, e.g. `addresses[type eq "work"].country`. */
function created(
  present: readonly Json[],
  target: AttributeTarget,
  { value }: { op: 'add' | 'replace'; value: Json },
  dialect: Dialect,
): Json[] {
  const { attribute, filter, sub } = target
  const described = filter === undefined ? {} : equalities(filter)
  if (described === undefined || (filter !== undefined && !dialect.createByFilter)) {
    throw new HubError('ERR_NO_TARGET', `no element of "${attribute.name}" matches the path`)
  }
  const where = nameOf(target)
  const coerced = sub
    ? coerceValue(sub, value, dialect, where)
    : coerceElement(attribute, firstOf(value), dialect, where)
  if (coerced === undefined) return [...present]
  const element = { ...described, ...(sub ? { [sub.name]: coerced } : objectOf(coerced)) }
  return joined(present, [element])
}

/** What every element matching the filter has, when the filter is nothing but `eq` and `and`. */
function equalities(filter: Filter): JsonObject | undefined {
  switch (filter.kind) {
    case 'compare':
      if (filter.operator !== 'eq' || filter.value === null || typeof filter.value === 'object') {
        return undefined
      }
      return { [filter.path.attribute]: filter.value }
    case 'and': {
      const all: JsonObject = {}
      for (const part of filter.of) {
        const known = equalities(part)
        if (known === undefined) return undefined
        Object.assign(all, known)
      }
      return all
    }
    default:
      return undefined
  }
}

/** `remove` of a list with a value: those elements, told by `value`, or by all that is given of them. */
function without(
  present: readonly Json[],
  attribute: Attribute,
  value: Json,
  dialect: Dialect,
): Json[] {
  if (!dialect.removeByValue) {
    throw new HubError(
      'ERR_INVALID_VALUE',
      '"remove" takes no value; select by a filter in the path',
    )
  }
  if (value === null) {
    throw new HubError(
      'ERR_INVALID_VALUE',
      '"remove" with the value null says neither some nor all',
    )
  }
  const gone = (coerceValue(attribute, value, dialect) ?? []) as Json[]
  return present.filter((element) => !gone.some((pattern) => isDescribedBy(element, pattern)))
}

function isDescribedBy(element: Json, pattern: Json): boolean {
  if (!isJsonObject(element) || !isJsonObject(pattern)) return element === pattern
  const names =
    'value' in pattern ? ['value', ...('type' in pattern ? ['type'] : [])] : Object.keys(pattern)
  return names.every((name) => {
    const [a, b] = [element[name], pattern[name]]
    return typeof a === 'string' && typeof b === 'string'
      ? a.toLowerCase() === b.toLowerCase()
      : a === b
  })
}

/** Sub-attributes that say nothing of their own. */
const LABELS = new Set(['type', 'primary', 'display'])

function withoutSelected(
  present: readonly Json[],
  selected: (element: Json) => boolean,
  sub: Attribute | undefined,
): Json[] {
  return present.flatMap((element) => {
    if (!selected(element)) return [element]
    if (sub === undefined) return []
    const { [sub.name]: _, ...rest } = objectOf(element)
    return Object.keys(rest).every((name) => LABELS.has(name)) ? [] : [rest]
  })
}

const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {})
const firstOf = (value: Json | undefined): Json =>
  Array.isArray(value) ? (value[0] ?? null) : (value ?? null)
const isCleared = (value: Json): boolean => value === null || value === ''
const unlessEmpty = (object: JsonObject): JsonObject | undefined =>
  Object.keys(object).length > 0 ? object : undefined

function nameOf({ attribute, sub }: Pick<AttributeTarget, 'attribute' | 'sub'>): string {
  return sub === undefined ? attribute.name : `${attribute.name}.${sub.name}`
}
