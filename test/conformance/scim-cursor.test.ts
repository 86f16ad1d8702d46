import { afterAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { scimServer } from './scim-server.ts'

const database = await freshDatabase()
const server = await scimServer(database.connection, { budgetMs: 60_000 })
afterAll(async () => {
  await server.close()
  await database.dispose()
})

const SEARCH = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] }

test.each([1, 2, 3, 5, 8])(
  'a search of all types, by cursor in pages of %i, shows everything once',
  async (count) => {
    const client = await server.source(`all-${count}`)
    const expected: string[] = []
    for (const name of ['a', 'b', 'c']) expected.push(await client.user(name))
    for (const name of ['d', 'e']) expected.push(await client.group(name))
    const seen: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: { totalResults: number; nextCursor?: string; Resources: { id: string }[] } = (
        await client.send('POST', '/.search', { ...SEARCH, cursor, count })
      ).json
      expect(page.totalResults).toBe(5)
      expect(page.Resources.length).toBeGreaterThan(0)
      seen.push(...page.Resources.map((one) => one.id))
      cursor = page.nextCursor
    }
    expect(seen).toEqual(expected)
  },
)

test('cursor paging, refused, is told in the words of RFC 9865', async () => {
  const client = await server.source('words')
  const type = async (path: string): Promise<string> => (await client.get(path)).json.scimType
  expect(await type('/Users?cursor=&count=abc')).toBe('invalidCount')
  expect(await type('/Users?cursor=nonsense')).toBe('invalidCursor')
  expect(await type('/Users?count=abc')).toBe('invalidValue')
  const search = async (more: object): Promise<string> =>
    (await client.send('POST', '/.search', { ...SEARCH, ...more })).json.scimType
  expect(await search({ cursor: 'nonsense' })).toBe('invalidCursor')
  expect(await search({ cursor: 'users.nonsense' })).toBe('invalidCursor')
  expect(await search({ cursor: 'groups.nonsense' })).toBe('invalidCursor')
  expect(await search({ cursor: '', count: 'x' })).toBe('invalidCount')
})

test('attributes and excludedAttributes, on every verb with an answer, cut it down', async () => {
  const client = await server.source('verbs')
  const user = {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: 'ann',
    title: 'T',
  }
  const query = '?attributes=title'
  const only = { schemas: user.schemas, id: expect.any(String), title: 'T' }
  const made = await client.send('POST', `/Users${query}`, user)
  expect([made.status, made.json]).toEqual([201, only])
  const path = `/Users/${made.json.id}`
  expect((await client.get(path + query)).json).toEqual(only)
  expect((await client.send('PUT', path + query, user)).json).toEqual(only)
  const change = { op: 'replace', path: 'nickName', value: 'n' }
  expect((await client.patch(path + query, change)).json).toEqual(only)
  expect((await client.get(`/Users${query}`)).json.Resources).toEqual([only])
  const excluded = (await client.get(`${path}?excludedAttributes=title,meta.location`)).json
  expect(excluded).toMatchObject({ userName: 'ann', nickName: 'n' })
  expect(excluded).not.toHaveProperty('title')
  expect(excluded.meta).not.toHaveProperty('location')

  const group = await client.group('g', [made.json.id])
  const shown = { op: 'replace', path: 'displayName', value: 'h' }
  const patched = await client.patch(`/Groups/${group}?attributes=displayName`, shown)
  expect([patched.status, patched.json.displayName, patched.json.members]).toEqual([
    200,
    'h',
    undefined,
  ])
})

test('sort by a list, with and without a primary element, goes by the primary or the first', async () => {
  const client = await server.source('sorted')
  await client.user('z', { emails: [{ value: 'm@x' }, { value: 'a@x', primary: true }] })
  await client.user('y', { emails: [{ value: 'b@x' }, { value: '0@x' }] })
  await client.user('x')
  const order = async (more: string): Promise<string[]> =>
    (await client.get(`/Users?sortBy=emails${more}`)).json.Resources.map(
      (one: { userName: string }) => one.userName,
    )
  expect(await order('')).toEqual(['z', 'y', 'x'])
  expect(await order('.value&sortOrder=descending')).toEqual(['x', 'y', 'z'])
})

test('groups of a user, written to, are read-only; their display can be searched', async () => {
  const client = await server.source('read-only')
  const strict = await server.source('read-only-strict', 'generic-strict')
  for (const one of [client, strict]) {
    const id = await one.user('ann')
    await one.user('bob')
    await one.group('Team Red', [id])
    for (const operation of [
      { op: 'add', path: 'groups', value: [{ value: 'x' }] },
      { op: 'remove', path: 'groups' },
      { op: 'replace', path: 'groups[value eq "x"].display', value: 'x' },
    ]) {
      const refused = await one.patch(`/Users/${id}`, operation)
      expect([refused.status, refused.json.scimType]).toEqual([400, 'mutability'])
    }
    for (const filter of ['groups.display eq "team red"', 'groups[display sw "Team"]']) {
      const found = (await one.filter('/Users', filter)).json
      expect(
        found.Resources?.map((user: { id: string }) => user.id),
        filter,
      ).toEqual([id])
    }
    expect((await one.filter('/Users', 'groups.display eq "none"')).json.totalResults).toBe(0)
    expect((await one.filter('/Users', 'groups.display ne "team red"')).json.totalResults).toBe(1)
    expect(
      (await one.filter('/Users', 'groups.type eq "direct" and userName eq "ann"')).json
        .totalResults,
    ).toBe(1)
  }
})

test('the service provider config, of every capability, says what is', async () => {
  const client = await server.source('config')
  const { json } = await client.get('/ServiceProviderConfig')
  expect(json).toMatchObject({
    patch: { supported: true },
    bulk: { supported: true, maxOperations: 1_000, maxPayloadSize: 1_048_576 },
    filter: { supported: true, maxResults: 1_000 },
    sort: { supported: true },
    etag: { supported: true },
    changePassword: { supported: false },
    pagination: { cursor: true, index: true, maxPageSize: 1_000 },
  })
  const operations = (count: number) => ({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: Array.from({ length: count }, () => ({ method: 'DELETE', path: '/Users/x' })),
  })
  expect((await client.send('POST', '/Bulk', operations(1_000))).status).toBe(200)
  expect((await client.send('POST', '/Bulk', operations(1_001))).status).toBe(413)
  const padded = { ...operations(1), pad: 'x'.repeat(1_048_576) }
  expect((await client.send('POST', '/Bulk', padded)).status).toBe(413)
  const group = { displayName: 'g', externalId: 'x'.repeat(1_100_000) }
  expect((await client.send('POST', '/Groups', group)).status).toBe(201)
  expect((await client.get('/Groups?count=5000')).json.itemsPerPage).toBe(1)
})
