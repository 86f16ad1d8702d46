import { afterAll, expect, test } from 'vitest'
import { createAdminAuthenticator } from '../../src/auth/admin-authenticator.ts'
import { newToken } from '../../src/auth/tokens.ts'
import { createApiTokenStore, prepareApiTokens } from '../../src/storage/admin-store.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
afterAll(() => database.dispose())
await prepareApiTokens(database.connection)
const tokens = createApiTokenStore(database.connection)
const ADMIN = 'an-admin-token-of-some-length-0123456789'
let now = 1_000
const authenticator = createAdminAuthenticator({
  adminToken: ADMIN,
  metricsToken: undefined,
  tokens,
  clock: { now: () => now },
})
const bearer = (token: string): string => `Bearer ${token}`
const stored = async (id: string, expiresAt: number): Promise<string> => {
  const { token, hash, prefix } = newToken('api')
  await tokens.insert({ id, name: id, role: 'auditor', hash, prefix, createdAt: 1, expiresAt })
  return token
}

test('admin authenticator, configured and stored tokens, give their roles', async () => {
  expect(await authenticator.authenticate(bearer(ADMIN))).toEqual({
    id: 'admin-token',
    role: 'admin',
  })
  const token = await stored('t1', 2_000)
  expect(await authenticator.authenticate(bearer(token))).toEqual({ id: 't1', role: 'auditor' })
  await expect(authenticator.authenticate(bearer(newToken('scim').token))).rejects.toMatchObject({
    code: 'ERR_UNAUTHENTICATED',
  })
})

test('admin authenticator, an expired token, is refused', async () => {
  const token = await stored('t2', now + 1)
  await authenticator.authenticate(bearer(token))
  now += 1
  await expect(authenticator.authenticate(bearer(token))).rejects.toMatchObject({
    code: 'ERR_UNAUTHENTICATED',
  })
})

test('admin authenticator, guesses from one address, lock out neither the admin nor a token that has worked', async () => {
  const token = await stored('t3', 1_000_000)
  await authenticator.authenticate(bearer(token), '192.0.2.1')
  const guess = () => authenticator.authenticate(bearer(newToken('api').token), '192.0.2.1')
  for (let i = 0; i < 30; i++) await expect(guess()).rejects.toThrow('needed')
  await expect(guess()).rejects.toMatchObject({ code: 'ERR_RATE_LIMITED' })
  expect(await authenticator.authenticate(bearer(token), '192.0.2.1')).toMatchObject({ id: 't3' })
  expect(await authenticator.authenticate(bearer(ADMIN), '192.0.2.1')).toMatchObject({
    role: 'admin',
  })
})

test('API token store, every look-up of a request, uses an index', async () => {
  const plan = await database.connection
    .collection('api_tokens')
    .find({ hash: 'x' })
    .explain('queryPlanner')
  expect(JSON.stringify(plan)).toContain('IXSCAN')
  expect(JSON.stringify(plan)).not.toContain('COLLSCAN')
})
