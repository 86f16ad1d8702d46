import { afterAll, expect, test } from 'vitest'
import { createAlerting } from '../../src/composition/alerting.ts'
import { loadConfig } from '../../src/config/config.ts'
import { DAY } from '../../src/shared/clock.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { eventually } from '../support/eventually.ts'
import { startApi } from './api-harness.ts'

const api = await startApi()
afterAll(() => api.close())
await api.api('POST', '/sources', { id: 'okta', name: 'Okta', dialect: 'okta' })

let count = 0
const app = (more: object = {}) => ({
  name: `App ${++count}`,
  connectorId: 'still',
  config: { baseUrl: 'https://app.example' },
  secrets: { token: 'the-secret-of-the-app' },
  class: 1,
  owners: ['ann@example.com'],
  ...more,
})

test('apps, a registration, is in force at once and its secrets cannot be read', async () => {
  const made = await api.api(
    'POST',
    '/apps',
    app({ secrets: { token: 'hidden-one', witnessToken: 'w' } }),
  )
  expect(made.status).toBe(201)
  expect(made.json).toMatchObject({
    state: 'active',
    scope: { kind: 'everyone' },
    allowNetworks: [],
    secrets: ['token', 'witnessToken'],
  })
  expect((await api.resources.apps.all()).map((a) => a.id)).toContain(made.json.id)
  const one = await api.api('GET', `/apps/${made.json.id}`)
  const all = await api.api('GET', '/apps')
  expect(made.text + one.text + all.text).not.toContain('hidden-one')
  expect(one.headers.get('etag')).toBe('"1"')
  expect((await api.api('GET', '/apps/nobody')).status).toBe(404)
})

test.each([
  ['an unknown connector', { connectorId: 'none' }, '/connectorId'],
  ['a wrong configuration', { config: { baseUrl: 'not a url' } }, '/config/baseUrl'],
  [
    'an unknown key in the configuration',
    { config: { baseUrl: 'https://x.example', y: 1 } },
    '/config/y',
  ],
  ['an unknown secret', { secrets: { token: 'x', pin: '1' } }, '/secrets/pin'],
  ['a secret that is missing', { secrets: {} }, '/secrets/token'],
  [
    'an inherited name as a secret',
    { secrets: { token: 'x', toString: 'y' } },
    '/secrets/toString',
  ],
  ['a secret that no header can carry', { secrets: { token: '…' } }, '/secrets/token'],
  ['a secret that is too short', { secrets: { token: 'x', longToken: 'y' } }, '/secrets/longToken'],
  ['nobody who answers for it', { owners: [] }, '/owners'],
  ['an unknown class', { class: 4 }, '/class'],
  ['an address that is no network', { allowNetworks: ['10.0.0.0/33'] }, '/allowNetworks/0'],
  [
    'a source that does not exist',
    { scope: { kind: 'everyone', sourceIds: ['okta', 'oktta'] } },
    '/scope/sourceIds/1',
  ],
  [
    'a group that does not exist',
    { scope: { kind: 'groups', groups: [{ sourceId: 'okta', groupId: 'g' }] } },
    '/scope/groups/0',
  ],
])('apps, %s, is refused at registration with its place', async (_, more, pointer) => {
  const { json } = await api.api('POST', '/apps', app(more))
  expect(json).toMatchObject({ status: 400, code: 'ERR_INVALID_VALUE' })
  expect(json.errors.map((e: { pointer: string }) => e.pointer)).toContain(pointer)
})

test('apps, a name that is taken, is 409 and leaves no secret behind', async () => {
  await api.api('POST', '/apps', app({ name: 'Twice' }))
  const before = await api.connection.collection('app_secrets').countDocuments()
  expect((await api.api('POST', '/apps', app({ name: 'Twice' }))).status).toBe(409)
  expect(await api.connection.collection('app_secrets').countDocuments()).toBe(before)
})

