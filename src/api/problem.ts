import type { ServerResponse } from 'node:http'
import { type ErrorCode, HubError, isHubError } from '../shared/errors.ts'

/** Code to status, for /api/v1. The SCIM room has a table of its own (RFC 7644 §3.12). */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  ERR_SYNTAX: 400,
  ERR_INVALID_FILTER: 400,
  ERR_INVALID_PATH: 400,
  ERR_INVALID_VALUE: 400,
  ERR_NO_TARGET: 400,
  ERR_MUTABILITY: 400,
  ERR_TOO_MANY: 400,
  ERR_INVALID_CURSOR: 400,
  ERR_INVALID_COUNT: 400,
  ERR_UNIQUENESS: 409,
  ERR_NOT_FOUND: 404,
  ERR_CONFLICT: 409,
  ERR_PRECONDITION: 412,
  ERR_PRECONDITION_REQUIRED: 428,
  ERR_UNAUTHENTICATED: 401,
  ERR_FORBIDDEN: 403,
  ERR_RATE_LIMITED: 429,
  ERR_PAYLOAD_TOO_LARGE: 413,
  ERR_MEDIA_TYPE: 415,
  ERR_METHOD_NOT_ALLOWED: 405,
  ERR_NOT_IMPLEMENTED: 501,
  ERR_STORAGE_UNAVAILABLE: 503,
  ERR_ISSUER_UNAVAILABLE: 503,
  ERR_SHUTTING_DOWN: 503,
  ERR_BUSY: 503,
  ERR_CONFIG: 500,
  ERR_DATA_DIR_IN_USE: 500,
  ERR_MASTER_KEY: 500,
  ERR_LEDGER: 500,
  ERR_INTERNAL: 500,
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  412: 'Precondition failed',
  413: 'Payload too large',
  415: 'Unsupported media type',
  428: 'Precondition required',
  429: 'Too many requests',
  500: 'Internal error',
  501: 'Not implemented',
  503: 'Try again later',
}

/** One wrong place in a request body or query. */
export interface FieldFault {
  /** JSON pointer (RFC 6901) into the body, or the name of a query parameter. */
  pointer: string
  message: string
}

/** @see RFC 9457 */
export interface Problem {
  /** `urn:quittance:error:<code>` */
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  requestId: string
  errors?: readonly FieldFault[]
}

/** What an error may say outside. A bug says nothing: its text is for the log. */
export function problemOf(error: unknown, requestId: string): Problem {
  const known = isHubError(error) ? error : new HubError('ERR_INTERNAL', '')
  const status = STATUS[known.code]
  const errors = known.details?.['errors'] as readonly FieldFault[] | undefined
  return {
    type: `urn:quittance:error:${known.code}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail:
      status === 500
        ? 'The hub failed. Give the request id to its operator; the log has the reason.'
        : known.message,
    code: known.code,
    requestId,
    ...(errors === undefined ? {} : { errors }),
  }
}

/** Writes a problem with its headers; the only writer of errors in this room. */
export function writeProblem(response: ServerResponse, problem: Problem, error: unknown): void {
  response.statusCode = problem.status
  response.setHeader('Content-Type', 'application/problem+json')
  if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="quittance"')
  const wait = isHubError(error) ? error.retryAfterSeconds : undefined
  if (wait !== undefined || problem.status === 503) {
    response.setHeader('Retry-After', String(wait ?? 5))
  }
  response.end(JSON.stringify(problem))
}
