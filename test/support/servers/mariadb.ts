import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import mysql, { type Connection } from 'mysql2/promise'
import { selfSigned } from './certificate.ts'
import {
  findProgram,
  freePort,
  isAvailable,
  NOBODY,
  serverDirectory,
  startProgram,
} from './process.ts'

/** A real MariaDB on a port of 127.0.0.1, with TLS offered. */
export interface MariadbServer {
  port: number
  pid: number
  /** PEM of the certificate that the server shows. */
  ca: string
  /** As root. */
  admin: Connection
  /** A connection of somebody. */
  login(user: string, password: string): Promise<Connection>
  stop(): Promise<void>
}

const mariadbd = findProgram('mariadbd')
const install = findProgram('mariadb-install-db')

/** Is there a MariaDB here? See isAvailable. */
export const hasMariadb = (): boolean =>
  isAvailable(
    'MariaDB',
    mariadbd === undefined || install === undefined
      ? 'no mariadbd or mariadb-install-db was found'
      : undefined,
  )

export async function startMariadb(): Promise<MariadbServer> {
  if (mariadbd === undefined || install === undefined) throw new Error('no MariaDB')
  const directory = serverDirectory('mariadb')
  const data = join(directory.path, 'data')
  execFileSync(
    install,
    [
      ...['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal'],
      ...['--skip-test-db', '--innodb-log-file-size=4M'],
      ...(NOBODY === undefined ? [] : ['--user=nobody']),
    ],
    { cwd: directory.path, stdio: 'pipe' },
  )
  const { keyFile, certificateFile, ca } = selfSigned(directory.path, NOBODY)
  const port = await freePort()
  const server = await startProgram(
    {
      command: mariadbd,
      args: [
        ...['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1'],
        ...[`--socket=${directory.path}/socket`, `--pid-file=${directory.path}/pid`],
        ...[
          '--innodb-log-file-size=4M',
          '--innodb-buffer-pool-size=8M',
          '--innodb-flush-log-at-trx-commit=0',
        ],
        ...[`--ssl-cert=${certificateFile}`, `--ssl-key=${keyFile}`, '--skip-name-resolve'],
        // Unkind to clients that escape with backslashes.
        '--sql-mode=NO_BACKSLASH_ESCAPES',
      ],
      cwd: directory.path,
      ...(NOBODY === undefined ? {} : { uid: NOBODY }),
    },
    (log) => log.includes('ready for connections'),
  )
  const login = async (user: string, password: string): Promise<Connection> => {
    const connection = await mysql.createConnection({ host: '127.0.0.1', port, user, password })
    connection.on('error', () => {})
    return connection
  }
  const admin = await login('root', '')
  await admin.query("delete from mysql.global_priv where User = ''")
  await admin.query('flush privileges')
  return {
    port,
    pid: server.pid,
    ca,
    admin,
    login,
    stop: async () => {
      await admin.end()
      await server.stop()
      directory.remove()
    },
  }
}
