import { isDeepStrictEqual } from 'node:util'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import type { Attribute, ResourceSchema } from './schema.ts'

/**
 * Holds a new state to what was set before: a value of an immutable attribute never changes. Core attributes
 * outside lists have no such mutability; those of declared extensions may.
 *
 * @param omitted what the absence of the value means: a PUT that leaves it out says nothing of it, a PATCH removed it
 * @throws HubError ERR_MUTABILITY
 * @see RFC 7644 §3.5.1, §3.5.2
 */
export function withImmutables(
  schema: ResourceSchema,
  before: JsonObject,
  after: JsonObject,
  omitted: 'keep' | 'refuse',
): JsonObject {
  let result = after
  for (const { urn, attributes } of schema.extensions) {
    const was = before[urn]
    if (!isJsonObject(was)) continue
    for (const attribute of attributes.values()) {
      const inside = result[urn]
      const is = isJsonObject(inside) ? inside : {}
      const next = held(attribute, was[attribute.name], is[attribute.name], omitted)
      if (next !== undefined && next !== is[attribute.name]) {
        result = { ...result, [urn]: { ...is, [attribute.name]: next } }
      }
    }
  }
  return result
}

/** The value that an attribute has afterwards. */
function held(
  attribute: Attribute,
  was: Json | undefined,
  is: Json | undefined,
  omitted: 'keep' | 'refuse',
): Json | undefined {
  if (was === undefined) return is
  if (attribute.mutability !== 'immutable') {
    // The sub-attributes of a list have no element to be compared with.
    if (!isJsonObject(was) || attribute.multiValued) return is
    let object = is
    for (const sub of attribute.subs.values()) {
      const present = isJsonObject(object) ? object : {}
      const next = held(sub, was[sub.name], present[sub.name], omitted)
      if (next !== undefined && next !== present[sub.name])
        object = { ...present, [sub.name]: next }
    }
    return object
  }
  if (is === undefined && omitted === 'keep') return was
  if (isDeepStrictEqual(was, is)) return is
  throw new HubError('ERR_MUTABILITY', `"${attribute.name}" never changes once it has a value`)
}
