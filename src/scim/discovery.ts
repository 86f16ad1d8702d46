import SCIMMY from 'scimmy'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../shared/json.ts'
import { BULK } from './bulk.ts'
import type { ScimAnswer } from './call.ts'
import { describeExtension } from './extension.ts'
import { listAnswer } from './list.ts'
import { PAGE, valuesOf } from './list-request.ts'
import { GROUP, type ResourceSchema, type Schemas } from './schema.ts'

/** Every capability as it is (RFC 7643 §5, RFC 9865 §4). */
const SERVICE_PROVIDER_CONFIG: JsonObject = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  bulk: {
    supported: true,
    maxOperations: BULK.maxOperations,
    maxPayloadSize: BULK.maxPayloadSize,
  },
  filter: { supported: true, maxResults: PAGE.max },
  changePassword: { supported: false },
  sort: { supported: true },
  etag: { supported: true },
  pagination: {
    cursor: true,
    index: true,
    defaultPaginationMethod: 'index',
    defaultPageSize: PAGE.default,
    maxPageSize: PAGE.max,
  },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Bearer token',
      description: 'A token of this source, in the Authorization header',
      specUri: 'https://www.rfc-editor.org/rfc/rfc6750',
      primary: true,
    },
  ],
}

/** scimmy renders the definitions; rendered once, they never change while the hub runs. */
const DEFINITIONS: readonly JsonObject[] = [
  SCIMMY.Schemas.User,
  SCIMMY.Schemas.Group,
  SCIMMY.Schemas.EnterpriseUser,
].map(({ definition }) => {
  const described = JSON.parse(JSON.stringify(definition.describe())) as JsonObject
  return { ...described, attributes: characterised(described['attributes'], definition.id) }
})

/**
 * RFC 7643 §7 gives each attribute nine characteristics; scimmy leaves out those that say nothing. It also does not
 * know what this server makes unique.
 */
function characterised(attributes: Json | undefined, urn: string): Json[] {
  return (Array.isArray(attributes) ? attributes : []).filter(isJsonObject).map((attribute) => ({
    caseExact: false,
    uniqueness: 'none',
    ...attribute,
    ...(urn === GROUP.urn && attribute['name'] === 'displayName' ? { uniqueness: 'server' } : {}),
    ...(attribute['subAttributes'] === undefined
      ? {}
      : { subAttributes: characterised(attribute['subAttributes'], '') }),
  }))
}

const resourceType = (schema: ResourceSchema): JsonObject => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
  id: schema.type,
  name: schema.type,
  description: schema.type === 'User' ? 'User account' : 'Group',
  endpoint: schema.endpoint,
  schema: schema.urn,
  ...(schema.extensions.length === 0
    ? {}
    : {
        schemaExtensions: schema.extensions.map(({ urn, required }) => ({ schema: urn, required })),
      }),
})

/**
 * Answers a path below the SCIM root, already split.
 *
 * @returns undefined for a path that is none of discovery
 */
export type Discovery = (
  rest: readonly string[],
  query: URLSearchParams,
  base: string,
) => ScimAnswer | undefined

/**
 * `/ServiceProviderConfig`, `/Schemas` and `/ResourceTypes`, whole or by id.
 *
 * @returns a function that throws HubError ERR_FORBIDDEN for a filter, ERR_NOT_FOUND
 * @see RFC 7644 §4
 */
export function createDiscovery(schemas: Schemas): Discovery {
  const collections: Collections = {
    schemas: {
      type: 'Schema',
      endpoint: '/Schemas',
      items: [...DEFINITIONS, ...schemas.declared.map(describeExtension)],
    },
    resourcetypes: {
      type: 'ResourceType',
      endpoint: '/ResourceTypes',
      items: [schemas.User, schemas.Group].map(resourceType),
    },
  }
  return (rest, query, base) => discover(collections, rest, query, base)
}

type Collections = Readonly<
  Record<
    'schemas' | 'resourcetypes',
    { type: string; endpoint: string; items: readonly JsonObject[] }
  >
>

function discover(
  collections: Collections,
  [first = '', id, ...more]: readonly string[],
  query: URLSearchParams,
  base: string,
): ScimAnswer | undefined {
  const name = first.toLowerCase()
  const isConfig = name === 'serviceproviderconfig'
  if (!isConfig && name !== 'schemas' && name !== 'resourcetypes') return undefined
  if (more.length > 0 || (isConfig && id !== undefined)) return undefined
  if (valuesOf(query, 'filter').length > 0) {
    throw new HubError('ERR_FORBIDDEN', 'discovery endpoints take no filter')
  }
  if (isConfig) {
    return {
      status: 200,
      body: located(
        SERVICE_PROVIDER_CONFIG,
        'ServiceProviderConfig',
        `${base}/ServiceProviderConfig`,
      ),
    }
  }
  const { type, endpoint, items } = collections[name]
  const render = (item: JsonObject): JsonObject =>
    located(item, type, `${base}${endpoint}/${String(item['id'])}`)
  if (id === undefined) {
    return listAnswer(
      { page: { kind: 'index', startIndex: 1, count: items.length } },
      { totalResults: items.length, resources: items.map(render) },
    )
  }
  const item = items.find((one) => String(one['id']).toLowerCase() === id.toLowerCase())
  if (item === undefined) throw new HubError('ERR_NOT_FOUND', `no such ${type}`)
  return { status: 200, body: render(item) }
}

const located = (item: JsonObject, resourceType: string, location: string): JsonObject => ({
  ...item,
  meta: { resourceType, location },
})
