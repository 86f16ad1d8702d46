import type { JsonObject } from '../shared/json.ts'
import type { Attribute, Extension } from './schema.ts'

/** An attribute of a declared extension, with the characteristics of RFC 7643 §7 all given. */
export interface AttributeDefinition {
  name: string
  type: Attribute['type']
  multiValued: boolean
  description: string
  required: boolean
  caseExact: boolean
  mutability: Attribute['mutability']
  returned: Attribute['returned']
  uniqueness: 'none'
  canonicalValues?: readonly string[] | undefined
  referenceTypes?: readonly string[] | undefined
  /** Of a complex attribute; they are not complex themselves. */
  subAttributes?: readonly AttributeDefinition[] | undefined
}

/** A schema extension that an operator declares; see docs/scim.md. */
export interface ExtensionDefinition {
  /** Any `urn:` URN; none begins with another one and a colon. */
  id: string
  name: string
  description: string
  appliesTo: 'User' | 'Group'
  /** Every resource of the type must have it. */
  required: boolean
  attributes: readonly AttributeDefinition[]
}

/** The look-up tables of a declared extension. */
export function extensionOf(definition: ExtensionDefinition): Extension {
  return {
    urn: definition.id,
    required: definition.required,
    attributes: tableOf(definition.attributes),
  }
}

function tableOf(definitions: readonly AttributeDefinition[]): ReadonlyMap<string, Attribute> {
  return new Map(
    definitions.map((one): [string, Attribute] => [
      one.name.toLowerCase(),
      {
        name: one.name,
        type: one.type,
        multiValued: one.multiValued,
        required: one.required,
        caseExact: one.caseExact,
        mutability: one.mutability,
        returned: one.returned,
        subs: tableOf(one.subAttributes ?? []),
      },
    ]),
  )
}

/** The extension as `/Schemas` shows it. */
export function describeExtension(definition: ExtensionDefinition): JsonObject {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id: definition.id,
    name: definition.name,
    description: definition.description,
    attributes: definition.attributes.map(describeAttribute),
  }
}

function describeAttribute(one: AttributeDefinition): JsonObject {
  return {
    name: one.name,
    type: one.type,
    multiValued: one.multiValued,
    description: one.description,
    required: one.required,
    ...(one.canonicalValues === undefined ? {} : { canonicalValues: [...one.canonicalValues] }),
    caseExact: one.caseExact,
    mutability: one.mutability,
    returned: one.returned,
    uniqueness: one.uniqueness,
    ...(one.referenceTypes === undefined ? {} : { referenceTypes: [...one.referenceTypes] }),
    ...(one.subAttributes === undefined
      ? {}
      : { subAttributes: one.subAttributes.map(describeAttribute) }),
  }
}
