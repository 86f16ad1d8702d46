import { afterAll, expect, test } from 'vitest'
import { startScimApp } from '../../demo/apps/scim-app.ts'
import { createAlerting } from '../../src/composition/alerting.ts'
import { createParts } from '../../src/composition/parts.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { eventually } from '../support/eventually.ts'
import { ADMIN_TOKEN, startHub } from '../support/hub.ts'

interface Unit {
  id: string
  appId: string
  state: string
  heldBy?: string
}

const hub = await startHub({ STORM_DEPARTURES: '3', STORM_SHARE: '0' })
const closes = await startScimApp({ accounts: [] })
const deletes = await startScimApp({ accounts: [] })
const parts = await createParts({
  config: loadConfig({ DATA_DIR: hub.dataDir }),
  connection: hub.database.connection,
  secrets: { masterKey: Buffer.alloc(32, 7), adminToken: ADMIN_TOKEN },
  publicUrl: hub.client.origin,
  log: createLog({ level: 'silent' }),
})
afterAll(async () => {
  await parts.runner.close()
  await hub.stop()
  await Promise.all([closes.close(), deletes.close()])
})
const { client } = hub

const as = async <T>(token: string, path: string, body: object): Promise<T> => {
  const headers = { authorization: `Bearer ${token}` }
  return await client.api<T>('POST', path, body, headers)
}

test('a storm, in a whole hub, closes accounts at once and deletes none until a second person has agreed', async () => {
  const source = await client.createSource('okta')
  const register = (name: string, app: typeof closes, config: object) =>
    client.registerApp({
      name,
      config: { baseUrl: app.url, listsEverybody: true, ...config },
      secrets: { token: app.tokens.doer, witnessToken: app.tokens.witness },
    })
  const reversible = await register('Directory', closes, {})
  const irreversible = await register('Archive', deletes, { disable: 'delete' })
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) {
    for (const app of [closes, deletes]) app.book.put({ userName: `${name}@example.com` })
  }
  const ids = await Promise.all(names.map((name) => source.createUser(name)))
  for (const id of ids) {
    await source.patch(`/Users/${id}`, { op: 'replace', value: { active: false } })
  }
  const unitsOf = async (appId: string): Promise<Unit[]> =>
    (await client.revocations({ app: appId })) as unknown as Unit[]
  const states = async (appId: string): Promise<string[]> =>
    (await unitsOf(appId)).map(({ state }) => state).sort()

  await eventually('all accounts are closed, and what is not held is deleted', async () => {
    const [closed, deleted] = [await states(reversible), await states(irreversible)]
    const isProven = (state: string) => state === 'proven'
    return closed.filter(isProven).length === 4 && deleted.filter(isProven).length === 2
  })
  const held = (await unitsOf(irreversible)).filter(({ state }) => state !== 'proven')
  const { items: storms } = await client.api<{ items: { id: string }[] }>('GET', '/storms')
  expect(storms).toMatchObject([{ sourceId: 'okta', state: 'held', departures: 2, revocations: 2 }])
  expect(held.map(({ state, heldBy }) => [state, heldBy])).toEqual([
    ['due', storms[0]?.id],
    ['due', storms[0]?.id],
  ])
  expect(['c', 'd'].map((name) => deletes.book.byUserName(`${name}@example.com`))).not.toContain(
    undefined,
  )
  // The hub looks every quarter of a minute; another process that starts looks at once.
  const watch = createAlerting(parts).watch()
  watch.start()
  const alerts = async () =>
    (await client.api<{ items: object[] }>('GET', '/alerts?rule=storm')).items
  await eventually('the alert', async () => (await alerts()).length === 1)
  await watch.stop()
  expect(await alerts()).toMatchObject([
    { state: 'open', about: { sourceId: 'okta' }, facts: { departures: 2, revocations: 2 } },
  ])
  const held1 = await client.api<{ items: object[] }>('GET', '/audit?type=storm.held')
  expect(held1.items).toMatchObject([{ by: 'hub', facts: { source: 'okta', departures: 3 } }])

  const person = async (name: string): Promise<string> => {
    const body = { name, role: 'admin', person: name }
    return (await as<{ token: string }>(ADMIN_TOKEN, '/tokens', body)).token
  }
  const [alice, bob] = [await person('alice@example.com'), await person('bob@example.com')]
  const proposal = await as<{ id: string; digest: string }>(alice, '/approvals', {
    kind: 'resume-storm',
    payload: { sourceId: 'okta' },
    reason: 'a planned closure of the plant',
  })
  const decision = { digest: proposal.digest, reason: 'confirmed with the personnel office' }
  const path = `/approvals/${proposal.id}/approve`
  await expect(as(alice, path, decision)).rejects.toThrow('403')
  expect((await states(irreversible)).filter((state) => state === 'due')).toHaveLength(2)
  await as(bob, path, decision)

  await eventually('all is proven', async () =>
    (await states(irreversible)).every((state) => state === 'proven'),
  )
  expect((await unitsOf(irreversible)).some(({ heldBy }) => heldBy !== undefined)).toBe(false)
  expect(names.map((name) => deletes.book.byUserName(`${name}@example.com`))).toEqual(
    names.map(() => undefined),
  )
  const sealed = async (type: string): Promise<number> =>
    await hub.database.connection.collection('ledger_entries').countDocuments({ type })
  await eventually('both acts are sealed', async () => {
    return (await sealed('storm.held')) === 1 && (await sealed('storm.resumed')) === 1
  })
})

test('the address of a hub, opened in a browser, is a page without scripts that leads on', async () => {
  const page = await fetch(client.origin)
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(page.headers.get('content-type')).toMatch('text/html')
  const links = [...(await page.text()).matchAll(/href="([^"]+)"/g)].map((match) => match[1]!)
  expect(links).toEqual(['api/v1/docs', 'api/v1/openapi.json', 'readyz'])
  for (const link of links)
    expect((await fetch(new URL(link, `${client.origin}/`))).status).toBe(200)
})

test.each(['/nowhere', '/index.html', '/scimmy/v2', '/auth/nowhere'])(
  'a hub, the path %s that nobody serves, is a problem and no page of the framework',
  async (path) => {
    const response = await fetch(`${client.origin}${path}`)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 404, code: 'ERR_NOT_FOUND' })
  },
)
