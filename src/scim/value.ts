import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import type { Dialect } from './dialect.ts'
import { singlePrimary, withoutDuplicates } from './element-list.ts'
import type { Attribute } from './schema.ts'

/**
 * Brings a client's value into the form that its attribute declares, or refuses it.
 *
 * @param where the name for the error text, as the client may know it
 * @returns undefined for "unassigned": null, an empty list, an empty object (RFC 7643 §2.5)
 * @throws HubError ERR_INVALID_VALUE; the text never repeats the value, which may be personal
 */
export function coerceValue(
  attribute: Attribute,
  value: Json,
  dialect: Dialect,
  where: string = attribute.name,
): Json | undefined {
  if (value === null) return undefined
  if (!attribute.multiValued) return coerceOne(attribute, value, dialect, where)
  if (!Array.isArray(value) && !dialect.looseShapes) throw mustBe(where, 'a list')
  const given = Array.isArray(value) ? value : [value]
  const list = given.flatMap((item) =>
    item === null ? [] : (coerceElement(attribute, item, dialect, where) ?? []),
  )
  if (list.length === 0) return undefined
  return singlePrimary(withoutDuplicates(list), where, dialect)
}

/** One element of a multi-valued attribute. */
export function coerceElement(
  attribute: Attribute,
  value: Json,
  dialect: Dialect,
  where: string = attribute.name,
): Json | undefined {
  return value === null ? undefined : coerceOne(attribute, value, dialect, where)
}

function coerceOne(
  attribute: Attribute,
  value: Json,
  dialect: Dialect,
  where: string,
): Json | undefined {
  const plain = unwrapped(attribute, value, dialect)
  if (plain === undefined || plain === null) return undefined
  // An empty `active` says something, and nobody knows what.
  const mayBeEmpty = attribute.type !== 'boolean' || attribute.name !== 'active'
  if (plain === '' && mayBeEmpty && dialect.emptyClears) return undefined
  return attribute.type === 'complex'
    ? coerceComplex(attribute, plain, dialect, where)
    : coerceSimple(attribute, plain, dialect, where)
}

/** Takes `[x]` for x, `{value: x}` for a simple x, and x for `{value: x}`, where the dialect allows. */
function unwrapped(attribute: Attribute, value: Json, dialect: Dialect): Json | undefined {
  const plain = bare(attribute, value)
  return plain !== value && dialect.looseShapes ? plain : value
}

/** The same value when it is in no wrapping. */
function bare(attribute: Attribute, value: Json): Json | undefined {
  if (Array.isArray(value) && !attribute.multiValued && value.length <= 1) {
    return value[0] === undefined ? undefined : bare(attribute, value[0])
  }
  if (attribute.type === 'complex') {
    if (typeof value !== 'string' || !attribute.subs.has('value')) return value
    return value === '' ? undefined : { value }
  }
  if (isJsonObject(value) && Object.keys(value).length === 1 && value['value'] !== undefined) {
    return value['value']
  }
  return value
}

function coerceComplex(
  attribute: Attribute,
  value: Json,
  dialect: Dialect,
  where: string,
): JsonObject | undefined {
  if (!isJsonObject(value)) throw mustBe(where, 'an object')
  const result: JsonObject = {}
  let isEmptied = false
  for (const [name, given] of Object.entries(value)) {
    const sub = attribute.subs.get(name.toLowerCase())
    if (sub === undefined) {
      if (dialect.unknownAttributes === 'ignore') continue
      throw new HubError('ERR_INVALID_VALUE', `"${where}" has no sub-attribute "${name}"`)
    }
    if (Object.hasOwn(result, sub.name)) throw twice(`${where}.${sub.name}`)
    if (sub.mutability === 'readOnly' || sub.returned === 'never') continue
    const coerced = coerceValue(sub, given, dialect, `${where}.${sub.name}`)
    if (coerced !== undefined) result[sub.name] = coerced
    else if (sub.name === 'value' && sub.mutability === 'readWrite') isEmptied = true
  }
  const names = Object.keys(result)
  if (isEmptied && attribute.multiValued && names.every((name) => LABELS.has(name)))
    return undefined
  return names.length > 0 ? result : undefined
}

/** Sub-attributes that say nothing of their own: `{"value": "", "type": "work"}` is no e-mail. */
export const LABELS: ReadonlySet<string> = new Set(['type', 'primary', 'display'])

function coerceSimple(
  attribute: Attribute,
  value: Json,
  dialect: Dialect,
  where: string,
): Json | undefined {
  switch (attribute.type) {
    case 'boolean': {
      if (typeof value === 'boolean') return value
      const word = typeof value === 'string' ? value.toLowerCase() : ''
      if ((word === 'true' || word === 'false') && dialect.stringBooleans) return word === 'true'
      throw mustBe(where, 'true or false')
    }
    case 'integer':
      if (!Number.isSafeInteger(value)) throw mustBe(where, 'an integer')
      return value
    case 'decimal':
      if (typeof value !== 'number') throw mustBe(where, 'a number')
      return value
    case 'dateTime':
      if (typeof value !== 'string' || Number.isNaN(Date.parse(value)))
        throw mustBe(where, 'a date')
      return value
    default:
      if (typeof value !== 'string') throw mustBe(where, 'a string')
      return value
  }
}

function mustBe(where: string, what: string): HubError {
  return new HubError('ERR_INVALID_VALUE', `"${where}" must be ${what}`)
}

/** A body that names one attribute twice, e.g. in two spellings, says two things at once. */
export function twice(where: string): HubError {
  return new HubError('ERR_SYNTAX', `"${where}" is given twice`)
}
