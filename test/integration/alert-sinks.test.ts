import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTls } from 'node:tls'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeEach, expect, test } from 'vitest'
import type { Finding } from '../../src/alerts/alert.ts'
import { createCourier, deliveryLook } from '../../src/alerts/courier.ts'
import { createSinks } from '../../src/alerts/create-sinks.ts'
import type { Sink } from '../../src/alerts/sink.ts'
import { readSinkSettings } from '../../src/alerts/sink-settings.ts'
import { newId } from '../../src/shared/ids.ts'
import { createDeliveryStore, prepareDeliveries } from '../../src/storage/alert-delivery-store.ts'
import { createAlertStore, prepareAlerts } from '../../src/storage/alert-store.ts'
import { freshDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { selfSigned } from '../support/servers/certificate.ts'
import { smtpServer } from '../support/servers/smtp.ts'

const database = await freshDatabase()
await prepareAlerts(database.connection)
await prepareDeliveries(database.connection)
const alerts = createAlertStore(database.connection)
const deliveries = createDeliveryStore(database.connection)

const folder = mkdtempSync(join(tmpdir(), 'sinks-'))
const KEY = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
writeFileSync(join(folder, 'key'), KEY)

interface Asked {
  headers: IncomingHttpHeaders
  body: string
  path: string
}
const asked: Asked[] = []
let status = 200
const http = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  asked.push({ headers: request.headers, body, path: request.url ?? '' })
  response.writeHead(status).end()
}).listen(0, '127.0.0.1')
await once(http, 'listening')
const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
writeFileSync(join(folder, 'slack'), `${base}/services/T0/secret`)
const smtp = await smtpServer()

let now = 1_700_000_000_000
const clock = { now: () => now }
const log = { info: () => {}, warn: () => {}, error: () => {} }
const local = { allowNetworks: ['127.0.0.0/8'] }

beforeEach(async () => {
  asked.length = 0
  smtp.mails.length = 0
  status = 200
  smtp.refuseWith(undefined)
  for (const name of ['alerts', 'alert_deliveries']) {
    await database.connection.collection(name).deleteMany({})
  }
})
afterAll(async () => {
  await smtp.close()
  http.close()
  await database.dispose()
})

function sinksOf(...sinks: object[]): Sink[] {
  const file = join(folder, `${newId()}.json`)
  writeFileSync(
    file,
    JSON.stringify({
      runbookUrl: 'https://hub.example.com/runbook',
      sinks: sinks.map((one, i) => ({ id: `s${i}`, ...local, ...one })),
    }),
  )
  return createSinks(readSinkSettings(file), { clock, version: '1.2.3' })
}
const courierOf = (...sinks: Sink[]) => createCourier({ deliveries, sinks, clock, newId, log })
const webhook = { kind: 'webhook', url: `${base}/hook`, secretFile: 'key' }

const finding: Finding = {
  rule: 'revocation-overdue',
  key: 'r1',
  about: { sourceId: 'okta', revocationId: 'r1' },
  facts: { minutes: 5, note: 'a "quoted] \\ <b>' },
  owners: ['payroll@example.com', 'Payroll team'],
}

test('a webhook, an alert raised and resolved, gets both, signed, once', async () => {
  const courier = courierOf(...sinksOf(webhook))
  await alerts.raise(finding, now)
  await alerts.raise(finding, now)
  await courier.round()
  await courier.round()
  expect(asked).toHaveLength(1)
  const [first] = asked as [Asked]
  const at = Number(first.headers['webhook-timestamp'])
  expect(at).toBe(Math.floor(now / 1_000))
  const id = String(first.headers['webhook-id'])
  expect(first.headers['webhook-signature']).toBe(
    new Webhook(KEY).sign(id, new Date(at * 1_000), first.body),
  )
  expect(JSON.parse(first.body)).toMatchObject({
    type: 'alert.opened',
    data: {
      id: 'revocation-overdue:r1',
      next: 'https://hub.example.com/runbook#revocation-overdue',
    },
  })
  await alerts.resolve(['revocation-overdue:r1'], now + 1)
  await courier.round()
  expect(JSON.parse(asked[1]?.body ?? '')).toMatchObject({
    type: 'alert.resolved',
    data: { state: 'resolved' },
  })
  expect(asked[1]?.headers['webhook-id']).not.toBe(id)
})

