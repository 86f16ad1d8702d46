import { afterAll, beforeEach, expect, test } from 'vitest'
import { createSourceAuthenticator } from '../../src/auth/create-source-authenticator.ts'
import { newToken } from '../../src/auth/tokens.ts'
import { MINUTE } from '../../src/shared/clock.ts'
import { createSourceStore, prepareSources } from '../../src/storage/source-store.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
afterAll(() => database.dispose())
await prepareSources(database.connection)
const store = createSourceStore(database.connection)

let now = 0
let lookups = 0
let failures: unknown[] = []
let authenticator = make()
function make() {
  return createSourceAuthenticator({
    sources: {
      source: (id) => {
        lookups += 1
        return store.source(id)
      },
      touchToken: store.touchToken,
    },
    clock: { now: () => now },
    onTouchFailed: (error) => failures.push(error),
  })
}

const good = newToken('scim')
const expiring = newToken('scim')
beforeEach(async () => {
  now = 10 * MINUTE
  lookups = 0
  failures = []
  authenticator = make()
  await database.connection.collection('sources').deleteMany({})
  await store.insert({
    id: 'okta',
    name: 'Okta',
    dialect: 'okta',
    createdAt: 1,
    version: 1,
    tokens: [
      { id: 'a', hash: good.hash, prefix: good.prefix, createdAt: 1 },
      { id: 'b', hash: expiring.hash, prefix: expiring.prefix, createdAt: 1, expiresAt: now + 500 },
    ],
  })
})
const bearer = (token: string): string => `Bearer ${token}`

test('source authenticator, the right token, gives the identity with one look-up a second', async () => {
  const identity = { sourceId: 'okta', dialect: 'okta', tokenId: 'a' }
  expect(await authenticator.authenticate('okta', bearer(good.token))).toEqual(identity)
  expect(await authenticator.authenticate('okta', `bearer ${good.token}`)).toEqual(identity)
  expect(lookups).toBe(1)
  now += 1_000
  await authenticator.authenticate('okta', bearer(good.token))
  expect(lookups).toBe(2)
  await expect
    .poll(async () => (await store.source('okta'))?.tokens[0]?.lastUsedAt)
    .toBe(10 * MINUTE)
  expect(failures).toEqual([])
})

test.each([
  ['no header', 'okta', undefined],
  ['another scheme', 'okta', 'Basic eDp5'],
  ['a wrong token', 'okta', bearer(newToken('scim').token)],
  ['an unknown source', 'nobody', bearer(good.token)],
  ['an empty token', 'okta', 'Bearer '],
])('source authenticator, %s, is refused with the same words', async (_, source, header) => {
  await expect(authenticator.authenticate(source, header)).rejects.toMatchObject({
    code: 'ERR_UNAUTHENTICATED',
    message: 'the source or its token is not known',
  })
})

test('source authenticator, a token past its expiry, is refused though it is cached', async () => {
  await authenticator.authenticate('okta', bearer(expiring.token))
  now += 500
  await expect(authenticator.authenticate('okta', bearer(expiring.token))).rejects.toMatchObject({
    code: 'ERR_UNAUTHENTICATED',
  })
})

test('source authenticator, a deleted token, is refused at once here and after a second elsewhere', async () => {
  const elsewhere = make()
  await authenticator.authenticate('okta', bearer(good.token))
  await elsewhere.authenticate('okta', bearer(good.token))
  await store.removeToken('okta', 'a')
  authenticator.invalidate('okta')
  const refused = { code: 'ERR_UNAUTHENTICATED' }
  await expect(authenticator.authenticate('okta', bearer(good.token))).rejects.toMatchObject(
    refused,
  )
  now += 1_000
  await expect(elsewhere.authenticate('okta', bearer(good.token))).rejects.toMatchObject(refused)
})

test('source authenticator, a token made after a failure, works at once', async () => {
  const fresh = newToken('scim')
  await expect(authenticator.authenticate('okta', bearer(fresh.token))).rejects.toThrow()
  await store.addToken('okta', { id: 'c', hash: fresh.hash, prefix: fresh.prefix, createdAt: now })
  expect(await authenticator.authenticate('okta', bearer(fresh.token))).toMatchObject({
    tokenId: 'c',
  })
})

test('source authenticator, too many failures from one address, are slowed and lock nobody out', async () => {
  const guess = (address: string) =>
    authenticator.authenticate('okta', bearer(newToken('scim').token), address)
  for (let i = 0; i < 30; i++) await expect(guess('192.0.2.1')).rejects.toThrow('not known')
  const before = lookups
  for (let i = 0; i < 20; i++) {
    await expect(guess('192.0.2.1')).rejects.toMatchObject({
      code: 'ERR_RATE_LIMITED',
      retryAfterSeconds: 60,
    })
  }
  expect(lookups).toBe(before + 1)
  expect(await authenticator.authenticate('okta', bearer(good.token), '192.0.2.1')).toMatchObject({
    tokenId: 'a',
  })
  const unauthenticated = { code: 'ERR_UNAUTHENTICATED' }
  await expect(guess('192.0.2.2')).rejects.toMatchObject(unauthenticated)
  now += MINUTE
  await expect(guess('192.0.2.1')).rejects.toMatchObject(unauthenticated)
})
