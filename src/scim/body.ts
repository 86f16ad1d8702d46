import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import type { Dialect } from './dialect.ts'
import {
  type Attribute,
  type Extension,
  isCore,
  type ResourceSchema,
  resolveName,
  SCHEMAS,
} from './schema.ts'
import { coerceValue, twice } from './value.ts'

/**
 * The resource that a POST or PUT body describes, in canonical form: names as the schemas spell them,
 * read-only attributes and the password left out, nothing null or empty. Group members stay in `members`.
 *
 * @throws HubError ERR_SYNTAX, ERR_INVALID_VALUE
 * @see RFC 7644 §3.3, §3.5.1
 */
export function resourceOf(schema: ResourceSchema, body: Json, dialect: Dialect): JsonObject {
  if (!isJsonObject(body)) throw new HubError('ERR_SYNTAX', 'the body must be a JSON object')
  const resource: JsonObject = {}
  let schemas: Json = null
  for (const [name, value] of Object.entries(body)) {
    if (name.toLowerCase() === 'schemas') schemas = value
    else take(schema, resource, name, value, dialect)
  }
  checkSchemas(schema, schemas, dialect)
  for (const { urn } of schema.extensions) {
    const extension = resource[urn]
    if (isJsonObject(extension) && Object.keys(extension).length === 0) delete resource[urn]
  }
  checkRequired(schema, resource)
  return resource
}

function take(
  schema: ResourceSchema,
  resource: JsonObject,
  name: string,
  value: Json,
  dialect: Dialect,
): void {
  if (isCore(schema, name) && isJsonObject(value) && dialect.dottedKeys) {
    for (const [inner, item] of Object.entries(value)) take(schema, resource, inner, item, dialect)
    return
  }
  const target = resolveName(schema, name, dialect.unprefixedExtensions)
  if (target === undefined) {
    unknown(name, dialect)
    return
  }
  if (target.kind === 'extension') {
    takeExtension(target.extension, resource, value, dialect)
    return
  }
  const flattened = target.sub !== undefined || name.includes(':') || target.extension !== undefined
  if (flattened && !dialect.dottedKeys) {
    unknown(name, dialect)
    return
  }
  const container = target.extension === undefined ? resource : objectAt(resource, target.extension)
  set(container, target.attribute, target.sub, value, dialect)
}

function takeExtension(
  extension: Extension,
  resource: JsonObject,
  value: Json,
  dialect: Dialect,
): void {
  if (value === null) return
  if (!isJsonObject(value)) {
    throw new HubError('ERR_INVALID_VALUE', `"${extension.urn}" must be an object`)
  }
  const container = objectAt(resource, extension.urn)
  for (const [name, inner] of Object.entries(value)) {
    const [first = '', second] = name.toLowerCase().split('.', 2)
    const attribute = extension.attributes.get(first)
    const sub = second === undefined ? undefined : attribute?.subs.get(second)
    const known = attribute !== undefined && (second === undefined || sub !== undefined)
    if (!known || (sub !== undefined && !dialect.dottedKeys)) unknown(name, dialect)
    else set(container, attribute, sub, inner, dialect)
  }
}

function set(
  container: JsonObject,
  attribute: Attribute,
  sub: Attribute | undefined,
  value: Json,
  dialect: Dialect,
): void {
  if (attribute.mutability === 'readOnly' || attribute.returned === 'never') return
  if (sub === undefined) {
    if (Object.hasOwn(container, attribute.name)) throw twice(attribute.name)
    const coerced = coerceValue(attribute, value, dialect)
    if (coerced !== undefined) container[attribute.name] = coerced
    return
  }
  if (sub.mutability === 'readOnly') return
  if (attribute.multiValued) {
    throw new HubError(
      'ERR_SYNTAX',
      `"${attribute.name}" is a list; "${sub.name}" needs an element`,
    )
  }
  const coerced = coerceValue(sub, value, dialect, `${attribute.name}.${sub.name}`)
  if (coerced === undefined) return
  const complex = objectAt(container, attribute.name)
  if (Object.hasOwn(complex, sub.name)) throw twice(`${attribute.name}.${sub.name}`)
  complex[sub.name] = coerced
}

function objectAt(container: JsonObject, name: string): JsonObject {
  const present = container[name]
  if (isJsonObject(present)) return present
  const created: JsonObject = {}
  container[name] = created
  return created
}

function unknown(name: string, dialect: Dialect): void {
  if (dialect.unknownAttributes === 'ignore') return
  throw new HubError('ERR_SYNTAX', `unknown attribute "${name.slice(0, 200)}"`)
}

function checkSchemas(schema: ResourceSchema, given: Json, dialect: Dialect): void {
  const urns = Array.isArray(given)
    ? given.map((urn) => (typeof urn === 'string' ? urn.toLowerCase() : ''))
    : []
  const own = urns.includes(schema.urn.toLowerCase())
  const other = SCHEMAS.find((one) => one !== schema && urns.includes(one.urn.toLowerCase()))
  if (!own && other !== undefined) {
    throw new HubError('ERR_SYNTAX', `the body is a ${other.type}, not a ${schema.type}`)
  }
  const known = new Set(
    [schema.urn, ...schema.extensions.map(({ urn }) => urn)].map((urn) => urn.toLowerCase()),
  )
  if ((!own || urns.some((urn) => !known.has(urn))) && !dialect.foreignSchemas) {
    throw new HubError('ERR_SYNTAX', `"schemas" must list ${schema.urn}, and none that is unknown`)
  }
}

/** @throws HubError ERR_INVALID_VALUE when a required attribute has no value */
export function checkRequired(schema: ResourceSchema, resource: JsonObject): void {
  for (const { name, required, mutability } of schema.attributes.values()) {
    if (!required || mutability === 'readOnly') continue
    const value = resource[name]
    if (typeof value !== 'string' || value.trim() === '') {
      throw missing(name)
    }
  }
  for (const { urn, required, attributes } of schema.extensions) {
    const extension = resource[urn]
    if (isJsonObject(extension)) checkWhole(attributes, extension)
    else if (required) throw missing(urn)
  }
}

/** What a declared extension requires, wherever its owner is present. */
function checkWhole(attributes: ReadonlyMap<string, Attribute>, object: JsonObject): void {
  for (const { name, required, mutability, returned, subs } of attributes.values()) {
    const value = object[name]
    const expected = required && mutability !== 'readOnly' && returned !== 'never'
    if (value === undefined && expected) throw missing(name)
    const inner = Array.isArray(value) ? value : [value]
    for (const item of inner) if (isJsonObject(item)) checkWhole(subs, item)
  }
}

const missing = (name: string): HubError =>
  new HubError('ERR_INVALID_VALUE', `"${name}" is required`)
