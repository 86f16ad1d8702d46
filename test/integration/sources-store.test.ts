import { afterAll, expect, test } from 'vitest'
import type { SourceRecord, TokenRecord } from '../../src/auth/source-authenticator.ts'
import { MAX_TOKENS } from '../../src/auth/source-store.ts'
import { newToken } from '../../src/auth/tokens.ts'
import { createSourceStore, prepareSources } from '../../src/storage/source-store.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
afterAll(() => database.dispose())
await prepareSources(database.connection)
const sources = createSourceStore(database.connection)

const source = (id: string, tokens: TokenRecord[] = []): SourceRecord => ({
  id,
  name: id,
  dialect: 'generic',
  tokens,
  createdAt: 1,
  version: 1,
})
const token = (id: string): TokenRecord => {
  const { hash, prefix } = newToken('scim')
  return { id, hash, prefix, createdAt: 1 }
}

test('source store, an inserted source, is read back as it was', async () => {
  const record = source('okta-main', [{ ...token('t1'), expiresAt: 9 }])
  await sources.insert(record)
  expect(await sources.source('okta-main')).toEqual({
    ...record,
    clientSecrets: [],
    issuers: [],
    allowedNetworks: [],
  })
  expect(await sources.source('other')).toBeNull()
  await expect(sources.insert(record)).rejects.toMatchObject({ code: 'ERR_UNIQUENESS' })
})

test('source store, tokens of several writers, are all kept up to the bound', async () => {
  await sources.insert(source('many'))
  const ids = Array.from({ length: MAX_TOKENS }, (_, i) => `t${i}`)
  await Promise.all(ids.map((id) => sources.addToken('many', token(id))))
  expect((await sources.source('many'))?.tokens.map((t) => t.id).sort()).toEqual(ids.sort())
  await expect(sources.addToken('many', token('more'))).rejects.toMatchObject({
    code: 'ERR_TOO_MANY',
  })
  expect(await sources.addToken('nobody', token('x'))).toBe(false)
  expect(await sources.removeToken('many', 't3')).toBe(true)
  expect(await sources.removeToken('many', 't3')).toBe(false)
})

test('source store, a late report of an earlier use, does not turn the time back', async () => {
  await sources.insert(source('used', [token('t')]))
  await sources.touchToken('used', 't', 500)
  await sources.touchToken('used', 't', 400)
  expect((await sources.source('used'))?.tokens[0]?.lastUsedAt).toBe(500)
})

test('source store, a stale version, writes nothing', async () => {
  await sources.insert(source('versioned'))
  const change = { id: 'versioned', name: 'New', dialect: 'entra' } as const
  expect(await sources.update(change, 1)).toBe(true)
  expect(await sources.update({ ...change, name: 'Late' }, 1)).toBe(false)
  expect(await sources.source('versioned')).toMatchObject({ name: 'New', version: 2 })
})
