import { afterAll, afterEach, expect, test } from 'vitest'
import { connect } from '../../src/storage/connection.ts'
import { freshDatabase } from '../support/database.ts'
import { takeFailPoint } from '../support/fail-point.ts'
import { scimServer } from './scim-server.ts'

const database = await freshDatabase()
/** The fail point meets this client alone: other tests share the mongod. */
const APP = `away-${database.dbName}`
const connection = await connect(`${database.uri}&appName=${APP}`, database.dbName)
const server = await scimServer(connection, { budgetMs: 1_500 })
const failPoint = await takeFailPoint(database.connection)
const failing = (mode: object | 'alwaysOn' | 'off', namespace?: string) =>
  failPoint.set(mode, {
    failCommands: [
      'find',
      'aggregate',
      'insert',
      'update',
      'delete',
      'getMore',
      'commitTransaction',
    ],
    closeConnection: true,
    appName: APP,
    ...(namespace === undefined ? {} : { namespace: `${database.dbName}.${namespace}` }),
  })
afterEach(() => failing('off'))
afterAll(async () => {
  await failPoint.giveBack()
  await server.close()
  await connection.close()
  await database.dispose()
})

const client = await server.source('away')
const userId = await client.user('ann')
const groupId = await client.group('g', [userId])
const patch = (path: string, value: unknown) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [{ op: 'replace', path, value }],
})
const path = (template: string) => template.replace('{user}', userId).replace('{group}', groupId)
const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] }

const calls: [string, string, unknown?][] = [
  ['GET', '/Users/{user}'],
  ['HEAD', '/Users/{user}'],
  ['GET', '/Users'],
  ['GET', '/Users?filter=userName%20eq%20%22ann%22'],
  ['POST', '/Users', { userName: 'bob' }],
  ['PUT', '/Users/{user}', { userName: 'ann', title: 'x' }],
  ['PATCH', '/Users/{user}', patch('active', false)],
  ['DELETE', '/Users/{user}'],
  ['GET', '/Groups/{group}'],
  ['GET', '/Groups'],
  ['POST', '/Groups', { displayName: 'h' }],
  ['PUT', '/Groups/{group}', { displayName: 'i' }],
  ['PATCH', '/Groups/{group}', patch('displayName', 'j')],
  ['DELETE', '/Groups/{group}'],
  [
    'POST',
    '/Bulk',
    {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [{ method: 'POST', path: '/Users', bulkId: 'u', data: { userName: 'bulk' } }],
    },
  ],
  ['POST', '/.search', search],
  ['POST', '/Users/.search', search],
]

test.each(calls)(
  '%s %s, while the directory cannot be read, answers 503 and Retry-After',
  async (method, template, body) => {
    await client.get('/ServiceProviderConfig')
    await failing('alwaysOn', template.startsWith('/Groups') ? 'groups' : 'users')
    const answer = await client.send(method, path(template), body)
    expect(answer.status, answer.text).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  },
)

test('every verb, while nothing can be read, answers 503, not 401 and not 404', async () => {
  await failing('alwaysOn')
  const statuses = await Promise.all(
    calls.map(
      async ([method, template, body]) => (await client.send(method, path(template), body)).status,
    ),
  )
  expect(new Set(statuses)).toEqual(new Set([503]))
})

test('the directory, after storage came back, is as it was or as it was asked to be', async () => {
  await failing('off')
  await expect.poll(async () => (await client.get('/Users')).status, { timeout: 10_000 }).toBe(200)
  expect((await client.get('/Users?filter=userName%20eq%20%22ann%22')).status).toBe(200)
})

test('a change, that takes longer than its budget, is answered 503 and done all the same', async () => {
  await failPoint.set(
    { times: 1 },
    { failCommands: ['insert'], blockConnection: true, blockTimeMS: 2_500, appName: APP },
  )
  const answer = await client.send('POST', '/Users', { userName: 'late' })
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('5')
  await expect
    .poll(async () => (await client.filter('/Users', 'userName eq "late"')).json.totalResults, {
      timeout: 10_000,
    })
    .toBe(1)
  expect((await client.send('POST', '/Users', { userName: 'late' })).status).toBe(409)
})

test('a filter, that reads for too long, is refused as tooMany', async () => {
  await failPoint.set(
    { times: 1 },
    {
      failCommands: ['find'],
      errorCode: 50,
      appName: APP,
      namespace: `${database.dbName}.users`,
    },
  )
  const answer = await client.filter('/Users', 'title co "x"')
  expect([answer.status, answer.json.scimType]).toEqual([400, 'tooMany'])
})
