import { afterAll, expect, test } from 'vitest'
import { apiRoutes } from '../../src/api/create-api-router.ts'
import { takeFailPoint } from '../support/fail-point.ts'
import { METRICS, startApi } from './api-harness.ts'

const api = await startApi()
afterAll(() => api.close())
const routes = apiRoutes(api.resources)
const at = (path: string): string => `/api/v1${path.replaceAll(/\{\w+\}/g, '1')}`

const guarded = routes.filter((route) => !route.public)

test.each(guarded.map((r) => [r.method, r.path, r] as const))(
  'API access, %s %s, needs a token and one of the roles it names',
  async (method, path, route) => {
    expect(route.allow.length).toBeGreaterThan(0)
    const bare = await api.send(method, at(path), { token: null })
    expect(bare.status).toBe(401)
    expect(bare.headers.get('www-authenticate')).toContain('Bearer')
    const wrong = await api.send(method, at(path), { token: 'qtc_api_wrong' })
    expect(wrong.status).toBe(401)
    expect(wrong.json.detail).toBe(bare.json.detail)
    const metrics = await api.send(method, at(path), { token: METRICS })
    expect(metrics.status).toBe(403)
  },
)

test('API request, a 2 MB body without a token, is refused before it is read', async () => {
  const answer = await api.send('POST', '/api/v1/sources', {
    token: null,
    body: 'x'.repeat(2_000_000),
  })
  expect(answer.status).toBe(401)
})

test.each([
  [
    'a 2 MB body',
    JSON.stringify({ name: 'x'.repeat(2_000_000) }),
    {},
    413,
    'ERR_PAYLOAD_TOO_LARGE',
  ],
  ['broken JSON', '{"id": ', {}, 400, 'ERR_SYNTAX'],
  ['a bare value', '"text"', {}, 400, 'ERR_SYNTAX'],
  ['an array', '[]', {}, 400, 'ERR_INVALID_VALUE'],
  [
    'a form',
    'id=1',
    { 'content-type': 'application/x-www-form-urlencoded' },
    415,
    'ERR_MEDIA_TYPE',
  ],
  ['no media type', '{}', { 'content-type': '' }, 415, 'ERR_MEDIA_TYPE'],
  ['a prototype key', '{"__proto__": {"a": 1}}', {}, 400, 'ERR_SYNTAX'],
  ['a deep prototype key', '{"id": {"constructor": {"prototype": 1}}}', {}, 400, 'ERR_SYNTAX'],
  ['100,000 brackets', '['.repeat(100_000) + ']'.repeat(100_000), {}, 400, 'ERR_SYNTAX'],
  ['unknown keys', '{"id":"a","name":"b","dialect":"okta","x":1}', {}, 400, 'ERR_INVALID_VALUE'],
  [
    'an unknown charset',
    '{}',
    { 'content-type': 'application/json; charset=utf-7' },
    415,
    'ERR_MEDIA_TYPE',
  ],
  ['bytes that are not gzip', '{}', { 'content-encoding': 'gzip' }, 400, 'ERR_SYNTAX'],
])('API request, %s, is a problem with its code', async (_, body, headers, status, code) => {
  const answer = await api.send('POST', '/api/v1/sources', { body, headers })
  expect(answer.json).toMatchObject({
    status,
    code,
    type: `urn:quittance:error:${code}`,
    requestId: answer.headers.get('x-request-id'),
  })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(Object.hasOwn(Object.prototype, 'a')).toBe(false)
})

test('API request, an unknown path, is 404 and an unknown method 405 with what is allowed', async () => {
  expect((await api.api('GET', '/nothing')).json).toMatchObject({
    status: 404,
    code: 'ERR_NOT_FOUND',
  })
  const answer = await api.api('DELETE', '/sources')
  expect(answer.json).toMatchObject({ status: 405, code: 'ERR_METHOD_NOT_ALLOWED' })
  expect(answer.headers.get('allow')).toBe('POST, GET')
  expect((await api.api('GET', '/sources/%E0%A4')).status).toBe(404)
})

