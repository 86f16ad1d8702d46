// What the Microsoft SCIM Validator (scimvalidator.microsoft.com) checks: 24 mandatory tests, 7 in preview.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type Client, scimServer } from './scim-server.ts'

const database = await freshDatabase()
const server = await scimServer(database.connection, { budgetMs: 60_000 })
let client: Client
beforeAll(async () => {
  client = await server.source('entra', 'entra')
})
afterAll(async () => {
  await server.close()
  await database.dispose()
})

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const GUID = '0cc175b9-c0f1-46a8-9a1d-5e2f1a3b4c5d'
let made = 0
const profile = () => {
  const userName = `validator.${++made}@example.com`
  return {
    userName,
    active: true,
    displayName: `Person ${made}`,
    title: 'Analyst',
    emails: [{ type: 'work', value: userName, primary: true }],
    name: { givenName: 'Per', familyName: 'Son', formatted: 'Per Son' },
    externalId: `ext-${made}`,
  }
}
const found = async (endpoint: string, filter: string, more = ''): Promise<string[]> => {
  const answer = await client.get(`${endpoint}?filter=${encodeURIComponent(filter)}${more}`)
  expect(answer.status).toBe(200)
  return answer.json.Resources.map((one: { id: string }) => one.id)
}

test('user, created, and created once more, is 201 and then 409', async () => {
  const body = profile()
  const first = await client.send('POST', '/Users', body)
  expect([first.status, first.json.userName]).toEqual([201, body.userName])
  const second = await client.send('POST', '/Users', body)
  expect([second.status, second.json.scimType]).toEqual([409, 'uniqueness'])
})

test('user, filtered, is found in any letter case, and nobody for a stranger', async () => {
  const body = profile()
  const id = await client.user(body.userName, body)
  expect(await found('/Users', `userName eq "${body.userName}"`)).toEqual([id])
  expect(await found('/Users', `userName eq "${body.userName.toUpperCase()}"`)).toEqual([id])
  expect(await found('/Users', `externalId eq "${body.externalId}"`)).toEqual([id])
  expect(await found('/Users', `userName eq "${GUID}"`)).toEqual([])
})

test('user, patched with replaced attributes of the verbose form, has them all', async () => {
  const id = await client.user(profile().userName, profile())
  const { status, json } = await client.patch(
    `/Users/${id}`,
    { op: 'Replace', path: 'emails[type eq "work"].value', value: 'new@example.com' },
    { op: 'Replace', path: 'emails[type eq "work"].primary', value: 'True' },
    { op: 'Replace', path: 'name.givenName', value: 'Neu' },
    { op: 'Replace', path: `${ENTERPRISE}:department`, value: 'Sales' },
    { op: 'Replace', path: 'addresses[type eq "work"].country', value: 'NO' },
    { op: 'Replace', value: { displayName: 'Neu Son', 'name.familyName': 'Sohn' } },
  )
  expect(status).toBe(200)
  expect(json).toMatchObject({
    displayName: 'Neu Son',
    name: { givenName: 'Neu', familyName: 'Sohn' },
    emails: [{ type: 'work', value: 'new@example.com', primary: true }],
    addresses: [{ type: 'work', country: 'NO' }],
    [ENTERPRISE]: { department: 'Sales' },
  })
})

test('user, patched with another userName, has it', async () => {
  const id = await client.user(profile().userName)
  const userName = profile().userName
  await client.patch(`/Users/${id}`, { op: 'Replace', path: 'userName', value: userName })
  expect(await found('/Users', `userName eq "${userName}"`)).toEqual([id])
})

test.each([false, 'False'])(
  'user, disabled with %j, is inactive and still there',
  async (value) => {
    const id = await client.user(profile().userName)
    await client.patch(`/Users/${id}`, { op: 'Replace', path: 'active', value })
    const { status, json } = await client.get(`/Users/${id}`)
    expect([status, json.active]).toEqual([200, false])
  },
)

test('user, minimal, given 36 attributes of the verbose form, has them all', async () => {
  const id = await client.user(profile().userName)
  const simple = [
    'displayName',
    'title',
    'nickName',
    'userType',
    'locale',
    'timezone',
    'preferredLanguage',
    'profileUrl',
  ]
  const names = [
    'givenName',
    'familyName',
    'formatted',
    'middleName',
    'honorificPrefix',
    'honorificSuffix',
  ]
  const address = ['formatted', 'streetAddress', 'locality', 'region', 'postalCode', 'country']
  const enterprise = ['employeeNumber', 'costCenter', 'organization', 'division', 'department']
  const { status, json } = await client.patch(
    `/Users/${id}`,
    ...simple.map((path) => ({ op: 'Add', path, value: `${path} 1` })),
    ...names.map((name) => ({ op: 'Add', path: `name.${name}`, value: `${name} 1` })),
    ...address.map((name) => ({
      op: 'Add',
      path: `addresses[type eq "work"].${name}`,
      value: `${name} 1`,
    })),
    ...enterprise.map((name) => ({ op: 'Add', path: `${ENTERPRISE}:${name}`, value: `${name} 1` })),
    { op: 'Add', path: 'emails[type eq "work"].value', value: 'e@example.com' },
    { op: 'Add', path: 'emails[type eq "work"].primary', value: 'True' },
    ...['work', 'mobile', 'fax'].flatMap((type) => [
      { op: 'Add', path: `phoneNumbers[type eq "${type}"].value`, value: `${type} 1` },
    ]),
    { op: 'Add', path: 'phoneNumbers[type eq "work"].primary', value: 'True' },
    ...['display', 'value', 'type'].map((name) => ({
      op: 'Add',
      path: `roles[primary eq "True"].${name}`,
      value: `${name} 1`,
    })),
    { op: 'Add', path: 'active', value: 'True' },
    { op: 'Add', path: 'externalId', value: 'x-1' },
  )
  expect(status).toBe(200)
  for (const path of simple) expect(json[path]).toBe(`${path} 1`)
  expect(Object.keys(json.name).sort()).toEqual([...names].sort())
  expect(json.addresses).toHaveLength(1)
  expect(Object.keys(json.addresses[0]).sort()).toEqual([...address, 'type'].sort())
  expect(Object.keys(json[ENTERPRISE]).sort()).toEqual([...enterprise].sort())
  expect(json.emails).toEqual([{ type: 'work', value: 'e@example.com', primary: true }])
  expect(json.phoneNumbers).toHaveLength(3)
  expect(json.roles).toEqual([
    { primary: true, display: 'display 1', value: 'value 1', type: 'type 1' },
  ])
})

