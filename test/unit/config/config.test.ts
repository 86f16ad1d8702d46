import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { localSecrets } from '../../../src/config/local-secrets.ts'

const dir = await mkdtemp(join(tmpdir(), 'quittance-config-'))
afterAll(() => rm(dir, { recursive: true, force: true }))
const KEY = Buffer.alloc(32, 7).toString('base64')
const TOKEN = 'a'.repeat(32)

function faults(env: Record<string, string>): string {
  try {
    loadConfig(env)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_CONFIG' })
    return (error as Error).message
  }
  throw new Error('no fault was found')
}

test('configuration, an empty environment, gives the documented defaults, frozen', () => {
  const config = loadConfig({})
  expect(config).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
    publicUrl: 'http://127.0.0.1:8080',
    trustProxy: false,
    roles: ['web', 'worker', 'ledger'],
    mongodbDb: 'quittance',
    logLevel: 'info',
    connectors: [],
  })
  expect(Object.isFrozen(config)).toBe(true)
})

test('configuration, an empty variable, counts as unset', () => {
  expect(loadConfig({ PORT: '', MASTER_KEY: ' ' })).toMatchObject({
    port: 8080,
    masterKey: undefined,
  })
})

test('configuration, many faults, are all named at once and without their values', () => {
  const text = faults({
    PORT: '70000',
    PUBLIC_URL: 'ftp://x',
    ROLE: 'web,cook',
    MASTER_KEY: 'c2hvcnQ=',
    ADMIN_TOKEN: 'tooshortsecret',
    TRUST_PROXY: 'true',
    LOG_LEVEL: 'loud',
    METRICS_TOKEN_FILE: join(dir, 'missing'),
  })
  for (const name of [
    'PORT',
    'PUBLIC_URL',
    'ROLE',
    'MASTER_KEY',
    'ADMIN_TOKEN',
    'TRUST_PROXY',
    'LOG_LEVEL',
    'METRICS_TOKEN_FILE',
  ]) {
    expect(text).toContain(name)
  }
  expect(text).not.toContain('tooshortsecret')
  expect(text).not.toContain('c2hvcnQ=')
})

test('configuration, a shared database without its secrets, is refused', () => {
  const text = faults({ MONGODB_URI: 'mongodb://db/?replicaSet=rs0', PORT: 'x' })
  expect(text).toMatch(/MASTER_KEY/)
  expect(text).toMatch(/ADMIN_TOKEN/)
  expect(text).toMatch(/PORT/)
  expect(
    loadConfig({ MONGODB_URI: 'mongodb://db/?replicaSet=rs0', MASTER_KEY: KEY, ROLE: 'worker' }),
  ).toMatchObject({ roles: ['worker'] })
})

test('configuration, a secret in a file, is read without its line end', async () => {
  const file = join(dir, 'token')
  await writeFile(file, `${TOKEN}\n`)
  expect(loadConfig({ ADMIN_TOKEN_FILE: file }).adminToken).toBe(TOKEN)
  expect(faults({ ADMIN_TOKEN_FILE: file, ADMIN_TOKEN: TOKEN })).toContain('one of them')
})

test('configuration, a proxy setting, becomes hops or addresses', () => {
  expect(loadConfig({ TRUST_PROXY: '2' }).trustProxy).toBe(2)
  expect(loadConfig({ TRUST_PROXY: '10.0.0.0/8, ::1' }).trustProxy).toEqual(['10.0.0.0/8', '::1'])
})

test('local secrets, two starts, are the same and readable by the owner alone', async () => {
  const dataDir = join(dir, 'data')
  const config = { dataDir, masterKey: undefined, adminToken: undefined }
  const [first, same] = await Promise.all([localSecrets(config), localSecrets(config)])
  expect(await localSecrets(config)).toEqual(first)
  expect(same.masterKey).toEqual(first.masterKey)
  expect(first.masterKey).toHaveLength(32)
  expect(first.adminToken).toMatch(/^qtc_admin_[\w-]{43}$/)
  expect((await stat(join(dataDir, 'master-key'))).mode & 0o777).toBe(0o600)
  expect((await readFile(first.adminTokenFile!, 'utf8')).trim()).toBe(first.adminToken)
})

test('local secrets, a damaged key file, is refused and left alone', async () => {
  const dataDir = join(dir, 'damaged')
  await localSecrets({ dataDir, masterKey: undefined, adminToken: undefined })
  await chmod(join(dataDir, 'master-key'), 0o600)
  await writeFile(join(dataDir, 'master-key'), 'short')
  await expect(
    localSecrets({ dataDir, masterKey: undefined, adminToken: undefined }),
  ).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' })
  expect(await readFile(join(dataDir, 'master-key'), 'utf8')).toBe('short')
})

test('configuration, a copy of the ledger in a folder and a bucket, or half a key, is refused', () => {
  const text = faults({
    LEDGER_WORM_DIRECTORY: '/worm',
    LEDGER_WORM_S3_BUCKET: 'ledger-copy',
    LEDGER_WORM_S3_ACCESS_KEY_ID: 'AKIA1',
    LEDGER_WORM_S3_PREFIX: 'hub',
    LEDGER_WORM_S3_RETENTION_DAYS: '0',
  })
  expect(text).toContain('is set beside LEDGER_WORM_DIRECTORY')
  expect(text).toContain('must be set when LEDGER_WORM_S3_ACCESS_KEY_ID is set')
  expect(text).toContain('must be like hub/')
  expect(text).toContain('must be at least 1')
})

test('configuration, a bucket for the copy of the ledger, has its key and its defaults', () => {
  const bucket = { LEDGER_WORM_S3_BUCKET: 'ledger-copy' }
  expect(loadConfig(bucket).ledgerWormS3).toEqual({
    bucket: 'ledger-copy',
    region: 'us-east-1',
    prefix: '',
    retentionDays: 3650,
  })
  const own = loadConfig({
    ...bucket,
    LEDGER_WORM_S3_ACCESS_KEY_ID: 'AKIA1',
    LEDGER_WORM_S3_SECRET_ACCESS_KEY: 's',
  })
  expect(own.ledgerWormS3?.credentials).toEqual({ accessKeyId: 'AKIA1', secretAccessKey: 's' })
})
