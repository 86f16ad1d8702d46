import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { readScimExtensions } from '../../src/config/scim-extensions.ts'
import { freshDatabase } from '../support/database.ts'
import { type Client, scimServer } from './scim-server.ts'

const read = readScimExtensions(fileURLToPath(new URL('./scim-extensions.json', import.meta.url)))
if (!('extensions' in read)) throw new Error(read.faults.join('\n'))
const database = await freshDatabase()
const server = await scimServer(database.connection, {
  budgetMs: 60_000,
  extensions: read.extensions,
})
afterAll(async () => {
  await server.close()
  await database.dispose()
})

const STAFF = 'urn:example:params:staff:1.0.2:User'
const TEAM = 'urn:example:params:team:1.0:Group'
const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User'
let made = 0
const fresh = (dialect?: 'generic-strict'): Promise<Client> =>
  server.source(`extended-${++made}`, dialect)
const names = (answer: { json: { Resources: { userName: string }[] } }): string[] =>
  answer.json.Resources.map((one) => one.userName).sort()

const staff = {
  badge: 'Ab-7',
  site: 'Oslo',
  hired: '2024-03-01T09:00:00+01:00',
  grade: 7,
  contractor: false,
  payrollId: 'P1',
  tenant: 't1',
  tags: ['Red', 'Blue'],
  keys: [
    { value: 'front', code: 'Xy', since: '2024-01-01T00:00:00Z' },
    { value: 'back', code: 'Zz', primary: true },
  ],
  desk: { floor: 3, photo: 'https://example.com/3' },
}

test('a declared extension, in a resource of the strict dialect, comes back as it went in', async () => {
  const client = await fresh('generic-strict')
  const answer = await client.send('POST', '/Users', {
    schemas: [CORE, STAFF],
    userName: 'ann',
    [STAFF]: { ...staff, note: 'quiet', pin: '1234', clearedBy: 'me' },
  })
  expect(answer.status).toBe(201)
  expect(answer.json.schemas).toEqual([CORE, STAFF])
  expect(answer.json[STAFF]).toEqual(staff)
  const stored = await database.connection
    .getClient()
    .db(database.dbName)
    .collection('users')
    .findOne({ id: answer.json.id })
  expect(JSON.stringify(stored)).not.toContain('1234')
})

test.each([
  ['a type', { grade: 'seven' }],
  ['a list', { tags: 'Red' }],
  ['a date', { hired: 'yesterday' }],
  ['an unknown name', { colour: 'red' }],
  ['a required sub-attribute', { keys: [{ code: 'X' }] }],
])('a declared extension, with %s that is wrong, is refused', async (_, wrong) => {
  const client = await fresh('generic-strict')
  const body = { schemas: [CORE, STAFF], userName: 'ann', [STAFF]: { site: 'Oslo', ...wrong } }
  const answer = await client.send('POST', '/Users', body)
  expect([answer.status, (await client.get('/Users')).json.totalResults]).toEqual([400, 0])
})

test('a required extension, missing or not whole, is refused; whole, is stored', async () => {
  const client = await fresh()
  const post = (more: object) =>
    client.send('POST', '/Groups', { displayName: `g${++made}`, ...more })
  expect((await post({})).status).toBe(400)
  expect((await post({ [TEAM]: {} })).status).toBe(400)
  const answer = await post({ [TEAM]: { costCode: 'A1' } })
  expect(answer.status).toBe(201)
  const path = `/Groups/${answer.json.id}`
  expect((await client.patch(path, { op: 'remove', path: `${TEAM}:costCode` })).status).toBe(400)
  expect((await client.get(path)).json[TEAM]).toEqual({ costCode: 'A1' })
  expect((await client.filter('/Groups', `${TEAM}:costCode eq "a1"`)).json.totalResults).toBe(1)
})

