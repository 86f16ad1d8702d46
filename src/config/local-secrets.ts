import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HubError } from '../shared/errors.ts'
import type { Config } from './config.ts'

export interface LocalSecrets {
  masterKey: Buffer
  adminToken: string
  /** Path of the admin token's file when it was generated here; for the greeting at start. */
  adminTokenFile: string | undefined
}

/**
 * The configured secrets; those that are not configured come from files of mode 0600 in DATA_DIR, made at
 * the first start. Only for a hub with its embedded database: `loadConfig` insists on them otherwise.
 *
 * @throws HubError ERR_MASTER_KEY when the file does not hold 32 bytes in base64
 */
export async function localSecrets(
  config: Pick<Config, 'dataDir' | 'masterKey' | 'adminToken'>,
): Promise<LocalSecrets> {
  const keyFile = join(config.dataDir, 'master-key')
  const masterKey =
    config.masterKey ??
    Buffer.from(await generatedOnce(keyFile, () => randomBytes(32).toString('base64')), 'base64')
  if (masterKey.length !== 32) {
    throw new HubError('ERR_MASTER_KEY', `${keyFile} does not hold 32 bytes in base64`)
  }
  if (config.adminToken !== undefined) {
    return { masterKey, adminToken: config.adminToken, adminTokenFile: undefined }
  }
  const adminTokenFile = join(config.dataDir, 'admin-token')
  const adminToken = await generatedOnce(
    adminTokenFile,
    () => `qtc_admin_${randomBytes(32).toString('base64url')}`,
  )
  return { masterKey, adminToken, adminTokenFile }
}

/** Written whole and flushed under another name, then linked: a crash leaves no half key, a race no second one. */
async function generatedOnce(file: string, generate: () => string): Promise<string> {
  const there = await readIfThere(file)
  if (there !== undefined) return there
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`
  const handle = await open(draft, 'w', 0o600)
  try {
    await handle.writeFile(`${generate()}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  return (await readFile(file, 'utf8')).trim()
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
