import { type ErrorCode, HubError } from '../shared/errors.ts'
import type { JsonObject } from '../shared/json.ts'

/** HTTP status and `scimType` of each refusal (RFC 7644 §3.12, table 9). Codes that are not here are ours: 500. */
const TABLE: Partial<Record<ErrorCode, readonly [status: number, scimType?: string]>> = {
  ERR_SYNTAX: [400, 'invalidSyntax'],
  ERR_INVALID_FILTER: [400, 'invalidFilter'],
  ERR_INVALID_PATH: [400, 'invalidPath'],
  ERR_INVALID_VALUE: [400, 'invalidValue'],
  ERR_NO_TARGET: [400, 'noTarget'],
  ERR_MUTABILITY: [400, 'mutability'],
  ERR_TOO_MANY: [400, 'tooMany'],
  ERR_INVALID_CURSOR: [400, 'invalidCursor'],
  // RFC 9865 §2.1. `expiredCursor` is never said: cursors do not expire.
  ERR_INVALID_COUNT: [400, 'invalidCount'],
  ERR_UNIQUENESS: [409, 'uniqueness'],
  ERR_NOT_FOUND: [404],
  ERR_CONFLICT: [409],
  ERR_PRECONDITION: [412],
  ERR_UNAUTHENTICATED: [401],
  ERR_FORBIDDEN: [403],
  ERR_RATE_LIMITED: [429],
  ERR_PAYLOAD_TOO_LARGE: [413],
  ERR_MEDIA_TYPE: [415],
  ERR_METHOD_NOT_ALLOWED: [405],
  ERR_NOT_IMPLEMENTED: [501],
  ERR_STORAGE_UNAVAILABLE: [503],
  ERR_ISSUER_UNAVAILABLE: [503],
  ERR_SHUTTING_DOWN: [503],
  ERR_BUSY: [503],
}

/** An error as SCIM says it. */
export interface ScimError {
  status: number
  headers: Readonly<Record<string, string>>
  body: JsonObject
}

/** An error as SCIM says it. What is no HubError is a fault of ours and says nothing of itself. */
export function scimError(error: unknown): ScimError {
  const [status, scimType] = (error instanceof HubError ? TABLE[error.code] : undefined) ?? [500]
  const detail =
    status === 500 || !(error instanceof Error)
      ? 'the hub failed; the fault is in its log'
      : error.message
  return {
    status,
    headers: error instanceof HubError ? headersOf(error, status) : {},
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: String(status),
      ...(scimType === undefined ? {} : { scimType }),
      detail,
    },
  }
}

function headersOf(error: HubError, status: number): Record<string, string> {
  const headers: Record<string, string> = {}
  // Okta reads Retry-After only as an integer.
  const retryAfter = error.retryAfterSeconds ?? (status === 503 || status === 429 ? 5 : undefined)
  if (retryAfter !== undefined) headers['Retry-After'] = String(Math.ceil(retryAfter))
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer realm="SCIM", error="invalid_token"'
  const allow = error.details?.['allow']
  if (status === 405 && typeof allow === 'string') headers['Allow'] = allow
  return headers
}
