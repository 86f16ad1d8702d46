import {
  CASE_EXACT_ATTRIBUTES,
  DATE_FORM,
  EXACT_FORM,
  foldCase,
  INSTANT_FORM,
  isDeclared,
  urnField,
} from '../directory/comparison.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'

/**
 * The copy of a resource that filters run on: strings of `caseExact: false` attributes in folded case, URNs
 * without dots, no nulls and nothing empty, so that "has a value" is "the field exists". `first` holds
 * the primary (or else the first) element of each multi-valued attribute, which is what sorting goes by.
 *
 * @see RFC 7644 §3.4.2.2, §3.4.2.3
 */
export function searchForm(resource: JsonObject): JsonObject {
  const form: JsonObject = {}
  const first: JsonObject = {}
  for (const [name, value] of Object.entries(resource)) {
    const field = urnField(name)
    const folded =
      name.startsWith('urn:') && isDeclared(name) ? everyForm(value) : fold(value, name)
    if (folded === undefined) continue
    form[field] = folded
    if (Array.isArray(folded)) first[field] = primaryOf(folded)
    else if (name.startsWith('urn:') && isJsonObject(folded)) {
      const lists = Object.entries(folded).flatMap(([inner, item]): [string, Json][] =>
        Array.isArray(item) ? [[inner, primaryOf(item)]] : [],
      )
      if (lists.length > 0) first[field] = Object.fromEntries(lists)
    }
  }
  if (Object.keys(first).length > 0) form['first'] = first
  return form
}

function fold(value: Json, path: string): Json | undefined {
  if (value === null || value === '') return undefined
  if (typeof value === 'string') return CASE_EXACT_ATTRIBUTES.has(path) ? value : foldCase(value)
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => fold(item, path) ?? [])
    return items.length > 0 ? items : undefined
  }
  if (typeof value !== 'object') return value
  const fields: JsonObject = {}
  for (const [name, field] of Object.entries(value)) {
    const folded = fold(field, path.startsWith('urn:') ? name : `${path}.${name}`)
    if (folded !== undefined) fields[urnField(name)] = folded
  }
  return Object.keys(fields).length > 0 ? fields : undefined
}

const primaryOf = (list: readonly Json[]): Json =>
  list.find((item) => isJsonObject(item) && item['primary'] === true) ?? list[0] ?? null

/** A value of a declared extension: see `isDeclared`. */
function everyForm(value: Json): Json | undefined {
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => everyForm(item) ?? [])
    return items.length > 0 ? items : undefined
  }
  if (!isJsonObject(value)) return fold(value, '')
  const fields: JsonObject = {}
  for (const [name, field] of Object.entries(value)) {
    const folded = everyForm(field)
    if (folded === undefined) continue
    fields[name] = folded
    const texts = (Array.isArray(field) ? field : [field]).filter(
      (item) => typeof item === 'string',
    )
    if (texts.length === 0) continue
    const [text = ''] = texts
    fields[name + EXACT_FORM] = Array.isArray(field) ? texts : text
    const instants = texts
      .map((one) => (DATE_FORM.test(one) ? Date.parse(one) : Number.NaN))
      .filter((instant) => !Number.isNaN(instant))
    const [instant] = instants
    if (instant !== undefined)
      fields[name + INSTANT_FORM] = Array.isArray(field) ? instants : instant
  }
  return Object.keys(fields).length > 0 ? fields : undefined
}
