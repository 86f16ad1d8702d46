import type { Socket } from 'node:net'
import type pg from 'pg'
import { type CallContext, ConnectorError, type Effect } from '#connector-sdk'
import type { PostgresqlConfig } from './config.ts'
import { sqlFault } from './fault.ts'

export type Call = CallContext<PostgresqlConfig>

/** One connection, for one call. */
export interface Session {
  /** Numeric, e.g. 160004. */
  version: number
  read(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
  /** From the first write on, a failure may have changed something. */
  write(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
}

/**
 * Opens a connection on a guarded socket, does the work and closes it. A preview, and all work of the witness, runs
 * in read-only transactions: the server itself refuses what would write.
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
  let client: pg.Client | undefined
  try {
    client = await connect(call)
    const open = client
    const ask = async (sql: string, values: readonly unknown[] = []) =>
      (await open.query(sql, [...values])).rows as Record<string, unknown>[]
    if (call.dryRun || call.credential === 'witness') {
      await ask('set default_transaction_read_only = on')
    }
    const [row] = await ask("select current_setting('server_version_num')::int as version")
    return await work({
      version: Number(row?.['version']),
      read: ask,
      write: (sql, values) => {
        if (call.dryRun)
          throw new ConnectorError('bug', 'the connector tried to write in a preview')
        mayHaveDone = 'unknown'
        return ask(sql, values)
      },
    })
  } catch (error) {
    throw sqlFault(error, { what, at: call.now(), mayHaveDone })
  } finally {
    // The work is done or failed: what goes wrong with the good-bye changes nothing.
    client?.end().catch(() => {})
  }
}

async function connect(call: Call): Promise<pg.Client> {
  const { host, port, database, user, witnessUser, tls, ca } = call.config
  // Loaded when it is needed: most hubs have no such app.
  const { Client } = (await import('pg')).default
  const isWitness = call.credential === 'witness'
  const target = { host, ...(ca === undefined ? {} : { ca }) }
  const socket = await call.net.connect({
    ...target,
    port,
    protection: tls === 'verify' ? 'upgrade' : 'none',
  })
  const client = new Client({
    host,
    port,
    database,
    user: isWitness ? (witnessUser ?? user) : user,
    password: call.secrets['password'] ?? '',
    ssl: tls === 'verify' ? call.net.tls(target) : false,
    stream: () => connected(socket),
    application_name: 'quittance',
  })
  // A failure reaches whoever waits for an answer; without this, it would also end the process.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    socket.destroy()
    throw error
  }
  return client
}

/** `pg` connects the stream that it is given: this one already is. */
function connected(socket: Socket): Socket {
  socket.connect = () => {
    queueMicrotask(() => socket.emit('connect'))
    return socket
  }
  return socket
}
