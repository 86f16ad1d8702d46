import {
  type AccountKeys,
  type ConnectorError,
  type CorrelationKey,
  type HttpRequest,
  type HttpResponse,
  jsonObject,
  pathSegment,
  type ReadingOptions,
  refusal,
  type Subject,
} from '#connector-sdk'
import type { ScimConfig } from './config.ts'

/** Requests of RFC 7644 and the reading of their answers. Nothing here sends anything. */

/** A user as the server shows it, with the version it had. */
export interface ScimUser {
  id: string
  resource: Record<string, unknown>
  keys: AccountKeys
  /** `active`, where the server shows it as a boolean or as its text. */
  active: boolean | undefined
  etag: string | undefined
}

export interface UserPage {
  users: readonly ScimUser[]
  totalResults: number | undefined
  nextCursor: string | undefined
}

const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const MEDIA = { accept: 'application/scim+json, application/json' }
const BODY = { ...MEDIA, 'content-type': 'application/scim+json' }

// --- requests

/** RFC 7644 §3.4.1 */
export function getUserRequest({ baseUrl }: ScimConfig, id: string): HttpRequest {
  return { method: 'GET', url: `${baseUrl}/Users/${pathSegment(id)}`, headers: MEDIA }
}

/** RFC 7644 §3.4.2; `position` is a start index or, with cursor paging, a cursor ('' for the first page). */
export function listUsersRequest(
  config: ScimConfig,
  position: { startIndex: number } | { cursor: string },
  filter?: string,
): HttpRequest {
  const query = {
    ...(filter === undefined ? {} : { filter }),
    ...position,
    count: config.pageSize,
  }
  // Not URLSearchParams: its "+" for a space is a form's, and some servers take it literally.
  const text = Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
  return { method: 'GET', url: `${config.baseUrl}/Users?${text}`, headers: MEDIA }
}

/** RFC 7644 §4 */
export function providerConfigRequest({ baseUrl }: ScimConfig): HttpRequest {
  return { method: 'GET', url: `${baseUrl}/ServiceProviderConfig`, headers: MEDIA }
}

/** Disables or enables in the style that the server understands; `undefined` for a style that cannot enable. */
export function setActiveRequest(
  config: ScimConfig,
  user: ScimUser,
  active: boolean,
): HttpRequest | undefined {
  const url = `${config.baseUrl}/Users/${pathSegment(user.id)}`
  const match = user.etag === undefined ? {} : { 'if-match': user.etag }
  const patch = (operation: object): HttpRequest => ({
    method: 'PATCH',
    url,
    headers: { ...BODY, ...match },
    body: JSON.stringify({ schemas: [PATCH_OP], Operations: [operation] }),
  })
  switch (config.disable) {
    case 'patch':
      return patch({ op: 'replace', path: 'active', value: active })
    case 'patch-pathless':
      return patch({ op: 'replace', value: { active } })
    case 'patch-string':
      return patch({ op: 'Replace', path: 'active', value: active ? 'True' : 'False' })
    case 'put': {
      const { meta: _readOnly, ...resource } = user.resource
      const body = JSON.stringify({ ...resource, active })
      return { method: 'PUT', url, headers: { ...BODY, ...match }, body }
    }
    case 'delete':
      return active ? undefined : { method: 'DELETE', url, headers: { ...MEDIA, ...match } }
  }
}

/** Filters that find a person, one per key that the person has. RFC 7644 §3.4.2.2: values are JSON strings. */
export function filtersFor(subject: Subject, by: readonly CorrelationKey[]): string[] {
  const equal = (attribute: string, values: readonly string[]): string[] =>
    values.map((value) => `${attribute} eq ${JSON.stringify(value)}`)
  const filters: Record<CorrelationKey, string[]> = {
    userName: equal('userName', [subject.userName]),
    externalId: equal('externalId', subject.externalId === undefined ? [] : [subject.externalId]),
    emails: equal('emails.value', subject.emails),
  }
  return by.flatMap((key) => filters[key])
}

// --- answers

/**
 * @returns undefined when the server says there is no such user
 * @throws ConnectorError
 */
export function userAnswer(response: HttpResponse, options: ReadingOptions): ScimUser | undefined {
  if (response.status === 404 || response.status === 410) return undefined
  return userOf(jsonObject(response, options), response.headers['etag'])
}

/** @throws ConnectorError */
export function listAnswer(response: HttpResponse, options: ReadingOptions): UserPage {
  const body = jsonObject(response, options)
  // RFC 7644 §3.4.2: Resources may be missing when there is no result.
  const resources = Array.isArray(body['Resources']) ? body['Resources'] : []
  const { totalResults, nextCursor } = body
  return {
    users: resources.filter(isObject).map((resource) => userOf(resource, undefined)),
    totalResults: typeof totalResults === 'number' ? totalResults : undefined,
    nextCursor: typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : undefined,
  }
}

/** @returns the kind of acknowledgement @throws ConnectorError */
export function writeAnswer(response: HttpResponse, options: ReadingOptions): 'done' | 'accepted' {
  if (response.status === 202) return 'accepted'
  if (response.status === 204 || (response.status === 200 && response.body.trim() === ''))
    return 'done'
  // A login page with 200 is no acknowledgement.
  jsonObject(response, options)
  return 'done'
}

/** The body is not needed: DELETE answers 204, some servers 200 with something. */
export function deleteAnswer(
  response: HttpResponse,
  options: ReadingOptions,
): 'done' | 'accepted' | 'already' | ConnectorError {
  if (response.status === 202) return 'accepted'
  if (response.status === 200 || response.status === 204) return 'done'
  // It was there a moment ago: somebody else was faster.
  if (response.status === 404 || response.status === 410) return 'already'
  return refusal(response, options)
}

function userOf(resource: Record<string, unknown>, etag: string | undefined): ScimUser {
  const { id, userName, externalId, meta } = resource
  const version = isObject(meta) ? meta['version'] : undefined
  return {
    id: typeof id === 'string' ? id : '',
    resource,
    keys: {
      ...(typeof userName === 'string' ? { userName } : {}),
      ...(typeof externalId === 'string' ? { externalId } : {}),
      emails: emailsOf(resource['emails']),
    },
    active: activeOf(resource['active']),
    etag: etag ?? (typeof version === 'string' && version !== '' ? version : undefined),
  }
}

/** Missing is not false. Some servers send "False". */
function activeOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  const text = typeof value === 'string' ? value.toLowerCase() : ''
  return text === 'true' ? true : text === 'false' ? false : undefined
}

function emailsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  return value
    .map((email: unknown) => (isObject(email) ? email['value'] : email))
    .filter((email): email is string => typeof email === 'string')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
