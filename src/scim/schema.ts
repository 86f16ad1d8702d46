import SCIMMY from 'scimmy'
import type { AttributePath } from '../directory/query.ts'
import { type ExtensionDefinition, extensionOf } from './extension.ts'

/** One attribute or sub-attribute, as RFC 7643 §7 characterises it. */
export interface Attribute {
  /** Canonical spelling. */
  name: string
  type: AttributePath['type']
  multiValued: boolean
  required: boolean
  caseExact: boolean
  mutability: 'readWrite' | 'readOnly' | 'immutable' | 'writeOnly'
  returned: 'always' | 'never' | 'default' | 'request'
  /** Sub-attributes of a complex attribute by lower-case name; empty otherwise. */
  subs: ReadonlyMap<string, Attribute>
}

export interface Extension {
  urn: string
  /** Whether every resource of the type must have it. */
  required: boolean
  attributes: ReadonlyMap<string, Attribute>
}

/** A resource type with its look-up tables, keyed by lower case: names and URNs are case-insensitive. */
export interface ResourceSchema {
  type: 'User' | 'Group'
  endpoint: '/Users' | '/Groups'
  urn: string
  attributes: ReadonlyMap<string, Attribute>
  extensions: readonly Extension[]
}

/** What a dotted name, with or without a URN before it, points at. */
export type Target =
  | { kind: 'attribute'; extension?: string; attribute: Attribute; sub?: Attribute }
  | { kind: 'extension'; extension: Extension }

/** What of a scimmy definition is used. Its own types call the attributes a union that cannot be narrowed. */
interface ScimmyAttribute {
  name: string
  type: string
  config: {
    multiValued?: boolean
    required?: boolean
    caseExact?: boolean
    mutable?: boolean | string
    returned?: boolean | string
    direction?: string
  }
  subAttributes?: readonly ScimmyAttribute[]
}
interface Definition {
  id: string
  attributes: readonly unknown[]
}

function compile(source: ScimmyAttribute): Attribute {
  const { config } = source
  return {
    name: source.name,
    type: source.type as Attribute['type'],
    multiValued: config.multiValued === true,
    required: config.required === true,
    caseExact: config.caseExact === true,
    // `schemas` follows from what a resource holds: nobody writes it.
    mutability:
      source.name === 'schemas'
        ? 'readOnly'
        : config.direction === 'in'
          ? 'writeOnly'
          : config.direction === 'out' || config.mutable === false
            ? 'readOnly'
            : config.mutable === 'immutable'
              ? 'immutable'
              : 'readWrite',
    returned:
      source.name === 'schemas'
        ? 'always'
        : config.returned === true
          ? 'default'
          : config.returned === false
            ? 'never'
            : (config.returned as Attribute['returned']),
    subs: table(source.subAttributes ?? []),
  }
}

const table = (attributes: readonly ScimmyAttribute[]): ReadonlyMap<string, Attribute> =>
  new Map(attributes.map((attribute) => [attribute.name.toLowerCase(), compile(attribute)]))

const attributesOf = (definition: Definition): readonly ScimmyAttribute[] =>
  definition.attributes as readonly ScimmyAttribute[]

/** The common attributes that scimmy declares for each schema, extensions included (RFC 7643 §3). */
const COMMON = new Set(['schemas', 'id', 'externalId', 'meta'])

const extension = (definition: Definition): Extension => ({
  urn: definition.id,
  required: false,
  attributes: table(attributesOf(definition).filter(({ name }) => !COMMON.has(name))),
})

export const USER: ResourceSchema = {
  type: 'User',
  endpoint: '/Users',
  urn: SCIMMY.Schemas.User.definition.id,
  attributes: table(attributesOf(SCIMMY.Schemas.User.definition)),
  extensions: [extension(SCIMMY.Schemas.EnterpriseUser.definition)],
}

