import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startLiarApp } from '../../../demo/apps/liar-app.ts'
import type { Connector, Handle } from '../../../src/connector-sdk/contract.ts'
import { type ConnectorRunner, createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import scim from '../index.ts'

interface Asked {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
}
type Answer = [status: number, body?: object | undefined, headers?: Record<string, string>]

let server: Server
let origin: string
let asked: Asked[]
let answer: (asked: Asked) => Answer
let runner: ConnectorRunner
let secrets: Record<string, string>

beforeEach(async () => {
  asked = []
  secrets = { token: 'bearer-token-1' }
  server = createServer((req, res) => {
    void text(req).then((body) => {
      const one = { method: req.method ?? '', path: req.url ?? '', headers: req.headers, body }
      asked.push(one)
      const [status, json, headers = {}] = answer(one)
      res.writeHead(status, { 'content-type': 'application/scim+json', ...headers })
      res.end(json === undefined ? '' : JSON.stringify(json))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  runner = createConnectorRunner({
    connectors: new Map<string, Connector>([['scim', scim]]),
    secretsOf: async () => secrets,
    clock: systemClock,
  })
})
afterEach(async () => {
  await runner.close()
  server.closeAllConnections()
  server.close()
})

const open = async (config: object = {}) => {
  const opened = await runner.open({
    id: 'app',
    connectorId: 'scim',
    config: { baseUrl: `${origin}/v2/`, ...config },
    allowNetworks: ['127.0.0.0/8'],
  })
  const call = opened.call({
    credential: 'doer',
    idempotencyKey: 'k',
    signal: new AbortController().signal,
  })
  return { ...opened, call }
}
const jane: Handle = { facet: 'account', id: 'u 1' }
const person = {
  sourceId: 's',
  userId: 'u',
  userName: 'jane',
  externalId: 'e"1\\',
  emails: ['j@x.example'],
}
const user = (more: object = {}): object => ({ id: 'u 1', userName: 'jane', active: true, ...more })

describe('what is written', () => {
  test.each([
    ['patch', { op: 'replace', path: 'active', value: false }],
    ['patch-pathless', { op: 'replace', value: { active: false } }],
    ['patch-string', { op: 'Replace', path: 'active', value: 'False' }],
  ])('revoke, style %s, sends that operation with the version read', async (disable, operation) => {
    answer = ({ method }) => (method === 'GET' ? [200, user(), { etag: 'W/"7"' }] : [204])
    const { connector, call } = await open({ disable })
    const ack = await connector.revoke(jane, call)
    expect(ack).toMatchObject({ kind: 'done', undo: { active: true } })
    expect(asked[1]).toMatchObject({ method: 'PATCH', path: '/v2/Users/u%201' })
    expect(asked[1]?.headers).toMatchObject({
      'if-match': 'W/"7"',
      'content-type': 'application/scim+json',
      authorization: 'Bearer bearer-token-1',
    })
    expect(JSON.parse(asked[1]?.body ?? '')).toMatchObject({ Operations: [operation] })
  })

  test('revoke, style put, sends the whole user with meta left out', async () => {
    const meta = { version: 'W/"8"', resourceType: 'User' }
    answer = () => [200, user({ meta, nickName: 'J' })]
    const { connector, call } = await open({ disable: 'put' })
    await connector.revoke(jane, call)
    expect(asked[1]).toMatchObject({ method: 'PUT' })
    expect(asked[1]?.headers['if-match']).toBe('W/"8"')
    expect(JSON.parse(asked[1]?.body ?? '')).toEqual(user({ nickName: 'J', active: false }))
  })

  test('revoke, style delete, deletes also a disabled user and cannot be undone', async () => {
    answer = ({ method }) => (method === 'GET' ? [200, user({ active: false })] : [204])
    const { connector, call, facets } = await open({ disable: 'delete' })
    expect(facets[0]?.reversible).toBe(false)
    const ack = await connector.revoke(jane, call)
    expect(asked[1]).toMatchObject({ method: 'DELETE', body: '' })
    expect(ack.undo).toBeUndefined()
    await expect(connector.restore?.(jane, {}, call)).rejects.toMatchObject({
      fault: 'unsupported',
    })
  })

  test('revoke, style delete and somebody was faster, is already done', async () => {
    answer = ({ method }) => (method === 'GET' ? [200, user()] : [404])
    const { connector, call } = await open({ disable: 'delete' })
    expect(await connector.revoke(jane, call)).toMatchObject({ kind: 'already' })
  })

  test('revoke, the version has moved on, reads and tries once more', async () => {
    let version = 1
    answer = ({ method, headers }) => {
      if (method === 'GET') return [200, user(), { etag: `"${version}"` }]
      if (headers['if-match'] === '"2"') return [204]
      version = 2
      return [412]
    }
    const { connector, call } = await open()
    expect(await connector.revoke(jane, call)).toMatchObject({ kind: 'done' })
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'PATCH', 'GET', 'PATCH'])
  })

  test('revoke, 202, is accepted and no more', async () => {
    answer = ({ method }) => (method === 'GET' ? [200, user()] : [202])
    const { connector, call } = await open()
    expect(await connector.revoke(jane, call)).toMatchObject({ kind: 'accepted' })
  })

  test('revoke, an identifier that would climb, is refused', async () => {
    answer = () => [200, user()]
    const { connector, call } = await open()
    await expect(connector.revoke({ ...jane, id: '..' }, call)).rejects.toMatchObject({
      fault: 'invalid',
    })
    expect(asked).toEqual([])
  })
})

describe('what is read', () => {
  test.each([
    [{ active: true }, {}, 'live'],
    [{ active: false }, {}, 'dead'],
    [{ active: 'False' }, {}, 'dead'],
    [{ active: undefined }, {}, 'unknown'],
    [{ active: null }, {}, 'unknown'],
    [{ active: 0 }, {}, 'unknown'],
    [{ active: undefined }, { missingActiveMeansActive: true }, 'live'],
  ])('observe, %j with %j, is %s', async (resource, config, state) => {
    answer = () => [200, user(resource)]
    const { connector, call } = await open(config)
    expect(await connector.observe(jane, call)).toMatchObject({ handle: jane, state })
  })

  test('observe, the text that patch-string sends, is unknown, and the boolean is dead', async () => {
    const { connector, call } = await open({ disable: 'patch-string' })
    answer = () => [200, user({ active: 'False' })]
    expect((await connector.observe(jane, call)).state).toBe('unknown')
    answer = () => [200, user({ active: false })]
    expect((await connector.observe(jane, call)).state).toBe('dead')
    answer = () => [200, user({ active: 'True' })]
    expect((await connector.observe(jane, call)).state).toBe('live')
  })

  test.each(['patch', 'patch-pathless', 'patch-string', 'put'])(
    'observe after a write by %s that is echoed and not stored, is live',
    async (disable) => {
      const echo = disable === 'patch-string' ? 'False' : false
      answer = ({ method }) => [200, user(method === 'GET' ? {} : { active: echo })]
      const { connector, call } = await open({ disable })
      expect(await connector.revoke(jane, call)).toMatchObject({ kind: 'done' })
      expect((await connector.observe(jane, call)).state).toBe('live')
      // Nothing of the echo is kept: the next attempt writes again.
      expect(await connector.revoke(jane, call)).toMatchObject({ kind: 'done' })
      expect(asked.map(({ method }) => method === 'GET')).toEqual([true, false, true, true, false])
    },
  )

  test('observe, 404, is absent', async () => {
    answer = () => [404]
    const { connector, call } = await open()
    expect(await connector.observe(jane, call)).toMatchObject({ state: 'absent' })
  })

  test('observe, the answer is about another user, is an error', async () => {
    answer = () => [200, user({ id: 'u2', active: false })]
    const { connector, call } = await open()
    await expect(connector.observe(jane, call)).rejects.toMatchObject({ fault: 'invalid' })
  })

  test('correlate, all three keys, asks with escaped values and takes e-mail for weak', async () => {
    answer = ({ path }) => [
      200,
      path.includes('emails')
        ? { totalResults: 1, Resources: [{ id: 'u3', emails: [{ value: 'J@X.example' }] }] }
        : { totalResults: 0 },
    ]
    const { connector, call } = await open({ correlateBy: ['userName', 'externalId', 'emails'] })
    const matches = await connector.correlate(person, call)
    expect(matches).toMatchObject([{ handle: { id: 'u3' }, strength: 'weak', matchedOn: 'emails' }])
    const filters = asked.map(({ path }) => new URL(path, origin).searchParams.get('filter'))
    expect(filters).toEqual([
      'userName eq "jane"',
      'externalId eq "e\\"1\\\\"',
      'emails.value eq "j@x.example"',
    ])
    expect(asked[0]?.path).toContain('userName%20eq')
  })

  test('correlate, an externalId of another case, is nobody', async () => {
    answer = () => [200, { totalResults: 1, Resources: [{ id: 'u3', externalId: 'E-1' }] }]
    const { connector, call } = await open({ correlateBy: ['externalId'] })
    expect(await connector.correlate({ ...person, externalId: 'e-1' }, call)).toEqual([])
  })

  test('correlate, a person without any of the keys, is not "nobody"', async () => {
    const { connector, call } = await open({ correlateBy: ['emails'] })
    await expect(connector.correlate({ ...person, emails: [] }, call)).rejects.toMatchObject({
      fault: 'invalid',
    })
  })

  test('correlate, a protected account, says so', async () => {
    answer = () => [200, { totalResults: 1, Resources: [user()] }]
    const { connector, call } = await open({ protectedUserNames: ['JANE'] })
    const [match] = await connector.correlate(person, call)
    expect(match?.protectedBecause).toBeTypeOf('string')
  })

  test('list, cursor paging, follows nextCursor to the end', async () => {
    const pages: Record<string, object> = {
      '': { Resources: [{ id: '1' }, { id: '2' }], nextCursor: 'b' },
      b: { Resources: [{ id: '3' }] },
    }
    answer = ({ path }) => [200, pages[new URL(path, origin).searchParams.get('cursor') ?? 'none']]
    const { connector, call } = await open({ paging: 'cursor' })
    const first = await connector.list('account', 'everyone', undefined, call)
    const second = await connector.list('account', 'everyone', first.next, call)
    expect([...first.items, ...second.items].map(({ handle }) => handle.id)).toEqual([
      '1',
      '2',
      '3',
    ])
    expect(second).toMatchObject({ complete: true })
    expect(second.next).toBeUndefined()
  })

  test('list, a cursor that repeats, is an error', async () => {
    let n = 0
    answer = () => [200, { Resources: [{ id: String(++n) }], nextCursor: 'same' }]
    const { connector, call } = await open({ paging: 'cursor' })
    const first = await connector.list('account', 'everyone', undefined, call)
    await expect(connector.list('account', 'everyone', first.next, call)).rejects.toMatchObject({
      fault: 'unsupported',
    })
  })

  test('list, itemsPerPage 0 on full pages, still ends', async () => {
    const all = ['1', '2', '3'].map((id) => ({ id }))
    answer = ({ path }) => {
      const from = Number(new URL(path, origin).searchParams.get('startIndex')) - 1
      return [200, { totalResults: 3, itemsPerPage: 0, Resources: all.slice(from, from + 2) }]
    }
    const { connector, call } = await open({ search: 'list' })
    expect(await connector.correlate(person, call)).toEqual([])
    // The last one is asked for once more, with whoever comes behind.
    expect(asked).toHaveLength(3)
  })
})

describe('OAuth client credentials', () => {
  const oauth = (): object => ({
    oauth: { tokenUrl: `${origin}/token`, clientId: 'hub', scope: 'scim' },
  })
  beforeEach(() => {
    secrets = { clientSecret: 'client-secret-77' }
  })

  test('eight calls at once, fetch one token', async () => {
    answer = ({ path }) =>
      path === '/token' ? [200, { access_token: 'at-000001', expires_in: 3600 }] : [200, user()]
    const { connector, call } = await open(oauth())
    await Promise.all(Array.from({ length: 8 }, () => connector.observe(jane, call)))
    const tokens = asked.filter(({ path }) => path === '/token')
    expect(tokens).toHaveLength(1)
    expect(tokens[0]?.body).toBe('grant_type=client_credentials&scope=scim')
    expect(tokens[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('hub:client-secret-77').toString('base64')}`,
    )
    expect(asked.at(-1)?.headers.authorization).toBe('Bearer at-000001')
  })

  test('a token refused, is renewed once', async () => {
    let n = 0
    answer = ({ path, headers }) => {
      if (path === '/token') return [200, { access_token: `at-00000${++n}`, expires_in: 3600 }]
      return headers.authorization === 'Bearer at-000002' ? [200, user()] : [401]
    }
    const { connector, call } = await open(oauth())
    expect((await connector.observe(jane, call)).state).toBe('live')
    expect(n).toBe(2)
  })

  test('every token refused, is a credential fault after two', async () => {
    let n = 0
    answer = ({ path }) =>
      path === '/token' ? [200, { access_token: `at-00000${++n}`, expires_in: 3600 }] : [401]
    const { connector, call } = await open(oauth())
    await expect(connector.observe(jane, call)).rejects.toMatchObject({ fault: 'credential' })
    expect(n).toBe(2)
  })

  test.each([
    [400, { error: 'invalid_client' }, 'credential'],
    [401, { error: 'invalid_client' }, 'credential'],
    [503, undefined, 'transient'],
    [429, undefined, 'throttled'],
    [200, { token: 'elsewhere' }, 'invalid'],
  ])('the token endpoint answers %i %j, is %s without effect', async (status, body, fault) => {
    answer = () => [status, body]
    const { connector, call } = await open(oauth())
    await expect(connector.revoke(jane, call)).rejects.toMatchObject({ fault, effect: 'none' })
  })
})

test('an application that lies, is seen live until it mends its ways', async () => {
  const liar = await startLiarApp()
  secrets = { token: liar.token }
  const { connector, call } = await open({ baseUrl: liar.url })
  const [match] = await connector.correlate({ ...person, userName: 'ada@example.com' }, call)
  const handle = match?.handle ?? jane
  expect(await connector.revoke(handle, call)).toMatchObject({ kind: 'done' })
  expect((await connector.observe(handle, call)).state).toBe('live')
  liar.repent()
  await connector.revoke(handle, call)
  expect((await connector.observe(handle, call)).state).toBe('dead')
  await liar.close()
})
