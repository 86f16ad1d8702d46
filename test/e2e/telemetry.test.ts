import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ScimApp, startScimApp } from '../../demo/apps/scim-app.ts'
import { METRIC_LIST } from '../../src/telemetry/metric-list.ts'
import { eventually } from '../support/eventually.ts'
import { ADMIN_TOKEN, startHub, type TestHub } from '../support/hub.ts'

interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: { key: string; value: Record<string, unknown> }[]
  startTimeUnixNano: string
  endTimeUnixNano: string
}
interface Export {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[]
}

/** In names, addresses and ids of the one person of this file. */
const PERSON = 'planted.zweistein'

let hub: TestHub
let app: ScimApp
let collector: Server
let stopped: Promise<void> | undefined
const received: string[] = []
const paths = new Set<string>()
let userId: string
let appId: string

const stop = (): Promise<void> => {
  stopped ??= hub.stop()
  return stopped
}
const metrics = async (): Promise<Map<string, number>> => {
  const response = await fetch(`${hub.client.origin}/metrics`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  })
  expect(response.status).toBe(200)
  return new Map(
    (await response.text())
      .split('\n')
      .filter((line) => line.startsWith('hub_'))
      .map((line) => {
        const at = line.lastIndexOf(' ')
        return [line.slice(0, at), Number(line.slice(at + 1))]
      }),
  )
}

beforeAll(async () => {
  collector = createServer((request, response) => {
    paths.add(`${request.method} ${request.url}`)
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      received.push(body)
      response.setHeader('content-type', 'application/json').end('{}')
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  const { port } = collector.address() as AddressInfo
  hub = await startHub({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
  app = await startScimApp({ accounts: [{ userName: `${PERSON}@example.com` }] })
  const source = await hub.client.createSource('okta-traced', 'okta')
  appId = await hub.client.registerApp({
    name: 'Directory',
    config: { baseUrl: app.url },
    secrets: { token: app.tokens.doer, witnessToken: app.tokens.witness },
  })
  userId = await source.createUser(PERSON)
  await source.patch(`/Users/${userId}`, { op: 'replace', value: { active: false } })
  await eventually('proven', async () => (await hub.client.revocations())[0]?.state === 'proven')
})
afterAll(async () => {
  await stop()
  await app.close()
  await new Promise((resolve) => collector.close(resolve))
})

test('metrics, after one proven revocation, count its calls and the time to its proof', async () => {
  const shown = await eventually('the proof is counted', async () => {
    const all = await metrics()
    return all.get('hub_revocation_proven_seconds_count') === 1 && all
  })
  const calls = (operation: string): number | undefined =>
    shown.get(
      `hub_connector_call_seconds_count{connector="scim",operation="${operation}",outcome="ok"}`,
    )
  expect(calls('revoke')).toBe(1)
  expect(calls('observe')).toBeGreaterThanOrEqual(2)
  expect(calls('correlate')).toBe(1)
})

test('metrics, every name of the documentation, is served, and labels name nobody', async () => {
  const shown = [...(await metrics()).keys()].join('\n')
  const missing = METRIC_LIST.map(({ name }) => name)
    .filter((name) => !shown.includes(name))
    // That the source has called is written within five seconds.
    .filter((name) => name !== 'hub_feed_longest_silence_seconds')
  // Nothing has gone wrong, and nothing is open here.
  expect(missing.sort()).toEqual([
    'hub_alerts',
    'hub_authentication_failures_total',
    'hub_revocation_next_deadline_seconds',
    'hub_scim_tolerated_total',
  ])
  for (const secret of [PERSON, userId, appId, 'okta-traced']) expect(shown).not.toContain(secret)
})

test('traces, of one deactivation, are one tree from the SCIM request to the seal, without the person', async () => {
  // What is left goes out at the end.
  await stop()
  expect([...paths]).toEqual(['POST /v1/traces'])
  const all = received
    .map((text) => JSON.parse(text) as Export)
    .flatMap(({ resourceSpans }) => resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans)
  const root = all.find(({ name }) => name === 'scim PATCH')
  expect(root?.parentSpanId ?? '').toBe('')
  const trace = all.filter(({ traceId }) => traceId === root?.traceId)
  const parentOf = new Map(
    trace.map((span) => [
      span.name,
      trace.find(({ spanId }) => spanId === span.parentSpanId)?.name,
    ]),
  )
  expect(Object.fromEntries(parentOf)).toMatchObject({
    'intake transaction': 'scim PATCH',
    claim: 'scim PATCH',
    'connector correlate': 'claim',
    'connector observe': 'claim',
    'connector revoke': 'claim',
    seal: 'scim PATCH',
  })
  const exchanges = trace.filter(({ name }) => name === 'exchange')
  const parents = exchanges.map((span) => trace.find(({ spanId }) => spanId === span.parentSpanId))
  expect(new Set(parents.map((parent) => parent?.name.split(' ')[0]))).toEqual(
    new Set(['connector']),
  )
  const hosts = exchanges.flatMap(({ attributes }) =>
    attributes.filter(({ key }) => key === 'server.address').map(({ value }) => value),
  )
  expect(hosts).toContainEqual({ stringValue: new URL(app.url).host })
  for (const personal of [PERSON, userId, 'example.com']) {
    expect(received.join('\n')).not.toContain(personal)
  }
})
