import request, { type Test } from 'supertest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ScimClient } from '../support/client.ts'
import { ADMIN_TOKEN, startHub, type TestHub } from '../support/hub.ts'

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error'
const TWO_MEGABYTES = JSON.stringify({ userName: 'x'.repeat(2 * 1024 * 1024) })

let hub: TestHub
let source: ScimClient

beforeAll(async () => {
  hub = await startHub()
  source = await hub.client.createSource('bad-input', 'okta')
})
afterAll(() => hub.stop())

const scim = (
  method: 'get' | 'post' | 'patch' | 'put' | 'delete',
  path: string,
  token = source.token,
): Test =>
  request(hub.hub.app)
    [method](`/scim/bad-input/v2${path}`)
    .set('Authorization', `Bearer ${token}`)
    .set('Content-Type', 'application/scim+json')
const api = (method: 'get' | 'post', path: string, token = ADMIN_TOKEN): Test =>
  request(hub.hub.app)
    [method](`/api/v1${path}`)
    .set('Authorization', `Bearer ${token}`)
    .set('Content-Type', 'application/json')

/** Everything that a refused request could have left behind. */
const rows = async (): Promise<number[]> => {
  const answers = await Promise.all([
    source.send('GET', '/Users?count=0'),
    source.send('GET', '/Groups?count=0'),
  ])
  const { items } = await hub.client.api<{ items: unknown[] }>('GET', '/sources')
  return [...answers.map((a) => Number(a.body['totalResults'])), items.length]
}

describe('SCIM', () => {
  test.each([
    ['malformed JSON', () => scim('post', '/Users').send('{"userName": '), 400, 'invalidSyntax'],
    ['an array as body', () => scim('post', '/Users').send('[]'), 400, 'invalidSyntax'],
    [
      'plain text',
      () => scim('post', '/Users').set('Content-Type', 'text/plain').send('hi'),
      415,
      undefined,
    ],
    ['2 MB', () => scim('post', '/Users').send(TWO_MEGABYTES), 413, undefined],
    [
      '__proto__ as a key',
      () => scim('post', '/Users').send('{"userName":"a","__proto__":{"x":1}}'),
      400,
      'invalidSyntax',
    ],
    [
      '__proto__ deep inside',
      () => scim('post', '/Users').send('{"userName":"a","name":{"__proto__":1}}'),
      400,
      'invalidSyntax',
    ],
    [
      '__proto__ in a filter',
      () => scim('get', `/Users?filter=${encodeURIComponent('__proto__.x eq 1')}`),
      400,
      'invalidFilter',
    ],
    [
      'a filter of 10,000 characters',
      () =>
        scim('get', `/Users?filter=${encodeURIComponent(`userName eq "${'a'.repeat(10_000)}"`)}`),
      400,
      'invalidFilter',
    ],
    ['half a filter', () => scim('get', '/Users?filter=userName%20eq'), 400, 'invalidFilter'],
    ['no user name', () => scim('post', '/Users').send({ displayName: 'x' }), 400, 'invalidValue'],
    [
      'active that cannot be read',
      () => scim('post', '/Users').send({ userName: 'a', active: 'perhaps' }),
      400,
      'invalidValue',
    ],
    [
      'an unknown operation',
      () =>
        scim('patch', '/Users/x').send({
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [{ op: 'move', path: 'active', value: false }],
        }),
      400,
      'invalidSyntax',
    ],
    ['an unknown resource type', () => scim('get', '/Devices'), 404, undefined],
    [
      'an unknown user',
      () => scim('get', '/Users/01a20000-0000-7000-8000-000000000000'),
      404,
      undefined,
    ],
    ['a wrong token', () => scim('get', '/Users', 'qtc_scim_wrong'), 401, undefined],
  ] as const)(
    '%s, gets an error in SCIM form and leaves nothing behind',
    async (_name, send, status, scimType) => {
      const before = await rows()
      const answer = await send()
      expect([answer.status, answer.body.scimType]).toEqual([status, scimType])
      expect(answer.headers['content-type']).toMatch(/^application\/scim\+json/)
      expect(answer.body).toMatchObject({ schemas: [ERROR], status: String(status) })
      expect(String(answer.body.detail).length).toBeGreaterThan(5)
      expect(await rows()).toEqual(before)
    },
  )

  test('an unknown source and a wrong token, asked alike, answer in the same words', async () => {
    const unknown = await request(hub.hub.app)
      .get('/scim/no-such-source/v2/Users')
      .set('Authorization', `Bearer ${source.token}`)
    const wrong = await scim('get', '/Users', 'qtc_scim_wrong')
    expect([unknown.status, unknown.body.detail]).toEqual([401, wrong.body.detail])
    expect(wrong.headers['www-authenticate']).toMatch(/^Bearer/)
  })

  test('2 MB without a token, before any body is read, is 401', async () => {
    const answer = await scim('post', '/Users', 'nobody').send(TWO_MEGABYTES)
    expect(answer.status).toBe(401)
  })
})

