import type { Evidence } from './contract.ts'

/** Why a call failed; decides what the hub does next. See the table in docs/connectors.md. */
export type Fault =
  | 'throttled'
  | 'transient'
  | 'credential'
  | 'forbidden'
  | 'invalid'
  | 'conflict'
  | 'ambiguous'
  | 'protected'
  | 'unsupported'
  | 'gone'
  | 'bug'

/** Did the failed call change anything at the app? `unknown` means: look before you repeat. */
export type Effect = 'none' | 'partial' | 'unknown'

/** The only error a connector throws on purpose; anything else counts as `bug`. */
export class ConnectorError extends Error {
  override readonly name = 'ConnectorError'
  readonly fault: Fault
  readonly effect: Effect
  /** ms to wait before the next try, where the app said so. */
  readonly retryAfterMs: number | undefined
  readonly evidence: Evidence | undefined

  constructor(
    fault: Fault,
    message: string,
    options: { effect?: Effect; retryAfterMs?: number; evidence?: Evidence; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.fault = fault
    this.effect = options.effect ?? 'none'
    this.retryAfterMs = options.retryAfterMs
    this.evidence = options.evidence
  }
}

/** What a restore throws that has no facts and needs them, or facts of something else. Nothing was changed. */
export function nothingToPutBack(): ConnectorError {
  return new ConnectorError(
    'unsupported',
    'it is not known what was taken: a person must put it back',
  )
}

/** True when the answer of the revoke was lost: a restore then puts back the default. */
export function isLostAnswer(undo: { [key: string]: unknown }): boolean {
  return Object.keys(undo).length === 0
}

/** True for a ConnectorError, also for one of another copy of this module (an installed connector). */
export function isConnectorError(error: unknown): error is ConnectorError {
  return error instanceof Error && error.name === 'ConnectorError' && 'fault' in error
}