test('an event, spread by several processes and sent by several couriers, arrives once', async () => {
  const couriers = [1, 2, 3, 4].map(() => courierOf(...sinksOf(webhook)))
  for (let i = 0; i < 10; i += 1) await alerts.raise({ ...finding, key: `k${i}` }, now)
  await Promise.all(couriers.map((courier) => courier.round()))
  expect(asked).toHaveLength(10)
  expect(new Set(asked.map((one) => one.headers['webhook-id'])).size).toBe(10)
})

test('a delivery whose process died, its lease over, is sent again under the same id', async () => {
  const courier = courierOf(...sinksOf(webhook))
  await alerts.raise(finding, now)
  await deliveries.spread(() => ['s0'], 10, now)
  const lost = await deliveries.claim({ sinkId: 's0', leaseId: 'dead', now, until: now + 60_000 })
  await courier.round()
  expect(asked).toHaveLength(0)
  now += 60_000
  await courier.round()
  expect(asked[0]?.headers['webhook-id']).toBe(`msg_${lost?.event.id}`)
  expect(await deliveries.delivered({ id: lost?.id ?? '', leaseId: 'dead' }, now)).toBe(false)
})

test('a receiver that fails, for hours, is waited for, given up, told through the others, and heals', async () => {
  const sinks = sinksOf(webhook, { kind: 'ocsf-file', path: 'other.ndjson' })
  const courier = courierOf(...sinks)
  status = 503
  await alerts.raise(finding, now)
  for (let i = 0; i < 20; i += 1) {
    await courier.round()
    now += 3_600_000
  }
  expect(asked).toHaveLength(12)
  expect(new Set(asked.map((one) => one.headers['webhook-id'])).size).toBe(1)
  const found: Finding[] = []
  for await (const one of deliveryLook(deliveries, ['s0', 's1']).findings()) found.push(one)
  expect(found).toMatchObject([{ key: 's0', facts: { count: 1, reason: 'it answered 503' } }])

  await alerts.raise(found[0] as Finding, now)
  status = 200
  await courier.round()
  expect(asked).toHaveLength(12)
  const lines = readFileSync(join(folder, 'other.ndjson'), 'utf8').trim().split('\n')
  expect(lines).toHaveLength(2)
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({
    class_uid: 2004,
    type_uid: 200_401,
    finding_info: { uid: 'alert-undelivered:s0' },
    remediation: { references: ['https://hub.example.com/runbook#alert-undelivered'] },
  })

  // The next one gets through, and with it what was kept.
  await alerts.raise({ ...finding, key: 'another' }, now)
  await courier.round()
  expect(asked).toHaveLength(14)
  expect(asked[13]?.headers['webhook-id']).toBe(asked[0]?.headers['webhook-id'])
  expect(await deliveries.dead(['s0'])).toEqual([])
})

test('a receiver that answers 410, asked once, is not asked again', async () => {
  const courier = courierOf(...sinksOf(webhook))
  status = 410
  await alerts.raise(finding, now)
  await courier.round()
  now += 86_400_000
  await courier.round()
  expect(asked).toHaveLength(1)
})

test('a receiver in a private network that was not allowed, asked, is not reached', async () => {
  const courier = courierOf(...sinksOf({ ...webhook, allowNetworks: [] }))
  await alerts.raise(finding, now)
  await courier.round()
  expect(asked).toHaveLength(0)
})

test('a Slack webhook, names with markup, shows them as text', async () => {
  const courier = courierOf(...sinksOf({ kind: 'slack', urlFile: 'slack' }))
  await alerts.raise(finding, now)
  await courier.round()
  expect(asked[0]?.path).toBe('/services/T0/secret')
  const { text, blocks } = JSON.parse(asked[0]?.body ?? '')
  expect(text).toBe('[critical] A revocation is past its deadline')
  expect(blocks[1].text.text).toContain('&lt;b&gt;')
})

