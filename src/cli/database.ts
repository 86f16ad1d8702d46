import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { isHubError } from '../shared/errors.ts'
import type { connect } from '../storage/connection.ts'
import { CliError } from './api-client.ts'
import { told } from './told.ts'

export type Environment = Readonly<Record<string, string | undefined>>
type Connection = Awaited<ReturnType<typeof connect>>

/**
 * Runs `work` on the database of the hub that these settings describe: MONGODB_URI, or the database that a running hub
 * keeps in DATA_DIR.
 *
 * @param needed of the secrets, those that the work uses; the others need not be set here
 * @throws CliError that says what to do
 */
export async function withDatabase<T>(
  env: Environment,
  needed: readonly ('MASTER_KEY' | 'ADMIN_TOKEN')[],
  work: (connection: Connection, config: Config) => Promise<T>,
): Promise<T> {
  return await told(async () => {
    const config = await configFor(env, needed)
    const uri = config.mongodbUri ?? (await embeddedUri(config.dataDir))
    const { connect } = await import('../storage/connection.ts')
    const connection = await connect(uri, config.mongodbDb).catch((error: unknown) => {
      if (config.mongodbUri !== undefined || !isHubError(error, 'ERR_STORAGE_UNAVAILABLE'))
        throw error
      throw new CliError(
        `The database in ${config.dataDir} is not running: start its hub, or set MONGODB_URI.`,
        { cause: error },
      )
    })
    try {
      return await work(connection, config)
    } finally {
      await connection.close()
    }
  })
}

/** The settings; secrets that are not needed here may be missing. @throws HubError ERR_CONFIG */
export async function configFor(env: Environment, needed: readonly string[]): Promise<Config> {
  const { loadConfig } = await import('../config/config.ts')
  const unused: Record<string, string> = {
    MASTER_KEY: Buffer.alloc(32).toString('base64'),
    ADMIN_TOKEN: 'x'.repeat(32),
  }
  const isSet = (name: string): boolean => Boolean(env[name] || env[`${name}_FILE`])
  const added = Object.entries(unused).filter(([name]) => !needed.includes(name) && !isSet(name))
  return loadConfig({ ...env, ...Object.fromEntries(added) })
}

/** The master key of these settings. Makes none: that is for the first start of a hub. @throws CliError */
export async function masterKeyOf(config: Config): Promise<Buffer> {
  const file = join(config.dataDir, 'master-key')
  if (config.masterKey === undefined && !existsSync(file)) {
    throw new CliError(`${file} is not there. Set MASTER_KEY, or DATA_DIR to that of the hub.`)
  }
  const { localSecrets } = await import('../config/local-secrets.ts')
  const { masterKey } = await localSecrets({ ...config, adminToken: config.adminToken ?? '' })
  return masterKey
}

async function embeddedUri(dataDir: string): Promise<string> {
  const port = await readFile(join(dataDir, 'db-port'), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new CliError(
      `${dataDir} holds no database. Set DATA_DIR to that of the hub, or MONGODB_URI to its database.`,
    )
  })
  return `mongodb://127.0.0.1:${Number(port)}/?replicaSet=quittance`
}
