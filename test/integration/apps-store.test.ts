import { randomBytes } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import type { AppRecord } from '../../src/revocation/types.ts'
import { createAppStore, prepareApps } from '../../src/storage/app-store.ts'
import { checkMasterKey } from '../../src/storage/master-key.ts'
import { createSecretStore, prepareSecrets } from '../../src/storage/secret-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { createVault } from '../../src/vault/vault.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
afterAll(() => database.dispose())
const { connection } = database
await prepareApps(connection)
await prepareSecrets(connection)
const apps = createAppStore(connection)
const vault = createVault(randomBytes(32))
const secrets = createSecretStore(connection, vault)
const { transaction } = createTransactor(connection)

const app = (id: string, more: Partial<AppRecord> = {}): AppRecord => ({
  id,
  name: id,
  connectorId: 'scim',
  config: { baseUrl: 'https://x.example', empty: {}, 'a.b': 1 },
  scope: { kind: 'everyone' },
  class: 2,
  owners: ['owner@example.com'],
  state: 'active',
  allowNetworks: [],
  createdAt: 1,
  updatedAt: 1,
  version: 1,
  ...more,
})

test('app store, a registration, is seen at once by the process that made it', async () => {
  expect(await apps.all()).toEqual([])
  await transaction((tx) => apps.insert(app('one'), tx))
  apps.invalidate()
  expect(await apps.all()).toEqual([app('one')])
  expect(await apps.app('one')).toEqual(app('one'))
  expect(await apps.app('two')).toBeNull()
})

test('app store, a reading under way when the cache is invalidated, is not kept', async () => {
  apps.invalidate()
  const early = apps.all()
  apps.invalidate()
  await apps.insert(app('late'))
  await early
  expect((await apps.all()).map((a) => a.id)).toContain('late')
})

test('app store, an aborted transaction, leaves neither app nor secrets', async () => {
  await expect(
    transaction(async (tx) => {
      await secrets.put('ghost', { token: 'x' }, tx)
      await apps.insert(app('ghost'), tx)
      expect((await apps.all(tx)).map((a) => a.id)).toContain('ghost')
      throw new RangeError('planned')
    }),
  ).rejects.toThrow(RangeError)
  expect(await apps.app('ghost')).toBeNull()
  expect(await secrets.names('ghost')).toEqual([])
})

test('app store, a name that is taken, is refused', async () => {
  await apps.insert(app('first', { name: 'Payroll' }))
  await expect(
    transaction((tx) => apps.insert(app('second', { name: 'Payroll' }), tx)),
  ).rejects.toMatchObject({ code: 'ERR_UNIQUENESS' })
})

test('app store, a stale version, writes nothing', async () => {
  await apps.insert(app('cas'))
  expect(await apps.replace(app('cas', { class: 0, version: 2 }), 1)).toBe(true)
  expect(await apps.replace(app('cas', { class: 3, version: 2 }), 1)).toBe(false)
  expect(await apps.app('cas')).toMatchObject({ class: 0, version: 2 })
})

test('secret store, a secret, is readable by its name and nowhere in the database', async () => {
  await secrets.put('one', { token: 'plain-text-of-the-token', witnessToken: 'w' })
  await secrets.put('one', { witnessToken: 'w2' })
  expect(await secrets.secretsOf('one')).toEqual({
    token: 'plain-text-of-the-token',
    witnessToken: 'w2',
  })
  expect(await secrets.names('one')).toEqual(['token', 'witnessToken'])
  const rows = await connection.collection('app_secrets').find({}).toArray()
  expect(rows).toHaveLength(2)
  expect(Buffer.from(JSON.stringify(rows)).includes('plain-text-of-the-token')).toBe(false)
  await secrets.remove('one', ['token'])
  expect(await secrets.names('one')).toEqual(['witnessToken'])
})

test('secret store, a ciphertext moved to another app, does not open', async () => {
  await secrets.put('from', { token: 'x' })
  const rows = connection.collection<{ _id: string; appId: string }>('app_secrets')
  const row = await rows.findOne({ _id: 'from:token' })
  await rows.insertOne({ ...row, _id: 'to:token', appId: 'to' })
  await expect(secrets.secretsOf('to')).rejects.toMatchObject({ code: 'ERR_MASTER_KEY' })
})

test('master key, another one on the same data, is refused at start', async () => {
  await checkMasterKey(connection, vault)
  await checkMasterKey(connection, vault)
  await expect(checkMasterKey(connection, createVault(randomBytes(32)))).rejects.toMatchObject({
    code: 'ERR_MASTER_KEY',
  })
})
