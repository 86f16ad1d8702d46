import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type ScimApp, startScimApp } from '../../demo/apps/scim-app.ts'
import { createHub } from '../../src/composition/hub.ts'
import { loadConfig } from '../../src/config/config.ts'
import { MINUTE } from '../../src/shared/clock.ts'
import { intakeOf } from '../../src/storage/ledger-collections.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createHubClient, type HubClient, type ScimClient } from '../support/client.ts'
import { freshDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { ADMIN_TOKEN } from '../support/hub.ts'

const KEY = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
const masterKey = Buffer.alloc(32, 7)
const heard: { headers: IncomingHttpHeaders; body: string }[] = []
const receiver = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (part: string) => {
    body += part
  })
  request.on('end', () => {
    heard.push({ headers: request.headers, body })
    response.writeHead(204).end()
  })
})
let dir: string
let database: Awaited<ReturnType<typeof freshDatabase>>
let app: ScimApp
let hub: Awaited<ReturnType<typeof start>>

/** A hub on the database of this file; another one after it goes on where it was. */
async function start(role: string) {
  const config = loadConfig({
    MONGODB_URI: inject('mongodbUri'),
    MONGODB_DB: database.dbName,
    DATA_DIR: dir,
    ADMIN_TOKEN,
    MASTER_KEY: masterKey.toString('base64'),
    LOG_LEVEL: 'silent',
    ROLE: role,
    ALERT_SINKS_FILE: join(dir, 'sinks.json'),
  })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const made = await createHub({
    config,
    connection: database.connection,
    secrets: { masterKey, adminToken: ADMIN_TOKEN },
    publicUrl: origin,
    log: createLog({ level: 'silent' }),
  })
  server.on('request', made.app)
  made.start()
  return {
    client: createHubClient(origin, ADMIN_TOKEN) as HubClient,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await made.stop()
    },
  }
}

const register = (name: string, token = app.tokens.doer) =>
  hub.client.registerApp({
    name,
    config: { baseUrl: app.url, listsEverybody: true },
    secrets: { token, witnessToken: token === app.tokens.doer ? app.tokens.witness : token },
    scope: { kind: 'everyone', sourceIds: [name] },
  })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quittance-alerts-'))
  database = await freshDatabase()
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts`
  await writeFile(join(dir, 'sinks.key'), KEY)
  const sink = { id: 'desk', kind: 'webhook', url, secretFile: 'sinks.key' }
  await writeFile(
    join(dir, 'sinks.json'),
    JSON.stringify({ sinks: [{ ...sink, allowNetworks: ['127.0.0.0/8'] }] }),
  )
  app = await startScimApp({ accounts: [] })
  for (const name of ['back', 'held']) app.book.put({ userName: `${name}@example.com` })
  hub = await start('all')
})
afterAll(async () => {
  await hub.stop()
  await app.close()
  receiver.closeAllConnections()
  await new Promise((resolve) => receiver.close(resolve))
  await database.dispose()
  await rm(dir, { recursive: true, force: true })
})

/** Somebody joins under the name of their source, once apps cover it, and leaves. */
const leave = async (source: ScimClient, name: string): Promise<void> => {
  const id = await source.createUser(name)
  await source.patch(`/Users/${id}`, { op: 'replace', value: { active: false } })
}

test('alerts of a running hub, what comes back, is held, waits or stalls, is listed and delivered', async () => {
  const sources = new Map<string, ScimClient>()
  for (const name of ['back', 'held', 'manual']) {
    sources.set(name, await hub.client.createSource(name, 'okta'))
  }
  const back = await register('back')
  const held = await register('held', 'a token that the app refuses')
  const manual = await hub.client.registerApp({
    name: 'Keys',
    connectorId: 'manual',
    config: { instructions: 'Take their key.' },
    secrets: {},
    scope: { kind: 'everyone', sourceIds: ['manual'] },
  })
  for (const [name, source] of sources) await leave(source, name)
  const proven = await eventually('a proof', async () => {
    const all = await hub.client.revocations({ app: back })
    return all.length > 0 && all.every((one) => one.state === 'proven') && all
  })
  // Somebody switches the account on again in the application itself.
  const account = app.book.byUserName('back@example.com')
  app.book.put({ ...account, userName: 'back@example.com', active: true })
  const unit = proven.find((one) => one.facet === 'account')
  await hub.client.api('POST', `/revocations/${unit?.id}/observe`)
  await hub.stop()
  // Nobody seals beside this one. The clock is set forward by setting the row back.
  hub = await start('web')
  await leave(await hub.client.createSource('stalled', 'okta'), 'stalled')
  await intakeOf(database.connection).updateMany({}, { $inc: { at: -3 * MINUTE } })
  await hub.stop()
  // A hub that starts looks at once at what is due.
  hub = await start('web,worker')

  const about = { 'came-back': back, 'lane-held': held, 'human-waiting': manual }
  const expected = [...Object.keys(about), 'ledger-stalled']
  type Alert = { rule: string; state: string; about: { appId?: string } }
  const alerts = await eventually(
    'the alerts',
    async () => {
      const { items } = await hub.client.api<{ items: Alert[] }>('GET', '/alerts?limit=100')
      return expected.every((rule) => items.some((one) => one.rule === rule)) && items
    },
    20_000,
  )
  for (const [rule, appId] of Object.entries(about)) {
    expect(alerts.filter((one) => one.rule === rule)).toContainEqual(
      expect.objectContaining({ about: expect.objectContaining({ appId }) }),
    )
  }
  await eventually('their delivery', () =>
    expected.every((rule) => heard.some(({ body }) => body.includes(`"${rule}"`))),
  )
  for (const { headers, body } of heard) {
    expect(new Webhook(KEY).verify(body, headers as Record<string, string>)).toBeDefined()
  }
  expect(JSON.stringify(heard)).not.toContain('@example.com"')
}, 60_000)
