import {
  ConnectorError,
  connectionFailed,
  type Effect,
  type Evidence,
  type Fault,
  withEffect,
} from '#connector-sdk'

/** What stands behind a SQLSTATE, and what a person should do. The first prefix that fits counts. */
const SQLSTATES: readonly (readonly [prefix: string, fault: Fault, sentence: string])[] = [
  ['28', 'credential', 'the server refuses the hub’s own login'],
  ['3D000', 'invalid', 'there is no such database'],
  ['42501', 'forbidden', 'the hub’s role may not do this: a database administrator must'],
  // The role went, or was renamed, between the look and the deed.
  ['42704', 'conflict', 'the role is no longer there under this name'],
  [
    '2BP01',
    'invalid',
    'the person granted it on: a database administrator must revoke with CASCADE',
  ],
  ['25006', 'invalid', 'this server is read-only: name the primary'],
  ['40', 'transient', 'the server gave way to another transaction'],
  ['53', 'transient', 'the server is out of resources'],
  ['55P03', 'transient', 'the role is locked by another transaction'],
  ['57', 'transient', 'the server is shutting down, or ended the statement'],
  ['08', 'transient', 'the connection broke'],
  ['0A', 'unsupported', 'this server cannot do that'],
  [
    '42',
    'unsupported',
    'this server does not know the statement: PostgreSQL 14 or later is needed',
  ],
]

/**
 * The ConnectorError behind what `pg` threw. The server's own words go into the evidence only: they name people.
 *
 * @param mayHaveDone what the failed work may have changed, where the server did not refuse it
 * @returns the error itself when it is none of the server or the network: a bug
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function sqlFault(
  error: unknown,
  { what, at, mayHaveDone }: { what: string; at: number; mayHaveDone: Effect },
): unknown {
  if (error instanceof ConnectorError) return withEffect(error, mayHaveDone)
  if (!(error instanceof Error)) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const body = `${code} ${error.message}`
  const evidence: Evidence = { method: 'SQL', target: what, at, body }
  if (/^[0-9A-Z]{5}$/.test(code) && 'severity' in error) {
    const [, fault, sentence] = SQLSTATES.find(([prefix]) => code.startsWith(prefix)) ?? [
      '',
      'invalid' as const,
      'the server refuses',
    ]
    // A refusal ends its transaction; only a server that goes down leaves it open what became of it.
    const effect = fault === 'transient' ? mayHaveDone : 'none'
    return new ConnectorError(fault, `could not ${what}: ${sentence} (${code})`, {
      effect,
      evidence,
    })
  }
  if (error.message.includes('does not support SSL')) {
    return new ConnectorError('invalid', 'the server offers no TLS', { evidence })
  }
  if (
    code !== '' ||
    /^Connection terminated|^Client has encountered|SSL connection/.test(error.message)
  ) {
    return connectionFailed(error, what, { evidence, mayHaveDone })
  }
  return error
}
