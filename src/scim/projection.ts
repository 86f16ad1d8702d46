import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import type { Dialect } from './dialect.ts'
import { type Attribute, type ResourceSchema, resolveName } from './schema.ts'

/** Which sub-attributes of an attribute are named; `'all'` for the attribute itself. */
type Named = ReadonlyMap<string, 'all' | ReadonlySet<string>>

/** What of a resource is returned. */
export interface Projection {
  mode: 'default' | 'only' | 'without'
  /** Keys are canonical: attribute names, and for extensions URNs with attributes as their sub-attributes. */
  named: Named
}

const DEFAULT_PROJECTION: Projection = { mode: 'default', named: new Map() }

/**
 * Reads `attributes` and `excludedAttributes`. Names that no schema knows select nothing.
 *
 * @throws HubError ERR_INVALID_VALUE when both are given
 * @see RFC 7644 §3.9
 */
export function projectionOf(
  schema: ResourceSchema,
  attributes: readonly string[],
  excluded: readonly string[],
  dialect: Dialect,
): Projection {
  if (attributes.length > 0 && excluded.length > 0) {
    throw new HubError(
      'ERR_INVALID_VALUE',
      '"attributes" and "excludedAttributes" exclude each other',
    )
  }
  if (attributes.length === 0 && excluded.length === 0) return DEFAULT_PROJECTION
  const named = new Map<string, 'all' | Set<string>>()
  const add = (key: string, sub: string | undefined): void => {
    const present = named.get(key)
    if (sub === undefined) named.set(key, 'all')
    else if (present === undefined) named.set(key, new Set([sub]))
    else if (present !== 'all') present.add(sub)
  }
  for (const name of attributes.length > 0 ? attributes : excluded) {
    const target = resolveName(schema, name.trim(), dialect.unprefixedExtensions)
    if (target === undefined) continue
    if (target.kind === 'extension') add(target.extension.urn, undefined)
    else if (target.extension === undefined) add(target.attribute.name, target.sub?.name)
    else {
      const { name: attribute } = target.attribute
      add(target.extension, target.sub ? `${attribute}.${target.sub.name}` : attribute)
    }
  }
  return { mode: attributes.length > 0 ? 'only' : 'without', named }
}

/** Whether an attribute will be in the answer: what is not need not be read. */
export function isReturned(projection: Projection, attribute: string): boolean {
  switch (projection.mode) {
    case 'default':
      return true
    case 'only':
      return projection.named.has(attribute)
    case 'without':
      return projection.named.get(attribute) !== 'all'
  }
}

/** Cuts a full resource down. `returned: always` stays whatever is asked for. */
export function project(
  schema: ResourceSchema,
  resource: JsonObject,
  projection: Projection,
): JsonObject {
  if (projection.mode === 'default') return withSpecials(schema, resource, resource, projection)
  const result: JsonObject = {}
  for (const [key, value] of Object.entries(resource)) {
    const attribute = schema.attributes.get(key.toLowerCase())
    if (attribute?.returned === 'always') {
      result[key] = value
      continue
    }
    const names = projection.named.get(key)
    const kept =
      projection.mode === 'only'
        ? names && (names === 'all' ? value : select(value, names, attribute))
        : names === undefined
          ? value
          : names === 'all'
            ? undefined
            : drop(value, names)
    if (kept !== undefined) result[key] = kept
  }
  return withSpecials(schema, resource, result, projection)
}

/**
 * Attributes of declared extensions with `returned` of their own: `always` cannot be left out, `request` is
 * there for those who name it.
 */
function withSpecials(
  schema: ResourceSchema,
  full: JsonObject,
  cut: JsonObject,
  projection: Projection,
): JsonObject {
  let result = cut
  for (const { urn, attributes } of schema.extensions) {
    const source = full[urn]
    if (!isJsonObject(source)) continue
    for (const { name, returned } of attributes.values()) {
      if (returned === 'default' || returned === 'never') continue
      const { [urn]: extension, ...others } = result
      const { [name]: present, ...inside } = isJsonObject(extension) ? extension : {}
      if (returned === 'always') {
        const value = source[name]
        if (value !== undefined) result = { ...result, [urn]: { ...inside, [name]: value } }
      } else if (present !== undefined && !isNamed(projection, urn, name)) {
        result = Object.keys(inside).length > 0 ? { ...result, [urn]: inside } : others
      }
    }
  }
  return result
}

function isNamed({ mode, named }: Projection, urn: string, name: string): boolean {
  const names = named.get(urn)
  if (mode !== 'only' || names === undefined) return false
  return names === 'all' || [...names].some((one) => one === name || one.startsWith(`${name}.`))
}

function select(
  value: Json,
  names: ReadonlySet<string>,
  attribute: Attribute | undefined,
): Json | undefined {
  if (Array.isArray(value)) {
    const list = value.flatMap((item) => select(item, names, attribute) ?? [])
    return list.length > 0 ? list : undefined
  }
  if (!isJsonObject(value)) return undefined
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value)) {
    if (names.has(key)) result[key] = item
    // `<URN>:manager.value`: a sub-attribute one level further down.
    else if (attribute === undefined && isJsonObject(item)) {
      const inner = Object.entries(item).filter(([name]) => names.has(`${key}.${name}`))
      if (inner.length > 0) result[key] = Object.fromEntries(inner)
    }
  }
  return Object.keys(result).length > 0 ? result : undefined
}

function drop(value: Json, names: ReadonlySet<string>): Json {
  if (Array.isArray(value)) return value.map((item) => drop(item, names))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !names.has(key))
      .map(([key, item]): [string, Json] => [
        key,
        isJsonObject(item)
          ? Object.fromEntries(
              Object.entries(item).filter(([name]) => !names.has(`${key}.${name}`)),
            )
          : item,
      ]),
  )
}
