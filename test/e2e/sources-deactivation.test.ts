import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestLook } from '../../src/alerts/request-look.ts'
import { createWatch } from '../../src/alerts/watch.ts'
import { DAY } from '../../src/shared/clock.ts'
import { createAlertStore } from '../../src/storage/alert-store.ts'
import { createDirectoryStore } from '../../src/storage/directory-store.ts'
import type { ScimClient } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { startHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let entra: ScimClient
let strict: ScimClient
let n = 0
beforeAll(async () => {
  hub = await startHub()
  entra = await hub.client.createSource('entra-refuse', 'entra')
  strict = await hub.client.createSource('strict-refuse', 'generic-strict')
})
afterAll(() => hub.stop())

interface Shown {
  rule: string
  severity: string
  state: string
  about: { sourceId?: string; userId?: string }
  facts: { code?: string; requestId?: string }
  count: number
}
const alerts = async (rule: string, userId?: string): Promise<Shown[]> => {
  const { items } = await hub.client.api<{ items: Shown[] }>('GET', `/alerts?rule=${rule}`)
  return items.filter(({ about }) => about.userId === userId)
}
const raised = (rule: string, userId?: string): Promise<Shown> =>
  eventually(`${rule} about ${userId}`, async () => (await alerts(rule, userId))[0])
const isActive = async (client: ScimClient, id: string): Promise<unknown> =>
  (await client.send('GET', `/Users/${id}`)).body['active']
const OFF = { op: 'Replace', path: 'active', value: false }

describe('a request that wanted to deactivate somebody and was refused', () => {
  test.each<[string, string, (id: string) => Promise<{ status: number; headers: Headers }>]>([
    [
      'an unreadable status',
      'ERR_INVALID_VALUE',
      (id) => entra.patch(`/Users/${id}`, { ...OFF, value: 'gone' }),
    ],
    [
      'a PUT without a user name',
      'ERR_INVALID_VALUE',
      (id) => entra.send('PUT', `/Users/${id}`, { active: false }),
    ],
    [
      'a strict dialect, and another operation',
      'ERR_INVALID_PATH',
      (id) => strict.patch(`/Users/${id}`, OFF, { op: 'replace', path: 'nosuch', value: 1 }),
    ],
  ])(
    'for %s, is an alert that names code, source and request, and not the person',
    async (_, code, send) => {
      const client = code === 'ERR_INVALID_PATH' ? strict : entra
      const name = `refused-${++n}`
      const id = await client.createUser(name)
      const answer = await send(id)
      expect(answer.status).toBe(400)
      expect(await isActive(client, id)).toBe(true)
      const alert = await raised('deactivation-refused', id)
      expect(alert).toMatchObject({
        severity: 'critical',
        state: 'open',
        about: { sourceId: client.sourceId },
        facts: { code, requestId: answer.headers.get('x-request-id') },
      })
      expect(JSON.stringify(alert)).not.toContain(name)
      await send(id)
      await eventually(
        'counted',
        async () => (await raised('deactivation-refused', id)).count === 2,
      )
    },
  )

  test('inside a bulk request, is an alert as well', async () => {
    const id = await entra.createUser(`refused-${++n}`)
    const answer = await entra.send('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [
        { method: 'PUT', path: `/Users/${id}`, data: { userName: 'x', active: 'perhaps' } },
      ],
    })
    expect(answer.status).toBe(200)
    expect((await raised('deactivation-refused', id)).facts.code).toBe('ERR_INVALID_VALUE')
  })

  test('for a person whom an address names, passes no address on', async () => {
    await entra.send('PATCH', '/Users/ann@example.com', { Operations: [OFF] })
    const alert = await raised('deactivation-refused')
    expect(JSON.stringify(alert)).not.toContain('ann')
  })

  test('of somebody unknown, or with a wrong token, is none', async () => {
    const unknown = '0198c8a2-0000-7000-8000-000000000001'
    expect((await entra.patch(`/Users/${unknown}`, OFF)).status).toBe(404)
    const id = await entra.createUser(`refused-${++n}`)
    const refused = await fetch(`${entra.base}/Users/${id}`, { method: 'DELETE' })
    expect(refused.status).toBe(401)
    // What comes later in the same way has arrived, so nothing is still on its way.
    const marker = await entra.createUser(`refused-${++n}`)
    await entra.patch(`/Users/${marker}`, { ...OFF, value: 'gone' })
    await raised('deactivation-refused', marker)
    expect(await alerts('deactivation-refused', unknown)).toEqual([])
    expect(await alerts('deactivation-refused', id)).toEqual([])
  })
})