test.each([
  [`${STAFF}:site eq "OSLO"`, ['ann']],
  [`${STAFF}:badge eq "Ab-7"`, ['ann']],
  [`${STAFF}:badge eq "ab-7"`, []],
  [`${STAFF}:badge ne "ab-7"`, ['ann', 'bob', 'cyd']],
  [`${STAFF}:badge sw "Ab"`, ['ann']],
  [`${STAFF}:badge pr`, ['ann', 'bob']],
  [`${STAFF}:grade gt 6`, ['ann']],
  [`${STAFF}:contractor eq true`, ['bob']],
  [`${STAFF}:hired eq "2024-03-01T08:00:00Z"`, ['ann']],
  [`${STAFF}:hired lt "2024-03-01T08:30:00Z"`, ['ann', 'bob']],
  [`${STAFF}:tags eq "red"`, ['ann']],
  [`${STAFF}:keys[value eq "front" and code eq "Xy"]`, ['ann']],
  [`${STAFF}:keys[value eq "front" and code eq "xy"]`, []],
  [`${STAFF}:keys[since gt "2023-06-01T00:00:00Z"]`, ['ann']],
  [`${STAFF}:keys.code eq "Zz"`, ['ann']],
  [`${STAFF}:desk.floor eq 3`, ['ann']],
  [`schemas eq "${STAFF}"`, ['ann', 'bob']],
  [`not (${STAFF}:site pr)`, ['bob', 'cyd']],
])('filter on a declared extension, %s, finds %j', async (filter, expected) => {
  const client = await people()
  expect(names(await client.filter('/Users', filter))).toEqual(expected)
})

let filled: Client | undefined
async function people(): Promise<Client> {
  if (filled !== undefined) return filled
  const client = await fresh()
  await client.user('ann', { [STAFF]: staff })
  await client.user('bob', {
    [STAFF]: { badge: 'B', contractor: true, hired: '2020-01-01T00:00:00Z', tags: ['Azure'] },
  })
  await client.user('cyd')
  filled = client
  return client
}

test.each([
  ['badge', ['ann', 'bob', 'cyd']],
  ['hired', ['bob', 'ann', 'cyd']],
  ['tags', ['bob', 'ann', 'cyd']],
  ['keys', ['ann', 'bob', 'cyd']],
])('sort by %s of a declared extension, ascending, puts the absent last', async (name, order) => {
  const client = await people()
  const answer = await client.get(`/Users?sortBy=${STAFF}:${name}`)
  expect(answer.json.Resources.map((one: { userName: string }) => one.userName)).toEqual(order)
})

test('projection of a declared extension, by `returned`, gives what each says', async () => {
  const client = await fresh()
  const id = await client.user('ann', { [STAFF]: { site: 'Oslo', note: 'quiet', tenant: 't1' } })
  const get = async (query: string) => (await client.get(`/Users/${id}?${query}`)).json[STAFF]
  expect(await get('')).toEqual({ site: 'Oslo', tenant: 't1' })
  expect(await get('attributes=userName')).toEqual({ tenant: 't1' })
  expect(await get(`attributes=${STAFF}:note`)).toEqual({ note: 'quiet', tenant: 't1' })
  expect(await get(`excludedAttributes=${STAFF}:tenant`)).toEqual({ site: 'Oslo', tenant: 't1' })
  expect(await get(`excludedAttributes=${STAFF}`)).toEqual({ tenant: 't1' })
})

test('PATCH of a declared extension, by path and by value path, changes what it names', async () => {
  const client = await fresh()
  const id = await client.user('ann', { [STAFF]: staff })
  const answer = await client.patch(
    `/Users/${id}`,
    { op: 'replace', path: `${STAFF}:site`, value: 'Bergen' },
    { op: 'replace', path: `${STAFF}:keys[value eq "front"].code`, value: 'Qq' },
    { op: 'remove', path: `${STAFF}:keys[value eq "back"]` },
    { op: 'add', path: `${STAFF}:tags`, value: ['Green'] },
    { op: 'remove', path: `${STAFF}:contractor` },
    { op: 'add', value: { [STAFF]: { grade: 8 } } },
  )
  expect(answer.status).toBe(200)
  const { contractor: _, ...rest } = staff
  expect(answer.json[STAFF]).toEqual({
    ...rest,
    site: 'Bergen',
    grade: 8,
    tags: ['Red', 'Blue', 'Green'],
    keys: [{ value: 'front', code: 'Qq', since: '2024-01-01T00:00:00Z' }],
  })
})

