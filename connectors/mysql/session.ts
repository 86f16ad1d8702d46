import type { Connection } from 'mysql2'
import { type CallContext, ConnectorError, type Effect } from '#connector-sdk'
import type { MysqlConfig } from './config.ts'
import { mysqlFault } from './fault.ts'

export type Call = CallContext<MysqlConfig>
export type Row = Record<string, unknown>

/** One connection, for one call. */
export interface Session {
  /** They keep users, locks and roles in different tables. */
  flavour: 'mariadb' | 'mysql'
  version: string
  read(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** From the first write on, a failure may have changed something: these statements commit by themselves. */
  write(sql: string): Promise<void>
}

/**
 * Opens a connection on a guarded socket, does the work and closes it.
 *
 * @param what for messages, e.g. `end the sessions`
 * @throws ConnectorError
 */
export async function withSession<T>(
  call: Call,
  what: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  let mayHaveDone: Effect = 'none'
  let hasDone = false
  let connection: Connection | undefined
  try {
    connection = await connect(call)
    const open = connection
    const ask = (sql: string, values: readonly unknown[] = []): Promise<Row[]> =>
      new Promise((done, fail) => {
        open.query(sql, [...values], (error, rows) =>
          error === null ? done(Array.isArray(rows) ? (rows as Row[]) : []) : fail(error),
        )
      })
    // The driver escapes values with backslashes: NO_BACKSLASH_ESCAPES would let them out of their quotes.
    await ask("set session sql_mode = ''")
    const [row] = await ask('select version() as version')
    const version = String(row?.['version'])
    return await work({
      flavour: /mariadb/i.test(version) ? 'mariadb' : 'mysql',
      version,
      read: ask,
      write: async (sql) => {
        if (call.dryRun)
          throw new ConnectorError('bug', 'the connector tried to write in a preview')
        mayHaveDone = 'unknown'
        await ask(sql)
        hasDone = true
      },
    })
  } catch (error) {
    const isLoggedIn = connection !== undefined
    throw mysqlFault(error, { what, at: call.now(), isLoggedIn, mayHaveDone, hasDone })
  } finally {
    connection?.destroy()
  }
}

async function connect(call: Call): Promise<Connection> {
  const { host, port, user, witnessUser, tls, ca } = call.config
  // mysql2 checks the certificate against `localhost` when it is given an address.
  if (tls === 'verify' && /^[0-9.]+$|:/.test(host)) {
    throw new ConnectorError('invalid', 'with TLS the host must be a name')
  }
  // Loaded when it is needed: most hubs have no such app.
  const { createConnection } = await import('mysql2')
  const target = { host, ...(ca === undefined ? {} : { ca }) }
  const protection = tls === 'verify' ? 'upgrade' : 'none'
  const socket = await call.net.connect({ ...target, port, protection })
  const options = call.net.tls(target)
  const trusted = options.ca === undefined ? {} : { ca: options.ca as string | string[] }
  const connection = createConnection({
    host,
    port,
    user: call.credential === 'witness' ? (witnessUser ?? user) : user,
    password: call.secrets['password'] ?? '',
    stream: socket,
    charset: 'utf8mb4',
    ...(tls === 'verify'
      ? {
          ssl: {
            ...trusted,
            minVersion: 'TLSv1.2',
            rejectUnauthorized: true,
            verifyIdentity: true,
          },
        }
      : {}),
  })
  // A failure reaches whoever waits for an answer; without this, it would also end the process.
  connection.on('error', () => {})
  await new Promise<void>((done, fail) => {
    connection.connect((error) => {
      if (error === null) return done()
      socket.destroy()
      fail(error)
    })
  })
  return connection
}
