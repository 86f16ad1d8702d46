// The twelve requests of Okta's SCIM 2.0 SPEC test, with its assertions, in its order.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type Answer, type Client, scimServer } from './scim-server.ts'

const database = await freshDatabase()
const server = await scimServer(database.connection, { budgetMs: 60_000 })
let client: Client
let firstId = ''
let newId = ''
const userName = 'runscope.4711@atko.com'
const newUser = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName,
  name: { givenName: 'Run', familyName: 'Scope' },
  emails: [{ primary: true, value: userName, type: 'work' }],
  displayName: 'Run Scope',
  active: true,
}

beforeAll(async () => {
  client = await server.source('okta', 'okta')
  // The test wants a user with a complete profile to be there.
  await client.user('first@atko.com', {
    name: { givenName: 'First', familyName: 'User' },
    emails: [{ value: 'first@atko.com', type: 'work', primary: true }],
    active: true,
  })
})
afterAll(async () => {
  await server.close()
  await database.dispose()
})

const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
function expectEmptyList({ status, json }: Answer): void {
  expect(status).toBe(200)
  expect(json.schemas).toContain(LIST)
  expect(json.totalResults).toBe(0)
}
function expectError({ status, json }: Answer, expected: number): void {
  expect(status).toBe(expected)
  expect(json.detail).toBeTruthy()
  expect(json.schemas).toContain('urn:ietf:params:scim:api:messages:2.0:Error')
  expect(json.status).toBe(String(expected))
}
function expectProfile(user: Answer['json']): void {
  for (const value of [
    user.id,
    user.name.familyName,
    user.name.givenName,
    user.userName,
    user.active,
    user.emails[0].value,
  ]) {
    expect(value).toBeTruthy()
  }
}

test('Okta SPEC 1, the first user, is listed whole', async () => {
  const { status, json } = await client.get('/Users?count=1&startIndex=1')
  expect(status).toBe(200)
  expect(json.schemas).toContain(LIST)
  for (const name of ['itemsPerPage', 'startIndex', 'totalResults']) {
    expect(json[name]).toBeTypeOf('number')
  }
  expect(json.Resources).not.toHaveLength(0)
  expectProfile(json.Resources[0])
  firstId = json.Resources[0].id
})

test('Okta SPEC 2, a user by id, is the one asked for', async () => {
  const { status, json } = await client.get(`/Users/${firstId}`)
  expect(status).toBe(200)
  expectProfile(json)
  expect(json.id).toBe(firstId)
})

test('Okta SPEC 3, a userName that nobody has, is an empty list', async () => {
  expectEmptyList(await client.filter('/Users', 'userName eq "abcdefgh@atko.com"'))
})

test('Okta SPEC 4, an id that nobody has, is 404', async () => {
  expectError(await client.get('/Users/010101001010101011001010101011'), 404)
})

test('Okta SPEC 5, a random address, is free', async () => {
  expectEmptyList(await client.filter('/Users', `userName eq "${userName}"`))
})

test('Okta SPEC 6, a new user, is created as sent', async () => {
  const { status, json } = await client.send('POST', '/Users', newUser)
  expect(status).toBe(201)
  expect(json.active).toBe(true)
  expect(json.id).toBeTruthy()
  expect(json.name).toMatchObject(newUser.name)
  expect(json.schemas).toContain('urn:ietf:params:scim:schemas:core:2.0:User')
  expect(json.userName).toBe(userName)
  newId = json.id
})

test('Okta SPEC 7, the new user, is there', async () => {
  const { status, json } = await client.get(`/Users/${newId}`)
  expect(status).toBe(200)
  expect(json).toMatchObject({ userName, name: newUser.name })
})

test('Okta SPEC 8, the same user again, is 409', async () => {
  expectError(await client.send('POST', '/Users', newUser), 409)
})

test('Okta SPEC 9, the userName in capitals, is found', async () => {
  const { status, json } = await client.filter('/Users', `userName eq "${userName.toUpperCase()}"`)
  expect(status).toBe(200)
  expect(json.Resources[0].userName).toBe(userName)
})

test('Okta SPEC 10, groups, are a list and quick', async () => {
  await client.group('Readers', [newId])
  const from = performance.now()
  const { status, json } = await client.get('/Groups')
  expect(performance.now() - from).toBeLessThan(600)
  expect(status).toBe(200)
  expect(json.totalResults).toBeGreaterThanOrEqual(1)
  expect(json.Resources).toBeInstanceOf(Array)
})

test('Okta SPEC 11, a token that is none, is 401', async () => {
  expectError(await client.send('GET', '/Users', undefined, { authorization: 'non-token' }), 401)
})

test('Okta SPEC 12, another id that nobody has, is 404', async () => {
  expectError(await client.get('/Users/00919288221112222'), 404)
})

test('Okta, the older test, deactivates by PATCH and reads it in the answer', async () => {
  const from = performance.now()
  const { status, json } = await client.patch(`/Users/${newId}`, {
    op: 'replace',
    value: { active: false },
  })
  expect(performance.now() - from).toBeLessThan(600)
  expect([status, json.active]).toEqual([200, false])
})
