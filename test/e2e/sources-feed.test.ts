import { afterAll, beforeAll, expect, test } from 'vitest'
import { feedLook } from '../../src/alerts/look.ts'
import { createWatch } from '../../src/alerts/watch.ts'
import { HOUR } from '../../src/shared/clock.ts'
import { createAlertStore } from '../../src/storage/alert-store.ts'
import { createHeartbeatStore } from '../../src/storage/source-heartbeat-store.ts'
import type { ScimClient } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { startHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let source: ScimClient
beforeAll(async () => {
  hub = await startHub()
  source = await hub.client.createSource('feed', 'entra')
})
afterAll(() => hub.stop())

interface Shown {
  heartbeat?: {
    lastCallAt: string
    lastChangeAt?: string
    silentAfterMinutes: number
    lastDay: { calls: number; changes: number; errors: number }
  }
}
const shown = () => hub.client.api<Shown>('GET', '/sources/feed')

test('a source, once it has called, shows what was heard of it', async () => {
  expect((await shown()).heartbeat).toBeUndefined()
  await source.createUser('one')
  await source.send('GET', '/Users?count=0')
  await source.send('GET', '/Users/nobody')
  await source.send('POST', '/Users', { userName: '' })
  await source.send('POST', '/Users/.search', {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
  })
  const heartbeat = await eventually('the heartbeat', async () => {
    const { heartbeat: now } = await shown()
    return now?.lastDay.calls === 5 && now
  })
  expect(heartbeat.lastDay).toEqual({ calls: 5, changes: 1, errors: 1 })
  expect(heartbeat.silentAfterMinutes).toBe(24 * 60)
  expect(Date.now() - Date.parse(heartbeat.lastCallAt)).toBeLessThan(60_000)
})

test('a feed, silent and then heard again, is an alert that resolves by itself', async () => {
  const alerts = createAlertStore(hub.database.connection)
  const heartbeats = createHeartbeatStore(hub.database.connection)
  let now = Date.now()
  const clock = { now: () => now }
  const watch = createWatch({
    alerts,
    looks: [
      feedLook(async () => {
        const [beat] = await heartbeats.all()
        return beat === undefined ? [] : [{ ...beat, credentials: [] }]
      }, clock),
    ],
    clock,
    log: { warn: () => {} },
  })
  const state = async () =>
    (await alerts.list({ rule: 'feed-silent' }, { limit: 9 })).items[0]?.state
  await watch.look()
  expect(await state()).toBeUndefined()
  now += 25 * HOUR
  await watch.look()
  await watch.look()
  expect(await state()).toBe('open')
  const call = { firstAt: now, lastAt: now, calls: 1, changes: 0, errors: 0, tolerated: {} }
  await heartbeats.add({ sourceId: 'feed', ...call })
  await watch.look()
  expect(await state()).toBe('resolved')
})

test('a token, near its end, is an alert of the hub, and silence can be set by hand', async () => {
  const made = await hub.client.api('POST', '/sources/feed/tokens', { expiresInDays: 5 })
  const alert = await eventually('the warning', async () => {
    const { items } = await hub.client.api<{ items: { about: object; facts: object }[] }>(
      'GET',
      '/alerts?rule=source-token-expiring',
    )
    return items[0]
  })
  expect(alert).toMatchObject({
    about: { sourceId: 'feed', tokenId: made['tokenId'] },
    facts: { days: 7 },
  })
  const change = async (silentAfterMinutes: number | null) => {
    const { headers } = await hub.client.raw('GET', '/api/v1/sources/feed')
    const match = { 'if-match': headers.get('etag') ?? '' }
    await hub.client.api('PATCH', '/sources/feed', { silentAfterMinutes }, match)
    return (await shown()).heartbeat?.silentAfterMinutes
  }
  expect(await change(30)).toBe(30)
  // Learned above: three times the quiet of 25 hours.
  expect(await change(null)).toBe(75 * 60)
})