test('a mail, with owners, goes to those that are addresses, and is sent again when refused', async () => {
  writeFileSync(join(folder, 'password'), 'geheim')
  const courier = courierOf(
    ...sinksOf({
      kind: 'email',
      host: '127.0.0.1',
      port: smtp.port,
      protection: 'none',
      user: 'hub',
      passwordFile: 'password',
      from: 'hub@example.com',
      to: ['soc@example.com'],
      owners: true,
    }),
  )
  smtp.refuseWith('451 later')
  await alerts.raise(finding, now)
  await courier.round()
  expect(smtp.mails).toHaveLength(0)
  smtp.refuseWith(undefined)
  now += 5_000
  await courier.round()
  expect(smtp.mails).toMatchObject([
    { from: 'hub@example.com', to: ['soc@example.com', 'payroll@example.com'] },
  ])
  expect(smtp.mails[0]?.auth).toBe('\0hub\0geheim')
  const { data } = smtp.mails[0] as { data: string }
  expect(data).toMatch(/^Message-ID: <[0-9a-f]{32}@example\.com>$/m)
  expect(data).toContain('Subject: [critical] A revocation is past its deadline')
  expect(data).toContain('what to do: https://hub.example.com/runbook#revocation-overdue')
})

/** Everything that came over one connection. */
async function listening(server: Server): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = []
  server.on('connection', (socket) => socket.on('error', () => {}))
  server.on('secureConnection', collect)
  if (!('setTicketKeys' in server)) server.on('connection', collect)
  function collect(socket: NodeJS.ReadableStream): void {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('end', () => heard.push(text))
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, heard }
}

const LINE =
  /^<106>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ quittance - revocation-overdue \[alert@32473 .*minutes="5" note="a \\"quoted\\] \\\\ <b>" next="[^"]+"\] \ufeff\[critical\] A revocation is past its deadline$/

test('syslog over TCP and TLS, an alert, comes as one counted frame', async () => {
  const { keyFile, certificateFile } = selfSigned(folder)
  const tls = createTls({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) })
  for (const [transport, server] of [
    ['tcp', createTcp()],
    ['tls', tls],
  ] as const) {
    const { port, heard } = await listening(server)
    const courier = courierOf(
      ...sinksOf({ kind: 'syslog', host: '127.0.0.1', port, transport, caFile: certificateFile }),
    )
    await alerts.raise({ ...finding, key: transport }, now)
    await courier.round()
    const frame = await eventually('a frame', () => heard[0])
    const [length, ...rest] = frame.split(' ')
    const message = rest.join(' ')
    expect(Buffer.byteLength(message)).toBe(Number(length))
    expect(message).toMatch(LINE)
    server.close()
  }
})

test('syslog over UDP, an alert, is one datagram', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const heard: string[] = []
  socket.on('message', (bytes) => heard.push(bytes.toString()))
  const { port } = socket.address()
  const courier = courierOf(
    ...sinksOf({ kind: 'syslog', host: '127.0.0.1', port, transport: 'udp' }),
  )
  await alerts.raise(finding, now)
  await courier.round()
  expect(await eventually('a datagram', () => heard[0])).toMatch(LINE)
  socket.close()
})

test('the loop, poked, delivers by itself, and stops', async () => {
  const courier = courierOf(...sinksOf(webhook))
  courier.start()
  await alerts.raise(finding, now)
  courier.poke()
  await eventually('a delivery', () => asked.length === 1)
  await courier.stop()
})

test('settings with faults, read, name every fault and no secret', () => {
  writeFileSync(join(folder, 'wrong'), 'whsec_topsecret')
  const file = join(folder, 'wrong.json')
  writeFileSync(
    file,
    JSON.stringify({
      sinks: [
        { ...webhook, id: 'a', secretFile: 'wrong' },
        { id: 'b', kind: 'slack', urlFile: 'missing' },
      ],
    }),
  )
  const read = (): unknown => readSinkSettings(file)
  expect(read).toThrow(/a: wrong must hold whsec_[\s\S]*b: missing cannot be read \(ENOENT\)/)
  expect(read).not.toThrow(/topsecret/)
})