test('an immutable attribute, once set, refuses another value and survives a PUT without it', async () => {
  const client = await fresh()
  const id = await client.user('ann', { [STAFF]: { site: 'Oslo' } })
  const path = `${STAFF}:payrollId`
  const first = await client.patch(`/Users/${id}`, { op: 'add', path, value: 'P1' })
  expect(first.json[STAFF]).toEqual({ site: 'Oslo', payrollId: 'P1' })
  for (const operation of [
    { op: 'replace', path, value: 'P2' },
    { op: 'remove', path },
    { op: 'remove', path: STAFF },
  ]) {
    const refused = await client.patch(`/Users/${id}`, operation)
    expect([refused.status, refused.json.scimType]).toEqual([400, 'mutability'])
  }
  const put = (more: object) => client.send('PUT', `/Users/${id}`, { userName: 'ann', ...more })
  expect((await put({ [STAFF]: { payrollId: 'P2' } })).json.scimType).toBe('mutability')
  expect((await put({})).json[STAFF]).toEqual({ payrollId: 'P1' })
  const readOnly = { op: 'replace', path: `${STAFF}:clearedBy`, value: 'x' }
  expect((await client.patch(`/Users/${id}`, readOnly)).json.scimType).toBe('mutability')
})

test('discovery, with declared extensions, shows them with all characteristics', async () => {
  const client = await fresh()
  const schemas = (await client.get('/Schemas')).json
  expect(schemas.totalResults).toBe(5)
  const team = (await client.get(`/Schemas/${TEAM}`)).json
  expect(team).toMatchObject({
    id: TEAM,
    name: 'Team',
    attributes: [
      {
        name: 'costCode',
        type: 'string',
        multiValued: false,
        description: '',
        required: true,
        canonicalValues: ['A1', 'B2'],
        caseExact: false,
        mutability: 'readWrite',
        returned: 'default',
        uniqueness: 'none',
      },
    ],
    meta: { resourceType: 'Schema', location: `${client.base}/Schemas/${TEAM}` },
  })
  const types = (await client.get('/ResourceTypes')).json.Resources
  expect(types[0].schemaExtensions).toContainEqual({ schema: STAFF, required: false })
  expect(types[1].schemaExtensions).toEqual([{ schema: TEAM, required: true }])
})

test('an extension that nobody declared, in the tolerant dialect, is left out', async () => {
  const client = await fresh()
  const id = await client.user('ann', { 'urn:example:other:User': { x: 1 } })
  expect((await client.get(`/Users/${id}`)).json['urn:example:other:User']).toBeUndefined()
})

test.each(['roles', 'entitlements'])(
  '%s, a core attribute, is stored, found and patched by value path',
  async (name) => {
    const client = await fresh('generic-strict')
    const elements = [
      { value: 'admin', display: 'Admin', type: 'app', primary: true },
      { value: 'reader', type: 'app' },
    ]
    const id = await client.user('ann', { [name]: elements })
    await client.user('bob', { [name]: [{ value: 'reader' }] })
    expect((await client.get(`/Users/${id}`)).json[name]).toEqual(elements)
    expect(
      names(await client.filter('/Users', `${name}[value eq "READER" and type eq "app"]`)),
    ).toEqual(['ann'])
    expect(names(await client.filter('/Users', `${name}.value eq "reader"`))).toEqual([
      'ann',
      'bob',
    ])
    expect(names(await client.filter('/Users', `${name} eq "admin"`))).toEqual(['ann'])
    expect(
      (await client.get(`/Users?sortBy=${name}.value&sortOrder=descending`)).json.Resources.map(
        (one: { userName: string }) => one.userName,
      ),
    ).toEqual(['bob', 'ann'])
    const answer = await client.patch(
      `/Users/${id}`,
      { op: 'replace', path: `${name}[value eq "reader"].display`, value: 'Reader' },
      { op: 'remove', path: `${name}[value eq "admin"]` },
      { op: 'add', path: name, value: [{ value: 'writer', primary: true }] },
    )
    expect(answer.json[name]).toEqual([
      { value: 'reader', type: 'app', display: 'Reader' },
      { value: 'writer', primary: true },
    ])
    expect(names(await client.filter('/Users', `${name}[value eq "admin"]`))).toEqual([])
  },
)
