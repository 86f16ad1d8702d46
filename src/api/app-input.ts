import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import type { Connector } from '../connector-sdk/contract.ts'
import { isHeaderValue } from '../connector-sdk/transport-fault.ts'
import type { AppScope } from '../revocation/types.ts'
import { idField, nameField, sourceIdField } from './fields.ts'
import type { FieldFault } from './problem.ts'
import { invalid, valid } from './validate.ts'

const MAX_SECRET_BYTES = 64 * 1024
const NO_HEADER_VALUE = 'has a character that no HTTP header can carry, such as … or a line break'

export const scopeField = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('everyone'),
    sourceIds: z.array(sourceIdField).min(1).max(100).optional(),
  }),
  z.strictObject({
    kind: z.literal('groups'),
    groups: z
      .array(z.strictObject({ sourceId: sourceIdField, groupId: idField }))
      .min(1)
      .max(1_000),
  }),
])

const fields = {
  name: nameField,
  config: z.record(z.string(), z.unknown()),
  scope: scopeField.meta({ description: 'Who is covered' }),
  class: z.literal([0, 1, 2, 3]).meta({
    description:
      '0 authentication, signing, vault · 1 production, finance · 2 customer data · 3 other',
  }),
  owners: z
    .array(nameField)
    .min(1, 'name at least one person who answers for this app')
    .max(20)
    .transform((owners) => [...new Set(owners)]),
  allowNetworks: z
    .array(z.string().refine(isCidr, 'must be a CIDR range such as 10.2.0.0/16'))
    .max(50)
    .meta({ description: 'Private networks in which this app may be reached' }),
}

const secretValue = z
  .string()
  .min(1, 'must not be empty')
  .refine((text) => Buffer.byteLength(text) <= MAX_SECRET_BYTES, 'must have at most 64 KiB')

const secretsExpireAt = z
  .record(z.string(), z.iso.datetime({ offset: true }).nullable())
  .meta({ description: 'Until when secrets hold, by name; null: not known. An alert comes before' })

/** Body of a registration. */
export const newApp = z.strictObject({
  ...fields,
  connectorId: idField,
  config: fields.config.default({}),
  secrets: z.record(z.string(), secretValue).default({}),
  secretsExpireAt: secretsExpireAt.default({}),
  scope: fields.scope.default({ kind: 'everyone' }),
  allowNetworks: fields.allowNetworks.default([]),
})

/** Body of a change: what is absent stays. A secret of `null` is removed. */
export const appChange = z.strictObject({
  name: fields.name.optional(),
  config: fields.config.optional(),
  scope: fields.scope.optional(),
  class: fields.class.optional(),
  owners: fields.owners.optional(),
  allowNetworks: fields.allowNetworks.optional(),
  secrets: z.record(z.string(), secretValue.nullable()).optional(),
  secretsExpireAt: secretsExpireAt.optional(),
})

/**
 * Holds a configuration and its secrets against the connector, so that a mistake is seen at
 * registration and not on somebody's last day.
 *
 * @param secretNames all secrets that the app will have
 * @param given those whose values are in this request
 * @throws HubError ERR_INVALID_VALUE with every fault of the secrets, or every fault of the configuration
 */
export function checkAgainstConnector(
  connector: Connector,
  config: unknown,
  secretNames: readonly string[],
  given: Readonly<Record<string, string | null>>,
): void {
  const known = connector.manifest.secrets
  const faults: FieldFault[] = [
    ...secretNames
      .filter((name) => !Object.hasOwn(known, name))
      .map((name) => ({
        pointer: `/secrets/${name.slice(0, 64)}`,
        message: `is not a secret of this connector; it knows ${Object.keys(known).join(', ') || 'none'}`,
      })),
    ...Object.entries(known)
      .filter(([name, spec]) => spec.required && !secretNames.includes(name))
      .map(([name, spec]) => ({
        pointer: `/secrets/${name}`,
        message: `is needed: ${spec.title}`,
      })),
    ...Object.entries(known).flatMap(([name, { minLength = 0 }]) => {
      const value = given[name]
      if (typeof value !== 'string' || value.length >= minLength) return []
      return [{ pointer: `/secrets/${name}`, message: `needs at least ${minLength} characters` }]
    }),
    ...Object.entries(known).flatMap(([name, { inHeader }]) => {
      const value = given[name]
      if (!inHeader || typeof value !== 'string' || isHeaderValue(value)) return []
      return [{ pointer: `/secrets/${name}`, message: NO_HEADER_VALUE }]
    }),
  ]
  if (faults.length > 0) throw invalid(faults)
  valid(connector.manifest.configSchema, config, '/config')
}

/** A misspelt group would cover nobody. */
export interface ScopeParts {
  groupExists(sourceId: string, groupId: string): Promise<boolean>
  sourceExists(sourceId: string): Promise<boolean>
}

/** @throws HubError ERR_INVALID_VALUE with every source or group that does not exist */
export async function checkScope(scope: AppScope, parts: ScopeParts): Promise<void> {
  const missing =
    scope.kind === 'everyone'
      ? await absent(scope.sourceIds ?? [], (id) => parts.sourceExists(id))
      : await absent(scope.groups, (group) => parts.groupExists(group.sourceId, group.groupId))
  const list = scope.kind === 'everyone' ? 'sourceIds' : 'groups'
  if (missing.length > 0) {
    throw invalid(
      missing.map((at) => ({ pointer: `/scope/${list}/${at}`, message: 'does not exist' })),
    )
  }
}

/** Positions of the items that do not exist. */
async function absent<T>(
  items: readonly T[],
  exists: (item: T) => Promise<boolean>,
): Promise<number[]> {
  const found = await Promise.all(items.map(exists))
  return found.flatMap((there, at) => (there ? [] : [at]))
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/')
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false
  const family = isIP(address)
  if (family === 0) return false
  try {
    new BlockList().addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
    return true
  } catch {
    return false
  }
}