test('apps, a change, needs the version that was read and keeps what is not named', async () => {
  const { json: made } = await api.api(
    'POST',
    '/apps',
    app({ secrets: { token: 'a', witnessToken: 'b' } }),
  )
  const path = `/apps/${made.id}`
  expect((await api.api('PATCH', path, { class: 0 })).status).toBe(428)
  const changed = await api.api(
    'PATCH',
    path,
    { class: 0, secrets: { witnessToken: null, token: 'new' } },
    { 'if-match': '"1"' },
  )
  expect(changed.json).toMatchObject({ class: 0, secrets: ['token'], owners: made.owners })
  expect(changed.headers.get('etag')).toBe('"2"')
  expect((await api.api('PATCH', path, { class: 3 }, { 'if-match': '"1"' })).status).toBe(412)
  const secrets = api.resources.secrets as unknown as {
    secretsOf(id: string): Promise<Record<string, string>>
  }
  expect(await secrets.secretsOf(made.id)).toEqual({ token: 'new' })
  const without = await api.api('PATCH', path, { secrets: { token: null } }, { 'if-match': '"2"' })
  expect(without.json.errors[0].pointer).toBe('/secrets/token')
})

test('apps, a change of the configuration, needs every secret again', async () => {
  const { json: made } = await api.api(
    'POST',
    '/apps',
    app({ secrets: { token: 't', witnessToken: 'w' } }),
  )
  const change = (body: object, version: number) =>
    api.api('PATCH', `/apps/${made.id}`, body, { 'if-match': `"${version}"` })
  const config = { ...made.config, baseUrl: 'https://elsewhere.example' }
  const { status, json } = await change({ config, secrets: { token: 't' } }, 1)
  expect([status, json.errors[0].pointer]).toEqual([400, '/secrets/witnessToken'])
  expect((await change({ config: made.config, name: 'Same' }, 1)).status).toBe(200)
  const whole = { config, secrets: { token: 't', witnessToken: null } }
  expect((await change(whole, 2)).json).toMatchObject({ config, secrets: ['token'] })
})

test('apps, parallel changes of one version, let one through', async () => {
  const { json: made } = await api.api('POST', '/apps', app())
  const answers = await Promise.all(
    [0, 1, 2, 3].map((c) =>
      api.api('PATCH', `/apps/${made.id}`, { name: `${made.name} ${c}` }, { 'if-match': '"1"' }),
    ),
  )
  expect(answers.map((a) => a.status).sort()).toEqual([200, 412, 412, 412])
})

test('apps, pause and resume, are kept and can be repeated', async () => {
  const { json: made } = await api.api('POST', '/apps', app())
  for (const [verb, state] of [
    ['pause', 'paused'],
    ['pause', 'paused'],
    ['resume', 'active'],
  ]) {
    expect((await api.api('POST', `/apps/${made.id}/${verb}`)).json.state).toBe(state)
  }
  expect((await api.resources.apps.app(made.id))?.version).toBe(3)
})

test('apps, a connection test, has a line for each check and credential', async () => {
  const tested = async (says: string, secrets: object) => {
    const { json } = await api.api(
      'POST',
      '/apps',
      app({ config: { baseUrl: 'https://x.example', says }, secrets }),
    )
    return await api.api('POST', `/apps/${json.id}/test`)
  }
  expect((await tested('ok', { token: 'a', witnessToken: 'b' })).json).toEqual({
    ok: true,
    checks: ['doer', 'witness'].map((credential) => ({
      credential,
      name: `account.observe ${credential}`,
      ok: true,
      detail: 'read one account',
    })),
  })
  expect((await tested('refused', { token: 'a' })).json).toMatchObject({
    ok: false,
    checks: [{ ok: false, detail: 'credential: the token is not accepted' }],
  })
  const broken = await tested('broken', { token: 'a' })
  expect(broken.json).toMatchObject({
    ok: false,
    checks: [{ ok: false, detail: 'bug: the connector threw TypeError' }],
  })
  expect(broken.text).not.toContain('a bug in the connector')
})

