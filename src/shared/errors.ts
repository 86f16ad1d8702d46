/**
 * Every failure the hub can name. A code is stable: clients, runbooks and tests rely on it.
 * Three kinds, by whose turn it is: `refused` (the request is wrong), `unavailable` (try later),
 * `bug` (ours). HTTP rooms hold one table from code to status and one writer each.
 */
export type ErrorCode =
  // refused
  | 'ERR_SYNTAX'
  | 'ERR_INVALID_FILTER'
  | 'ERR_INVALID_PATH'
  | 'ERR_INVALID_VALUE'
  | 'ERR_NO_TARGET'
  | 'ERR_MUTABILITY'
  | 'ERR_TOO_MANY'
  | 'ERR_INVALID_CURSOR'
  | 'ERR_INVALID_COUNT'
  | 'ERR_UNIQUENESS'
  | 'ERR_NOT_FOUND'
  | 'ERR_CONFLICT'
  | 'ERR_PRECONDITION'
  | 'ERR_PRECONDITION_REQUIRED'
  | 'ERR_UNAUTHENTICATED'
  | 'ERR_FORBIDDEN'
  | 'ERR_RATE_LIMITED'
  | 'ERR_PAYLOAD_TOO_LARGE'
  | 'ERR_MEDIA_TYPE'
  | 'ERR_METHOD_NOT_ALLOWED'
  | 'ERR_NOT_IMPLEMENTED'
  // unavailable
  | 'ERR_STORAGE_UNAVAILABLE'
  | 'ERR_ISSUER_UNAVAILABLE'
  | 'ERR_SHUTTING_DOWN'
  | 'ERR_BUSY'
  // start-up
  | 'ERR_CONFIG'
  | 'ERR_DATA_DIR_IN_USE'
  | 'ERR_MASTER_KEY'
  // ledger
  | 'ERR_LEDGER'
  // bug
  | 'ERR_INTERNAL'

export interface HubErrorOptions {
  cause?: unknown
  /** Seconds after which a retry makes sense; becomes Retry-After. */
  retryAfterSeconds?: number
  /** Facts for the reader of the answer. Never secrets, never personal data. */
  details?: Readonly<Record<string, unknown>>
}

/** The one error class: a stable code, a sentence that may be shown to the client, the cause for the log. */
export class HubError extends Error {
  override readonly name = 'HubError'
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, message: string, options: HubErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
    this.details = options.details
  }
}

/** Narrows an unknown to a HubError with one of `codes` (any code when none is named). */
export function isHubError(error: unknown, ...codes: ErrorCode[]): error is HubError {
  return error instanceof HubError && (codes.length === 0 || codes.includes(error.code))
}
