import { afterAll, expect, test } from 'vitest'
import { createChanges } from '../../src/composition/changes.ts'
import { createParts } from '../../src/composition/parts.ts'
import { createWaiverCare } from '../../src/composition/waivers.ts'
import { loadConfig } from '../../src/config/config.ts'
import { DAY } from '../../src/shared/clock.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { eventually } from '../support/eventually.ts'
import { ADMIN_TOKEN, startHub } from '../support/hub.ts'

// Without a worker: its care of waivers is started by hand below.
const hub = await startHub({ ROLE: 'web' })
afterAll(() => hub.stop())
const { client } = hub

const as = async (token: string, path: string, body: object) => {
  const headers = { authorization: `Bearer ${token}` }
  const response = await client.raw('POST', `/api/v1${path}`, body, headers)
  const json = (await response.json()) as { id: string; digest: string; token: string }
  if (!response.ok) throw new Error(JSON.stringify(json))
  return json
}

test('an exemption, of people who leave or are let go by hand later, waives their new cases until its time is over', async () => {
  const source = await client.createSource('okta')
  const userId = await source.createUser('ann')
  // Whom the directory will still have as active.
  const letGo = await source.createUser('bert')
  const appId = await client.registerApp({
    name: 'Chat',
    config: { baseUrl: 'http://127.0.0.1:9/scim/v2' },
    secrets: { token: 't' },
  })
  const person = async (name: string): Promise<string> =>
    (await as(ADMIN_TOKEN, '/tokens', { name, role: 'admin', person: name })).token
  const [alice, bob] = [await person('alice@example.com'), await person('bob@example.com')]
  const until = Date.now() + DAY
  for (const exempt of [userId, letGo]) {
    const payload = {
      sourceId: 'okta',
      userId: exempt,
      appId,
      until: new Date(until).toISOString(),
    }
    const proposal = await as(alice, '/approvals', { kind: 'exempt', payload, reason: 'hand-over' })
    const { id, digest } = proposal
    await as(bob, `/approvals/${id}/approve`, { digest, reason: 'agreed' })
  }

  await source.patch(`/Users/${userId}`, { op: 'replace', path: 'active', value: false })
  await as(ADMIN_TOKEN, '/offboardings', { sourceId: 'okta', userId: letGo })
  const all = async () => [
    ...(await client.revocations({ source: 'okta', user: userId })),
    ...(await client.revocations({ source: 'okta', user: letGo })),
  ]
  const first = await all()
  expect(first.length).toBeGreaterThan(0)
  expect(first.every(({ state }) => state === 'waived')).toBe(true)
  const db = hub.database.connection.getClient().db(hub.database.dbName)
  const lane = await db.collection('lanes').findOne({ userId })
  expect(lane).toMatchObject({ state: 'idle', work: [] })
  expect(await db.collection('ledger_intake').countDocuments({ type: 'revocation.waived' })).toBe(
    first.length,
  )

  const masterKey = Buffer.alloc(32, 7)
  const parts = await createParts({
    config: loadConfig({ DATA_DIR: hub.dataDir }),
    connection: hub.database.connection,
    secrets: { masterKey, adminToken: ADMIN_TOKEN },
    publicUrl: client.origin,
    log: createLog({ level: 'silent' }),
  })
  const changes = createChanges(parts, () => {})
  // A day goes by.
  await db.collection('exemptions').updateMany({}, { $set: { until: 1 } })
  await db.collection('revocations').updateMany({}, { $set: { 'waiver.until': 1 } })
  const care = createWaiverCare(parts, changes)
  care.start()
  const owedAgain = async (): Promise<boolean> =>
    (await all()).filter(({ state }) => state === 'due').length === first.length
  await eventually('what was waived is owed again', owedAgain)
  const ended = async (): Promise<string[]> => {
    const path = '/audit?type=waiver.ended'
    const { items } = await client.api<{ items: { by: string }[] }>('GET', path)
    return items.map(({ by }) => by)
  }
  await eventually('every waiver has ended', async () => (await ended()).length === first.length)
  expect(await ended()).toEqual(first.map(() => 'hub'))
  await care.stop()
  await parts.runner.close()
})
