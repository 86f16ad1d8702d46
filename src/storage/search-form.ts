import { CASE_EXACT_ATTRIBUTES, foldCase, urnField } from '../directory/comparison.ts'
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
    const folded = fold(value, name)
    if (folded === undefined) continue
    form[urnField(name)] = folded
    if (!Array.isArray(folded)) continue
    const primary = folded.find((item) => isJsonObject(item) && item['primary'] === true)
    first[urnField(name)] = primary ?? folded[0] ?? null
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