export const GROUP: ResourceSchema = {
  type: 'Group',
  endpoint: '/Groups',
  urn: SCIMMY.Schemas.Group.definition.id,
  attributes: table(attributesOf(SCIMMY.Schemas.Group.definition)),
  extensions: [],
}

export const SCHEMAS: readonly ResourceSchema[] = [USER, GROUP]

/** The resource types of one hub: those of the RFC, and the extensions that its operator declared. */
export interface Schemas {
  User: ResourceSchema
  Group: ResourceSchema
  /** As declared, for `/Schemas`. */
  declared: readonly ExtensionDefinition[]
}

export function schemasWith(declared: readonly ExtensionDefinition[]): Schemas {
  const extended = (schema: ResourceSchema): ResourceSchema => ({
    ...schema,
    extensions: [
      ...schema.extensions,
      ...declared.filter((one) => one.appliesTo === schema.type).map(extensionOf),
    ],
  })
  return { User: extended(USER), Group: extended(GROUP), declared }
}

/**
 * Finds what a name means: `userName`, `name.givenName`, `<URN>:department`, `<URN>:manager.value`, `<URN>`.
 *
 * @param unprefixed whether an attribute of an extension is also found without its URN
 * @returns undefined for what no schema declares
 */
export function resolveName(
  schema: ResourceSchema,
  name: string,
  unprefixed: boolean,
): Target | undefined {
  const lower = name.toLowerCase()
  if (lower.startsWith('urn:')) {
    const core = schema.urn.toLowerCase()
    if (lower.startsWith(`${core}:`)) return within(schema.attributes, lower.slice(core.length + 1))
    for (const candidate of schema.extensions) {
      const urn = candidate.urn.toLowerCase()
      if (lower === urn) return { kind: 'extension', extension: candidate }
      if (lower.startsWith(`${urn}:`)) {
        return within(candidate.attributes, lower.slice(urn.length + 1), candidate.urn)
      }
    }
    return undefined
  }
  const found = within(schema.attributes, lower)
  if (found !== undefined || !unprefixed) return found
  for (const { attributes, urn } of schema.extensions) {
    const inside = within(attributes, lower, urn)
    if (inside !== undefined) return inside
  }
  return undefined
}

/** Whether a name is the URN of the resource type itself: some clients put core attributes below it. */
export const isCore = (schema: ResourceSchema, name: string): boolean =>
  name.length === schema.urn.length && name.toLowerCase() === schema.urn.toLowerCase()

function within(
  attributes: ReadonlyMap<string, Attribute>,
  name: string,
  extensionUrn?: string,
): Target | undefined {
  const dot = name.indexOf('.')
  const attribute = attributes.get(dot < 0 ? name : name.slice(0, dot))
  if (attribute === undefined) return undefined
  const sub = dot < 0 ? undefined : attribute.subs.get(name.slice(dot + 1))
  if (dot >= 0 && sub === undefined) return undefined
  return {
    kind: 'attribute',
    attribute,
    ...(extensionUrn === undefined ? {} : { extension: extensionUrn }),
    ...(sub === undefined ? {} : { sub }),
  }
}

/** An attribute as the directory's queries name it. */
export function attributePath(target: Extract<Target, { kind: 'attribute' }>): AttributePath {
  const { attribute, sub } = target
  const compared = sub ?? attribute
  return {
    ...(target.extension === undefined ? {} : { extension: target.extension }),
    attribute: attribute.name,
    ...(sub === undefined ? {} : { sub: sub.name }),
    type: compared.type,
    caseExact: compared.caseExact,
    multiValued: attribute.multiValued,
  }
}

/** The URNs that a resource of this type may list in `schemas`, for a stored resource: those that it uses. */
export function schemasOf(
  schema: ResourceSchema,
  resource: Readonly<Record<string, unknown>>,
): string[] {
  return [
    schema.urn,
    ...schema.extensions.map(({ urn }) => urn).filter((urn) => Object.hasOwn(resource, urn)),
  ]
}
