import {
  ConnectorError,
  connectionFailed,
  type Effect,
  type Evidence,
  type Fault,
  withEffect,
} from '#connector-sdk'

const ADMINISTRATOR = 'the hub’s user may not do this: a database administrator must'
const REFUSED = 'the server refuses the hub’s own login'

/**
 * What stands behind an error number, and what a person should do. By number: the driver's names are MySQL's, and MariaDB
 * uses some numbers for other things.
 *
 * @see https://mariadb.com/kb/en/mariadb-error-code-reference/
 */
const NUMBERS: Readonly<Record<number, readonly [Fault, string]>> = {
  1040: ['transient', 'the server has too many connections'],
  1041: ['transient', 'the server is out of memory'],
  1044: ['forbidden', ADMINISTRATOR],
  1045: ['credential', REFUSED],
  1053: ['transient', 'the server is shutting down'],
  1054: ['unsupported', 'this server does not know the statement'],
  1064: ['unsupported', 'this server does not know the statement'],
  1095: ['forbidden', ADMINISTRATOR],
  1142: ['forbidden', ADMINISTRATOR],
  1143: ['forbidden', ADMINISTRATOR],
  1146: ['unsupported', 'this server keeps its users elsewhere: MariaDB 10.4 or MySQL 8 is needed'],
  1203: ['transient', 'the hub’s user has too many connections'],
  1205: ['transient', 'a lock was not free in time'],
  1213: ['transient', 'the server gave way to another transaction'],
  1226: ['transient', 'the hub’s user has used up its limits'],
  1227: ['forbidden', ADMINISTRATOR],
  1290: ['invalid', 'this server is read-only: name the primary'],
  1317: ['transient', 'the statement was ended by the server'],
  1370: ['forbidden', ADMINISTRATOR],
  // The user or the role went between the look and the deed.
  1396: ['conflict', 'the user is no longer there under this name'],
  1698: ['credential', REFUSED],
  1836: ['invalid', 'this server is read-only: name the primary'],
  1927: ['transient', 'the hub’s own connection was killed'],
  1959: ['conflict', 'there is no such role any more, or the hub has no ADMIN OPTION on it'],
  3118: ['credential', 'the hub’s own user is locked'],
  4151: ['credential', 'the hub’s own user is locked'],
}

/**
 * The ConnectorError behind what mysql2 gave. The server's own words go into the evidence only: they name people.
 *
 * @param mayHaveDone what the failed work may have changed, where the server did not refuse it
 * @param hasDone what was changed before the step that failed
 * @returns the error itself when it is none of the server or the network: a bug
 */
export function mysqlFault(
  error: unknown,
  options: { what: string; at: number; isLoggedIn: boolean; mayHaveDone: Effect; hasDone: boolean },
): unknown {
  const { what, at, isLoggedIn, mayHaveDone, hasDone } = options
  if (error instanceof ConnectorError) return withEffect(error, mayHaveDone)
  if (!(error instanceof Error)) return error
  const { code, errno, sqlState } = error as { code?: unknown; errno?: unknown; sqlState?: unknown }
  const body = `${String(errno)} ${error.message}`
  const evidence: Evidence = { method: 'SQL', target: what, at, body }
  if (typeof sqlState === 'string' && typeof errno === 'number') {
    let known: readonly [Fault, string] = NUMBERS[errno] ?? ['invalid', 'the server refuses']
    // MariaDB says "access denied" as well to who has no ADMIN OPTION on a role.
    if (known[0] === 'credential' && isLoggedIn) known = ['forbidden', ADMINISTRATOR]
    const [fault, sentence] = known
    const refused = hasDone ? 'partial' : 'none'
    const effect = fault === 'transient' ? mayHaveDone : refused
    return new ConnectorError(fault, `could not ${what}: ${sentence} (${errno})`, {
      effect,
      evidence,
    })
  }
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT') {
    return new ConnectorError('invalid', 'the server offers no TLS', { evidence })
  }
  if (typeof code !== 'string') return error
  return connectionFailed(error, what, {
    evidence,
    mayHaveDone,
    ...(code === 'HANDSHAKE_SSL_ERROR' ? { fault: 'invalid' } : {}),
  })
}