test('manager, added, replaced and removed, is what was said last', async () => {
  const [id, boss, other] = [
    await client.user(profile().userName),
    await client.user(profile().userName),
    await client.user(profile().userName),
  ]
  const path = `${ENTERPRISE}:manager`
  const manager = async () => (await client.get(`/Users/${id}`)).json[ENTERPRISE]?.manager?.value
  await client.patch(`/Users/${id}`, { op: 'Add', path, value: boss })
  expect(await manager()).toBe(boss)
  await client.patch(`/Users/${id}`, { op: 'Replace', path, value: { value: other } })
  expect(await manager()).toBe(other)
  await client.patch(`/Users/${id}`, { op: 'Remove', path })
  expect(await manager()).toBeUndefined()
})

test.each(['Users', 'Groups'])(
  '%s, deleted, and deleted again, is 204 and then 404',
  async (endpoint) => {
    const id =
      endpoint === 'Users'
        ? await client.user(profile().userName)
        : await client.group(`g ${++made}`)
    const path = `/${endpoint}/${id}`
    expect((await client.send('DELETE', path)).status).toBe(204)
    expect((await client.get(path)).status).toBe(404)
    expect((await client.send('DELETE', path)).status).toBe(404)
    expect((await client.send('DELETE', `/${endpoint}/${GUID}`)).status).toBe(404)
  },
)

test('group, created, and created once more, is 201 and then 409', async () => {
  const body = {
    schemas: [
      'urn:ietf:params:scim:schemas:core:2.0:Group',
      'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
    ],
    displayName: `g ${++made}`,
    externalId: `e ${made}`,
  }
  expect((await client.send('POST', '/Groups', body)).status).toBe(201)
  const again = await client.send('POST', '/Groups', body)
  expect([again.status, again.json.scimType]).toEqual([409, 'uniqueness'])
})

test('group, read and filtered without its members, has none in the answer', async () => {
  const user = await client.user(profile().userName)
  const name = `Group ${++made}`
  const id = await client.group(name, [user])
  const read = (await client.get(`/Groups/${id}?excludedAttributes=members`)).json
  expect([read.displayName, 'members' in read]).toEqual([name, false])
  const listed = await client.get(
    `/Groups?excludedAttributes=members&filter=${encodeURIComponent(`displayName eq "${name}"`)}`,
  )
  expect('members' in listed.json.Resources[0]).toBe(false)
  expect((await client.get(`/Groups/${id}`)).json.members).toHaveLength(1)
  expect(await found('/Groups', `displayName eq "${name.toUpperCase()}"`)).toEqual([id])
  expect(await found('/Groups', `displayName eq "${GUID}"`)).toEqual([])
})

test('group, patched, has its name, its external id and its members', async () => {
  const [ann, bob] = [await client.user(profile().userName), await client.user(profile().userName)]
  const id = await client.group(`g ${++made}`)
  const path = `/Groups/${id}`
  const members = async () =>
    (await client.get(path)).json.members.map((one: { value: string }) => one.value).sort()
  const name = `renamed ${made}`
  await client.patch(path, { op: 'Replace', path: 'displayName', value: name })
  await client.patch(path, { op: 'Replace', path: 'externalId', value: 'ext' })
  expect((await client.get(path)).json).toMatchObject({ displayName: name, externalId: 'ext' })
  await client.patch(path, { op: 'Add', path: 'members', value: [{ value: ann }, { value: bob }] })
  expect(await members()).toEqual([ann, bob].sort())
  await client.patch(path, { op: 'Remove', path: 'members', value: [{ value: ann }] })
  expect(await members()).toEqual([bob])
})

test('several operations, on different and on one attribute, take effect in their order', async () => {
  const id = await client.user(profile().userName, { displayName: 'a', title: 't' })
  const { json } = await client.patch(
    `/Users/${id}`,
    { op: 'Remove', path: 'title' },
    { op: 'Replace', path: 'displayName', value: 'b' },
    { op: 'Remove', path: 'displayName' },
    { op: 'Add', path: 'displayName', value: 'c' },
    { op: 'Replace', path: 'displayName', value: 'd' },
  )
  expect([json.displayName, json.title]).toEqual(['d', undefined])
  const group = await client.group(`g ${++made}`)
  await client.patch(
    `/Groups/${group}`,
    { op: 'Add', path: 'members', value: [{ value: id }] },
    { op: 'Remove', path: `members[value eq "${id}"]` },
  )
  expect((await client.get(`/Groups/${group}`)).json.members).toEqual([])
})
