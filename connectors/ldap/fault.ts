import { ResultCodeError } from 'ldapts'
import {
  ConnectorError,
  connectionFailed,
  type Effect,
  type Evidence,
  type Fault,
  withEffect,
} from '#connector-sdk'

/** What stands behind a result code, and what a person should do. @see RFC 4511 Appendix A */
const RESULT_CODES: Readonly<Record<number, readonly [Fault, string]>> = {
  3: ['transient', 'the server ran out of time'],
  4: ['invalid', 'the server shows fewer entries than there are: raise its size limit for the hub'],
  8: ['invalid', 'the server wants TLS'],
  10: ['invalid', 'this server sends the hub to another one: name one that can be written to'],
  11: ['invalid', 'the server’s limits are too low for the hub'],
  13: ['invalid', 'the server wants TLS'],
  16: ['conflict', 'somebody else changed the entry'],
  17: [
    'unsupported',
    'the directory does not know the attribute: another profile, or ppolicy is missing',
  ],
  20: ['conflict', 'somebody else changed the entry'],
  32: ['conflict', 'there is no such entry any more'],
  48: ['credential', 'the hub’s own bind is refused'],
  49: ['credential', 'the hub’s own bind is refused'],
  50: ['forbidden', 'the hub’s DN may not do this'],
  51: ['transient', 'the server is busy'],
  52: ['transient', 'the server is not available'],
  65: [
    'invalid',
    'the schema forbids it: a group that may not be empty needs another member first',
  ],
}

/**
 * The ConnectorError behind what ldapts threw. The server's own words go into the evidence only.
 *
 * @param mayHaveDone what the failed work may have changed, where the server did not refuse it
 * @param hasDone what was changed before the step that failed
 * @returns the error itself when it is none of the server or the network: a bug
 */
export function ldapFault(
  error: unknown,
  options: { what: string; at: number; mayHaveDone: Effect; hasDone: boolean },
): unknown {
  const { what, at, mayHaveDone, hasDone } = options
  if (error instanceof ConnectorError) return withEffect(error, mayHaveDone)
  if (!(error instanceof Error)) return error
  const evidence: Evidence = { method: 'LDAP', target: what, at, body: error.message }
  if (error instanceof ResultCodeError) {
    const known: readonly [Fault, string] = RESULT_CODES[error.code] ?? [
      'invalid',
      'the server refuses',
    ]
    const [fault, sentence] = known
    return new ConnectorError(fault, `could not ${what}: ${sentence} (${error.code})`, {
      effect: hasDone ? 'partial' : 'none',
      evidence: { ...evidence, status: error.code },
    })
  }
  const isWire = /^Socket error|^Connection closed|^Socket connection|^Client network socket/.test(
    error.message,
  )
  if (!isWire && !('code' in error && typeof error.code === 'string')) return error
  return connectionFailed(error, what, { evidence, mayHaveDone })
}