test('API request, a wrong query, names each fault', async () => {
  const answer = await api.api('GET', '/revocations?limit=9999&state=done&x=1')
  expect(answer.status).toBe(400)
  expect(answer.json.errors.map((e: { pointer: string }) => e.pointer).sort()).toEqual([
    '/limit',
    '/state',
    '/x',
  ])
  expect((await api.api('GET', '/revocations?limit=1&limit=2')).status).toBe(400)
  expect((await api.api('GET', '/revocations?cursor=abc')).json.code).toBe('ERR_INVALID_CURSOR')
})

test('API request, storage away, is 503 with Retry-After and never 404', async () => {
  const failPoint = await takeFailPoint(api.connection)
  try {
    await failPoint.set('alwaysOn', {
      failCommands: ['find', 'aggregate', 'update', 'insert'],
      closeConnection: true,
      namespace: `${api.database.dbName}.sources`,
    })
    for (const [method, path, body] of [
      ['GET', '/sources', undefined],
      ['GET', '/sources/okta', undefined],
      ['POST', '/sources', { id: 'okta', name: 'Okta', dialect: 'okta' }],
      ['POST', '/sources/okta/tokens', {}],
      ['DELETE', '/sources/okta/tokens/1', undefined],
    ] as const) {
      const answer = await api.api(method, path, body)
      expect(answer.json).toMatchObject({ status: 503, code: 'ERR_STORAGE_UNAVAILABLE' })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
  } finally {
    await failPoint.giveBack()
  }
})

test('API description, the OpenAPI document, has every operation with its roles', async () => {
  const { json } = await api.api('GET', '/openapi.json')
  expect(json.openapi).toBe('3.1.0')
  const operations = Object.entries(json.paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, { 'x-roles': string[]; operationId: string }>).map(
      ([method, operation]) => ({ at: `${method.toUpperCase()} ${path}`, ...operation }),
    ),
  )
  expect(operations.map((o) => o.at)).toContain('POST /apps/{id}/test')
  expect(operations).toHaveLength(routes.length)
  expect(new Set(operations.map((o) => o.operationId)).size).toBe(operations.length)
  expect(operations.every((o) => o['x-roles'].length > 0)).toBe(true)
})

test('health, a hub whose storage answers, is up and ready', async () => {
  expect((await api.send('GET', '/healthz', { token: null })).status).toBe(200)
  expect((await api.send('GET', '/readyz', { token: null })).json).toEqual({
    status: 'ready',
    checks: [{ name: 'storage', ready: true }],
  })
})

test('metrics, the metrics token, reads them and nobody without a token does', async () => {
  expect((await api.send('GET', '/metrics', { token: null })).status).toBe(401)
  const { text, headers } = await api.send('GET', '/metrics', { token: METRICS })
  expect(headers.get('content-type')).toContain('text/plain')
  expect(text).toContain('hub_http_request_seconds_count{room="api",method="POST",status="413"}')
  expect(text).toContain('hub_authentication_failures_total{room="api"}')
})

test('log, all requests of this file, hold no token and no query', async () => {
  const secret = 'jane.secret@example.com'
  await api.api('GET', `/users?search=${secret}`)
  await api.api('GET', `/users/okta/${secret}`)
  const log = api.lines.join('')
  expect(log).toContain('"path":"/api/v1/users"')
  expect(log).not.toContain('secret@')
  expect(log).not.toContain('a'.repeat(43))
})

test('lists of what is registered, asked for one at a time, give each once; a strange cursor is refused', async () => {
  for (const id of ['page-a', 'page-b', 'page-c']) {
    await api.api('POST', '/sources', { id, name: id, dialect: 'generic' })
  }
  const all = (await api.api('GET', '/sources')).json
  expect(all.nextCursor).toBeUndefined()
  const seen: string[] = []
  for (let cursor = ''; ; ) {
    const { json } = await api.api('GET', `/sources?limit=1${cursor && `&cursor=${cursor}`}`)
    seen.push(...json.items.map((source: { id: string }) => source.id))
    if (json.nextCursor === undefined) break
    cursor = json.nextCursor
  }
  expect(seen).toEqual(all.items.map((source: { id: string }) => source.id))
  for (const path of ['/sources', '/apps', '/tokens', '/connectors']) {
    const { json } = await api.api('GET', `${path}?cursor=%25`)
    expect.soft(json.code, path).toBe('ERR_INVALID_CURSOR')
  }
})