test('apps, a secret whose end is near, raises an alert until its end is another one', async () => {
  const inDays = (days: number) => new Date(Date.now() + days * DAY).toISOString()
  const ends = { token: inDays(5) }
  const { json: made } = await api.api('POST', '/apps', app({ secretsExpireAt: ends }))
  expect(made.secretsExpireAt).toEqual(ends)
  const parts = { config: loadConfig({}), stores: api.stores, log: createLog({ level: 'silent' }) }
  const seen = async (state: string): Promise<object[]> => {
    const watch = createAlerting(parts).watch()
    watch.start()
    const path = `/alerts?rule=app-secret-expiring&state=${state}`
    const found = await eventually(`${state} alerts`, async () => {
      const { items } = (await api.api('GET', path)).json
      return items.length > 0 && items
    })
    await watch.stop()
    return found
  }
  expect(await seen('open')).toMatchObject([
    { about: { appId: made.id, secretName: 'token' }, owners: ['ann@example.com'] },
  ])

  const path = `/apps/${made.id}`
  const change = async (version: number, body: object) =>
    (await api.api('PATCH', path, body, { 'if-match': `"${version}"` })).json
  const later = { token: inDays(300) }
  expect((await change(1, { secretsExpireAt: later })).secretsExpireAt).toEqual(later)
  expect(await seen('resolved')).toHaveLength(1)
  const [act] = (await api.api('GET', `/audit?about=${made.id}&type=app.changed`)).json.items
  expect(act.facts.fields).toEqual(['secrets_expire_at'])

  expect((await change(2, { secrets: { token: 'new' } })).secretsExpireAt).toEqual({})
  const wrong = await change(3, { secretsExpireAt: { witnessToken: inDays(1) } })
  expect(wrong.errors).toMatchObject([{ pointer: '/secretsExpireAt/witnessToken' }])
})

test('connectors, the list, shows what each must be told', async () => {
  const { json } = await api.api('GET', '/connectors')
  expect(json.items[0]).toMatchObject({
    id: 'still',
    configSchema: { required: ['baseUrl'] },
    secrets: { token: { required: true }, longToken: { minLength: 32 } },
  })
  expect((await api.api('GET', '/connectors/none')).status).toBe(404)
})

test('API tokens, an owner, sees the apps that name them and nothing else', async () => {
  const { json: own } = await api.api('POST', '/apps', app({ owners: ['bob@example.com'] }))
  const { json: other } = await api.api('POST', '/apps', app())
  const { json: made } = await api.api('POST', '/tokens', {
    name: 'Bob',
    role: 'owner',
    ownerName: 'bob@example.com',
  })
  const as = (method: string, path: string) =>
    api.send(method, `/api/v1${path}`, { token: made.token })
  expect((await as('GET', '/apps')).json.items.map((a: { id: string }) => a.id)).toEqual([own.id])
  expect((await as('GET', `/apps/${own.id}`)).status).toBe(200)
  expect((await as('GET', `/apps/${other.id}`)).status).toBe(404)
  expect((await as('POST', `/apps/${other.id}/test`)).status).toBe(404)
  expect((await as('POST', `/apps/${own.id}/pause`)).status).toBe(403)
  expect((await as('GET', '/users?search=a')).status).toBe(403)
  expect((await as('GET', '/revocations?owner=ann@example.com')).status).toBe(403)
  expect((await as('GET', '/revocations')).json).toEqual({ items: [] })

  expect((await api.api('GET', '/tokens')).text).not.toContain(made.token)
  expect((await api.api('DELETE', `/tokens/${made.id}`)).status).toBe(204)
  expect((await as('GET', '/apps')).status).toBe(401)
  expect((await api.api('POST', '/tokens', { name: 'x', role: 'owner' })).status).toBe(400)
})
