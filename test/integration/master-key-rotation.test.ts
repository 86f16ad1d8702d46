import { randomBytes } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { checkMasterKey, masterKeysInUse } from '../../src/storage/master-key.ts'
import { countOthers, rewrapAll, WRAPPED_KEYS } from '../../src/storage/rewrap.ts'
import { createSecretStore } from '../../src/storage/secret-store.ts'
import { createVault, type Vault } from '../../src/vault/vault.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
afterAll(() => database.dispose())
const { connection } = database
const [former, next] = [randomBytes(32), randomBytes(32)]
const oldVault = createVault(former)
const both = createVault(next, [former])

/** A row for each place, as its writer makes them: a key of its own for each context. */
async function fill(vault: Vault, many: number): Promise<void> {
  const box = (context: string) => vault.seal(Buffer.from(context), context)
  const db = connection.getClient().db(connection.name)
  await createSecretStore(connection, vault).put('app', { token: 't', witness: 'w' })
  const rows = <T>(make: (id: string) => T): T[] =>
    Array.from({ length: many }, (_, i) => make(`${vault.fingerprint}-${i}`))
  // biome-ignore lint/suspicious/noExplicitAny: rows of six collections, cut down to what is wrapped
  const insert = async (name: string, make: (id: string) => any): Promise<void> => {
    await db.collection(name).insertMany(rows((id) => ({ _id: id, ...make(id) })))
  }
  await insert('case_keys', (id) => ({ wrapped: vault.newKey(`case:${id}`).wrapped }))
  await insert('audit', (id) => ({ wrapped: vault.newKey(`act:${id}`).wrapped }))
  await insert('approvals', (id) => ({
    reason: box(`approval:${id}`),
    kept: box(`approval:${id}`),
    decisionReason: box(`approval:${id}`),
  }))
  await insert('idempotency_keys', (id) => ({ answer: box(`idempotency:${id}`) }))
  await insert('lanes', (id) => ({
    rev: 7,
    undo: [{ handleId: 'a' }, box(`undo:${id}`), box(`undo:${id}`)],
  }))
}

/** Watches the server: a command that reads a large collection in one go is cut off there. */
async function readingsOfMoreThan(rows: number): Promise<() => Promise<string[]>> {
  const db = connection.getClient().db(connection.name)
  await db.command({ profile: 1, filter: { docsExamined: { $gt: rows } } })
  return async () => {
    await db.command({ profile: 0 })
    const large = { docsExamined: { $gt: rows } }
    const found = await db.collection('system.profile').find(large).toArray()
    return found.map(({ op, ns }) => `${op} ${ns}`)
  }
}

/** Ids of master keys that anything in the database begins with, wherever it is. */
async function idsInDatabase(ids: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  const look = (value: unknown): void => {
    if (Buffer.isBuffer(value)) {
      const id = value.toString('hex', 0, 8)
      if (value.length === 68 && ids.includes(id)) found.add(id)
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look)
  }
  const db = connection.getClient().db(connection.name)
  for (const { name } of await db.listCollections().toArray()) {
    look(await db.collection(name).find({}, { promoteBuffers: true }).toArray())
  }
  return [...found]
}

test('rotation of the master key, broken off in the middle, goes on and leaves nothing behind', async () => {
  await checkMasterKey(connection, oldVault)
  await fill(oldVault, 700)
  await checkMasterKey(connection, both)
  await fill(both, 3)
  const ids = [oldVault.fingerprint, both.fingerprint]
  expect(new Set(await masterKeysInUse(connection))).toEqual(new Set(ids))
  // Neither key alone will do now.
  for (const alone of [oldVault, createVault(next)]) {
    await expect(checkMasterKey(connection, alone)).rejects.toMatchObject({
      code: 'ERR_MASTER_KEY',
    })
  }

  const before = await countOthers(connection, both)
  const stopped = new Error('power cut')
  await expect(
    rewrapAll(connection, both, ({ collection }) => {
      if (collection === 'audit') throw stopped
    }),
  ).rejects.toBe(stopped)
  const left = await countOthers(connection, both)
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(before)
  expect(await masterKeysInUse(connection)).toHaveLength(2)

  const large = await readingsOfMoreThan(500)
  const counts = await rewrapAll(connection, both)
  expect(await countOthers(connection, both)).toBe(0)
  expect(await large()).toEqual([])
  expect([200, 201, 202, 203]).toContain(left - 4_200)
  expect(counts).toEqual({
    app_secrets: 0,
    case_keys: 0,
    // The rows of one batch are done: 500, of which as many as three needed nothing.
    audit: left - 4_200,
    approvals: 2_100,
    idempotency_keys: 700,
    lanes: 1_400,
  })
  expect(await idsInDatabase(ids)).toEqual([both.fingerprint])
  expect(await masterKeysInUse(connection)).toEqual([both.fingerprint])
  const alone = createVault(next)
  await checkMasterKey(connection, alone)
  await expect(checkMasterKey(connection, oldVault)).rejects.toMatchObject({
    code: 'ERR_MASTER_KEY',
  })
  await everythingOpens(alone)
})

/** With the contexts of the writers, not those of the table that re-wraps. */
async function everythingOpens(vault: Vault): Promise<void> {
  expect(await createSecretStore(connection, vault).secretsOf('app')).toEqual({
    token: 't',
    witness: 'w',
  })
  const db = connection.getClient().db(connection.name)
  const all = (name: string) => db.collection(name).find({}, { promoteBuffers: true }).toArray()
  for (const row of await all('case_keys')) vault.unwrap(row['wrapped'], `case:${row._id}`)
  for (const row of await all('audit')) vault.unwrap(row['wrapped'], `act:${row._id}`)
  for (const row of await all('approvals')) {
    for (const name of ['reason', 'kept', 'decisionReason']) {
      vault.open(row[name], `approval:${row._id}`)
    }
  }
  for (const row of await all('idempotency_keys')) {
    vault.open(row['answer'], `idempotency:${row._id}`)
  }
  for (const row of await all('lanes')) {
    // A worker that had read the lane before must not write the old key back.
    expect(row['rev']).toBe(String(row._id).startsWith(oldVault.fingerprint) ? 9 : 7)
    for (const one of row['undo'].slice(1)) vault.open(one, `undo:${row._id}`)
  }
}

test('rotation of the master key, a row under a third key, is named and stops nothing before it', async () => {
  const third = createVault(randomBytes(32))
  await createSecretStore(connection, third).put('other', { token: 'x' })
  await expect(rewrapAll(connection, createVault(next))).rejects.toThrow(third.fingerprint)
  expect(await masterKeysInUse(connection)).toEqual([both.fingerprint])
})

test('places of wrapped keys, compared with the writers, are all of them', async () => {
  const { readdirSync, readFileSync } = await import('node:fs')
  const root = new URL('../../src/', import.meta.url)
  const writers = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'vault/vault.ts')
    .filter((name) => /vault\s*\.(newKey|seal)\(/.test(readFileSync(new URL(name, root), 'utf8')))
    .sort()
  // A new one: does it last? Then it is a place in storage/rewrap.ts too.
  expect(writers).toEqual([
    'api/acts.ts',
    'api/idempotency.ts',
    'api/sign-in.ts',
    'intake/opened-case.ts',
    'revocation/run-unit.ts',
    'storage/approval-store.ts',
    'storage/secret-store.ts',
  ])
  // All but the cookie of a sign-in; an approval has three.
  expect(new Set(WRAPPED_KEYS.map(({ collection }) => collection)).size).toBe(writers.length - 1)
})
