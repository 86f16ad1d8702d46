import type { Filter } from '../directory/query.ts'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import type { Dialect } from './dialect.ts'
import { isPrimary, joined, onlyPrimary } from './element-list.ts'
import { matches } from './match.ts'
import type { AttributeTarget } from './patch-path.ts'
import type { Assignment } from './patch-request.ts'
import type { Attribute } from './schema.ts'
import { coerceElement, coerceValue, LABELS } from './value.ts'

/**
 * A multi-valued attribute after one assignment to it, or to some of its elements.
 *
 * @returns the new list; empty for "unassigned"
 * @throws HubError ERR_INVALID_VALUE, ERR_NO_TARGET
 * @see RFC 7644 §3.5.2
 */
export function nextList(
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
  const kept = filter !== undefined && dialect.createByFilter ? (equalities(filter) ?? {}) : {}
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

/** The value when it is an object; else an empty one. */
export const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {})
const firstOf = (value: Json | undefined): Json =>
  Array.isArray(value) ? (value[0] ?? null) : (value ?? null)

/** What to call a target in an error text. */
export function nameOf({ attribute, sub }: Pick<AttributeTarget, 'attribute' | 'sub'>): string {
  return sub === undefined ? attribute.name : `${attribute.name}.${sub.name}`
}
