import { ConnectorError, type Evidence, isConnectorError } from './contract.ts'
import type { Redactor } from './redact.ts'

/** How much of an answer is kept, in bytes of UTF-8. */
export const EVIDENCE_BYTES = 64 * 1024

/**
 * The same value with every piece of evidence in it redacted and cut to EVIDENCE_BYTES: connectors that do not speak
 * HTTP make their evidence themselves, and may forget.
 */
export function redactEvidence<T>(value: T, redactor: Redactor): T {
  // The rows of one page share one piece.
  const done = new Map<Evidence, Evidence>()
  const clean = (evidence: Evidence): Evidence => {
    const known = done.get(evidence) ?? cleaned(evidence, redactor)
    done.set(evidence, known)
    return known
  }
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk)
    if (!hasFields(node)) return node
    if (isEvidence(node['evidence'])) return { ...node, evidence: clean(node['evidence']) }
    return Array.isArray(node['items']) ? { ...node, items: node['items'].map(walk) } : node
  }
  return walk(value) as T
}

/** The same ConnectorError with message and evidence redacted; any other error as it is. */
export function redactError(error: unknown, redactor: Redactor): unknown {
  if (!isConnectorError(error)) return error
  const { fault, effect, retryAfterMs, evidence, cause } = error
  return new ConnectorError(fault, redactor.redact(error.message), {
    effect,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(evidence === undefined ? {} : { evidence: cleaned(evidence, redactor) }),
    ...(cause === undefined ? {} : { cause: redactCause(cause, redactor) }),
  })
}

/** A copy of a cause for the log: name, code, message and stack, redacted. A cause may quote what was sent. */
export function redactCause(cause: unknown, { redact }: Redactor): Error {
  if (!(cause instanceof Error)) return new Error(redact(String(cause)))
  const copy = new Error(redact(cause.message))
  copy.name = cause.name
  if (cause.stack !== undefined) copy.stack = redact(cause.stack)
  const { code } = cause as { code?: unknown }
  return typeof code === 'string' ? Object.assign(copy, { code }) : copy
}

/** Cuts a text to EVIDENCE_BYTES and says so. */
export function clip(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= EVIDENCE_BYTES) return text
  const note = '…[clipped]'
  const room = EVIDENCE_BYTES - Buffer.byteLength(note)
  // Cutting inside a character leaves U+FFFD, which is longer than what it replaces.
  return (
    bytes
      .subarray(0, room)
      .toString('utf8')
      .replace(/\uFFFD+$/, '') + note
  )
}

function cleaned(evidence: Evidence, { redact }: Redactor): Evidence {
  const { requestId } = evidence
  return {
    ...evidence,
    target: redact(evidence.target),
    body: clip(redact(evidence.body)),
    ...(requestId === undefined ? {} : { requestId: redact(requestId) }),
  }
}

function isEvidence(value: unknown): value is Evidence {
  return (
    hasFields(value) && typeof value['body'] === 'string' && typeof value['target'] === 'string'
  )
}

function hasFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
