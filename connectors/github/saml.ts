import {
  type AppPage,
  ConnectorError,
  type Fault,
  type HttpRequest,
  type HttpResponse,
  jsonObject,
  type ReadingOptions,
} from '#connector-sdk'
import type { OrganizationConfig } from './config.ts'

/** An account as the organization's single sign-on knows it. */
export interface Identity {
  /** Database id of the GitHub account. */
  id: string
  login: string
  nameId: string
}

/** Only GraphQL tells which account belongs to which NameID. */
const QUERY = `query($org: String!, $userName: String!, $after: String) {
  organization(login: $org) {
    samlIdentityProvider {
      externalIdentities(first: 100, userName: $userName, after: $after) {
        nodes { samlIdentity { nameId } user { databaseId login } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}`

/** @see https://docs.github.com/graphql/reference/objects#organizationidentityprovider */
export function identitiesRequest(
  { apiUrl, target }: OrganizationConfig,
  userName: string,
  after: string | undefined,
): HttpRequest {
  return {
    method: 'POST',
    url: `${apiUrl}/graphql`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: QUERY,
      variables: { org: target.org, userName, after: after ?? null },
    }),
    reads: true,
  }
}

interface Answer {
  errors?: { type?: string }[]
  data?: {
    organization?: {
      samlIdentityProvider?: {
        externalIdentities?: {
          nodes?: ({
            samlIdentity?: { nameId?: string } | null
            user?: { databaseId?: number; login?: string } | null
          } | null)[]
          pageInfo?: { hasNextPage?: boolean; endCursor?: string }
        }
      } | null
    } | null
  } | null
}

const FAULT_OF_TYPE: Readonly<Record<string, Fault>> = {
  RATE_LIMITED: 'throttled',
  FORBIDDEN: 'forbidden',
  INSUFFICIENT_SCOPES: 'forbidden',
}

/** Identities that are linked to an account. GraphQL says its errors with 200. @throws ConnectorError */
export function identitiesAnswer(
  response: HttpResponse,
  options: ReadingOptions,
): AppPage<Identity> {
  const { errors, data } = jsonObject(response, options) as Answer
  const { evidence } = response
  if (errors !== undefined && errors.length > 0) {
    const fault = FAULT_OF_TYPE[errors[0]?.type ?? ''] ?? 'invalid'
    throw new ConnectorError(fault, `could not ${options.what}: GraphQL error`, { evidence })
  }
  const identities = data?.organization?.samlIdentityProvider?.externalIdentities
  if (!Array.isArray(identities?.nodes)) {
    throw new ConnectorError('invalid', 'the organization shows no single sign-on', { evidence })
  }
  const { hasNextPage, endCursor } = identities.pageInfo ?? {}
  return {
    items: identities.nodes.flatMap((node) => {
      const nameId = node?.samlIdentity?.nameId
      const { databaseId, login } = node?.user ?? {}
      if (nameId === undefined || databaseId === undefined || login === undefined) return []
      return [{ id: String(databaseId), login, nameId }]
    }),
    ...(hasNextPage === true && endCursor !== undefined ? { next: endCursor } : {}),
  }
}
