import { afterAll, expect, test } from 'vitest'
import { startApi } from './api-harness.ts'

const api = await startApi()
afterAll(() => api.close())

test('sources, a new one, answers with its address and a token that is never shown again', async () => {
  const made = await api.api('POST', '/sources', { id: 'okta-prod', name: 'Okta', dialect: 'okta' })
  expect(made.status).toBe(201)
  expect(made.json).toMatchObject({
    id: 'okta-prod',
    scimBaseUrl: 'https://hub.example.com/scim/okta-prod/v2',
  })
  expect(made.json.token).toMatch(/^qtc_scim_[\w-]{43}$/)
  const again = await api.api('POST', '/sources', { id: 'okta-prod', name: 'x', dialect: 'okta' })
  expect(again.json).toMatchObject({ status: 409, code: 'ERR_UNIQUENESS' })

  const read = [await api.api('GET', '/sources'), await api.api('GET', '/sources/okta-prod')]
  for (const { text } of read) {
    expect(text).toContain('okta-prod')
    expect(text).not.toContain(made.json.token)
    expect(text).not.toMatch(/"hash"/)
  }
  const stored = await api.connection.collection('sources').find().toArray()
  expect(JSON.stringify(stored)).not.toContain(made.json.token)
})

test.each([
  ['capital letters', { id: 'Okta', name: 'x', dialect: 'okta' }],
  ['a slash', { id: 'a/b', name: 'x', dialect: 'okta' }],
  ['an unknown dialect', { id: 'a', name: 'x', dialect: 'klingon' }],
  ['an empty name', { id: 'a', name: ' ', dialect: 'okta' }],
  ['two lines in the name', { id: 'a', name: 'a\nb', dialect: 'okta' }],
])('sources, %s, is refused', async (_, body) => {
  expect((await api.api('POST', '/sources', body)).json.code).toBe('ERR_INVALID_VALUE')
})

test('sources, a rotation, overlaps until the old token is deleted', async () => {
  const { json: made } = await api.api('POST', '/sources', {
    id: 'rot',
    name: 'R',
    dialect: 'entra',
  })
  const { json: second } = await api.api('POST', '/sources/rot/tokens', { expiresInDays: 30 })
  const knows = (token: string) =>
    api.resources.sourceAuthenticator instanceof Object &&
    (
      api.resources.sourceAuthenticator as unknown as {
        authenticate(id: string, header: string): Promise<object>
      }
    ).authenticate('rot', `Bearer ${token}`)
  await expect(knows(made.token)).resolves.toMatchObject({ dialect: 'entra' })
  await expect(knows(second.token)).resolves.toMatchObject({ tokenId: second.tokenId })

  expect((await api.api('DELETE', `/sources/rot/tokens/${made.tokenId}`)).status).toBe(204)
  await expect(knows(made.token)).rejects.toMatchObject({ code: 'ERR_UNAUTHENTICATED' })
  await expect(knows(second.token)).resolves.toBeTruthy()
  expect((await api.api('DELETE', `/sources/rot/tokens/${made.tokenId}`)).status).toBe(404)
  expect((await api.api('POST', '/sources/nobody/tokens')).status).toBe(404)
  const { json: shown } = await api.api('GET', '/sources/rot')
  expect(shown.tokens).toHaveLength(1)
  expect(shown.tokens[0].expiresAt).toMatch(/Z$/)
})

test('sources, a change, needs the version that was read', async () => {
  await api.api('POST', '/sources', { id: 'chg', name: 'C', dialect: 'generic' })
  const { headers } = await api.api('GET', '/sources/chg')
  const etag = headers.get('etag') ?? ''
  const change = { dialect: 'generic-strict' }
  expect((await api.api('PATCH', '/sources/chg', change)).status).toBe(428)
  expect((await api.api('PATCH', '/sources/chg', change, { 'if-match': etag })).json.dialect).toBe(
    'generic-strict',
  )
  expect((await api.api('PATCH', '/sources/chg', change, { 'if-match': etag })).status).toBe(412)
  expect((await api.api('PATCH', '/sources/chg', change, { 'if-match': 'W/"1"' })).status).toBe(412)
})