describe('API', () => {
  test.each([
    ['malformed JSON', () => api('post', '/sources').send('{"id": '), 400, 'ERR_SYNTAX'],
    [
      '__proto__',
      () => api('post', '/sources').send('{"id":"a","__proto__":{}}'),
      400,
      'ERR_SYNTAX',
    ],
    [
      'plain text',
      () => api('post', '/sources').set('Content-Type', 'text/plain').send('hi'),
      415,
      'ERR_MEDIA_TYPE',
    ],
    ['2 MB', () => api('post', '/sources').send(TWO_MEGABYTES), 413, 'ERR_PAYLOAD_TOO_LARGE'],
    [
      'an underscore in a source id',
      () => api('post', '/sources').send({ id: 'a_b', name: 'x', dialect: 'okta' }),
      400,
      'ERR_INVALID_VALUE',
    ],
    [
      'an unknown dialect',
      () => api('post', '/sources').send({ id: 'ab', name: 'x', dialect: 'klingon' }),
      400,
      'ERR_INVALID_VALUE',
    ],
    [
      'a source that exists',
      () => api('post', '/sources').send({ id: 'bad-input', name: 'x', dialect: 'okta' }),
      409,
      'ERR_UNIQUENESS',
    ],
    ['an unknown route', () => api('get', '/nothing'), 404, 'ERR_NOT_FOUND'],
    ['a wrong token', () => api('get', '/sources', 'x'.repeat(40)), 401, 'ERR_UNAUTHENTICATED'],
  ] as const)(
    '%s, gets a problem with a code and leaves nothing behind',
    async (_name, send, status, code) => {
      const before = await rows()
      const answer = await send()
      expect([answer.status, answer.body.code]).toEqual([status, code])
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(answer.body).toMatchObject({ status, requestId: answer.headers['x-request-id'] })
      expect(await rows()).toEqual(before)
    },
  )
})

test('a token past its expiry, from the next second on, is refused', async () => {
  const { token } = await hub.client.api<{ token: string }>('POST', '/sources/bad-input/tokens', {
    expiresInDays: 1,
  })
  expect((await scim('get', '/Users', token)).status).toBe(200)
  await hub.database.connection.collection('sources').updateOne(
    { _id: 'bad-input' as never },
    { $set: { 'tokens.$[last].expiresAt': Date.now() - 1 } },
    {
      arrayFilters: [{ 'last.expiresAt': { $exists: true } }],
    },
  )
  await expect
    .poll(async () => (await scim('get', '/Users', token)).status, { timeout: 5_000 })
    .toBe(401)
})

test('health, asked by anybody, answers in a word', async () => {
  await request(hub.hub.app).get('/healthz').expect(200, { status: 'up' })
  const ready = await request(hub.hub.app).get('/readyz').expect(200)
  expect(ready.body.status).toBe('ready')
})
