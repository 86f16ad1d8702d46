import {
  type AccountKeys,
  type AppPage,
  ConnectorError,
  type CorrelationKey,
  type HttpRequest,
  type HttpResponse,
  jsonObject,
  pathSegment,
  type ReadingOptions,
  refusal,
  type Subject,
  sameOrigin,
} from '#connector-sdk'
import type { EntraConfig } from './config.ts'

/** Requests to Microsoft Graph and the reading of its answers. Nothing here sends anything. */

/** A user of the tenant. */
export interface EntraUser {
  id: string
  enabled: boolean | undefined
  /** The account comes from a directory on premises, which may enable it again. */
  isSynced: boolean
  keys: AccountKeys
}

const FIELDS = 'id,accountEnabled,userPrincipalName,mail,employeeId,onPremisesSyncEnabled'
const PROPERTY: Record<CorrelationKey, string> = {
  userName: 'userPrincipalName',
  externalId: 'employeeId',
  emails: 'mail',
}

const userUrl = ({ graphUrl }: EntraConfig, id: string): string =>
  `${graphUrl}/users/${pathSegment(id)}`

/** @see https://learn.microsoft.com/graph/api/user-get */
export const getUser = (config: EntraConfig, id: string): HttpRequest => ({
  method: 'GET',
  url: `${userUrl(config, id)}?$select=${FIELDS}`,
})

/** @see https://learn.microsoft.com/graph/api/user-list */
export function listUsers({ graphUrl }: EntraConfig, filter?: string): HttpRequest {
  const query = filter === undefined ? '$top=999' : `$filter=${encodeURIComponent(filter)}`
  return { method: 'GET', url: `${graphUrl}/users?$select=${FIELDS}&${query}` }
}

/** One filter per value. OData doubles an apostrophe. */
export function filtersFor(subject: Subject, by: readonly CorrelationKey[]): string[] {
  const { userName, externalId, emails } = subject
  const values = { userName: [userName], externalId: externalId ? [externalId] : [], emails }
  return by.flatMap((key) =>
    values[key].map((value) => `${PROPERTY[key]} eq '${value.replaceAll("'", "''")}'`),
  )
}

/** @see https://learn.microsoft.com/graph/api/user-update */
export const setEnabled = (config: EntraConfig, id: string, enabled: boolean): HttpRequest => ({
  method: 'PATCH',
  url: userUrl(config, id),
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ accountEnabled: enabled }),
})

/** @see https://learn.microsoft.com/graph/api/user-revokesigninsessions */
export const revokeSessions = (config: EntraConfig, id: string): HttpRequest => ({
  method: 'POST',
  url: `${userUrl(config, id)}/microsoft.graph.revokeSignInSessions`,
})

/**
 * @returns undefined when the tenant has no such user
 * @throws ConnectorError
 */
export function userAnswer(response: HttpResponse, options: ReadingOptions): EntraUser | undefined {
  if (response.status !== 404) return userOf(jsonObject(response, options))
  // A wrong address is 404 as well: Graph says what it does not have.
  if (codeOf(response) === 'Request_ResourceNotFound') return undefined
  throw new ConnectorError('invalid', 'Microsoft Graph is not at this address', {
    evidence: response.evidence,
  })
}

/** @param url of the request that was answered @throws ConnectorError */
export function usersAnswer(
  response: HttpResponse,
  url: string,
  options: ReadingOptions,
): AppPage<EntraUser> {
  const body = jsonObject(response, options)
  const { value, '@odata.nextLink': next } = body
  if (!Array.isArray(value)) {
    throw new ConnectorError('invalid', 'no list of users', { evidence: response.evidence })
  }
  return {
    items: value.map(userOf),
    ...(typeof next === 'string' ? { next: sameOrigin(next, url, response) } : {}),
  }
}

/** 204, or 200 with JSON. @throws ConnectorError */
export function writeAnswer(response: HttpResponse, options: ReadingOptions): void {
  if (response.status === 204) return
  if (response.status >= 400) throw refusal(response, options)
  jsonObject(response, options)
}

function codeOf({ body }: HttpResponse): unknown {
  try {
    return (JSON.parse(body) as { error?: { code?: unknown } }).error?.code
  } catch {
    // No JSON: not an answer of Graph.
    return undefined
  }
}

function userOf(value: unknown): EntraUser {
  const { id, accountEnabled, userPrincipalName, mail, employeeId, onPremisesSyncEnabled } =
    (value ?? {}) as Record<string, unknown>
  return {
    id: typeof id === 'string' ? id : '',
    enabled: typeof accountEnabled === 'boolean' ? accountEnabled : undefined,
    isSynced: onPremisesSyncEnabled === true,
    keys: {
      ...(typeof userPrincipalName === 'string' ? { userName: userPrincipalName } : {}),
      ...(typeof employeeId === 'string' ? { externalId: employeeId } : {}),
      emails: typeof mail === 'string' ? [mail] : [],
    },
  }
}