describe('a deactivation beside an operation that cannot be used', () => {
  test('is done in a tolerant dialect, answered 200, counted and told', async () => {
    const id = await entra.createUser(`leaver-${++n}`)
    const answer = await entra.patch(
      `/Users/${id}`,
      { op: 'Add', path: 'nosuch', value: 1 },
      { op: 'Replace', path: 'title', value: 'Gone' },
      { ...OFF, value: 'False' },
    )
    expect([answer.status, answer.body['active'], answer.body['title']]).toEqual([
      200,
      false,
      'Gone',
    ])
    expect(await raised('profile-operation-dropped', id)).toMatchObject({
      severity: 'warning',
      facts: { code: 'ERR_INVALID_PATH', requestId: answer.headers.get('x-request-id') },
    })
    const metrics = await (await hub.client.raw('GET', '/metrics')).text()
    expect(metrics).toMatch(/hub_scim_tolerated_total\{kind="leaverFirst"\} [1-9]/)
    expect(metrics).toMatch(/hub_scim_tolerated_total\{kind="stringBooleans"\} [1-9]/)
    const tolerated = await eventually('the source shows it', async () => {
      const { heartbeat } = await hub.client.api<{
        heartbeat?: { tolerated: Record<string, number> }
      }>('GET', '/sources/entra-refuse')
      return heartbeat?.tolerated['leaverFirst'] === 1 && heartbeat.tolerated
    })
    expect(tolerated['stringBooleans']).toBe(1)
  })

  test('that takes the user name of somebody else, is done without it', async () => {
    const [taken, id] = [`taken-${++n}`, await entra.createUser(`leaver-${++n}`)]
    await entra.createUser(taken)
    const rename = { op: 'Replace', path: 'userName', value: `${taken}@example.com` }
    expect((await entra.patch(`/Users/${id}`, rename, OFF)).body).toMatchObject({ active: false })
    expect((await raised('profile-operation-dropped', id)).facts.code).toBe('ERR_UNIQUENESS')
    expect((await entra.patch(`/Users/${id}`, rename)).status).toBe(409)
  })
})

test('a refusal, once the person is inactive, is over by itself; what was dropped, after a week', async () => {
  const store = createAlertStore(hub.database.connection)
  const directory = createDirectoryStore(hub.database.connection)
  let now = Date.now()
  const watch = createWatch({
    alerts: store,
    looks: [
      requestLook({
        alerts: store,
        isActive: async (source, id) => (await directory.user(source, id))?.active === true,
        clock: { now: () => now },
      }),
    ],
    clock: { now: () => now },
    log: { warn: () => {} },
  })
  const id = await entra.createUser(`late-${++n}`)
  await entra.patch(`/Users/${id}`, { ...OFF, value: 'gone' })
  expect((await raised('deactivation-refused', id)).state).toBe('open')
  await watch.look()
  expect((await raised('deactivation-refused', id)).state).toBe('open')
  expect((await raised('deactivation-refused', id)).count).toBe(1)
  await entra.patch(`/Users/${id}`, OFF)
  await watch.look()
  expect((await raised('deactivation-refused', id)).state).toBe('resolved')

  const dropped = async () => {
    const { items } = await store.list({ rule: 'profile-operation-dropped' }, { limit: 9 })
    return items.map(({ state }) => state)
  }
  expect(await dropped()).toContain('open')
  now += 8 * DAY
  await watch.look()
  expect(new Set(await dropped())).toEqual(new Set(['resolved']))
})
