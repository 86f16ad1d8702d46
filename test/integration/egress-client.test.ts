import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ConnectorError, HttpClient, HttpRequest } from '../../src/connector-sdk/contract.ts'
import { createEgress, type Egress } from '../../src/connector-sdk/egress.ts'
import { createHttpClient } from '../../src/connector-sdk/http.ts'
import type { WireFault } from '../../src/connector-sdk/kit/world.ts'
import { createRedactor } from '../../src/connector-sdk/redact.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'

const secret = 'canary-7f3a9c51'
let upstream: Server
let app: FaultProxy
let egress: Egress
let controller: AbortController

beforeEach(async () => {
  upstream = createServer((_, res) => res.end('{}'))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  app = await startFaultProxy(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`)
  egress = createEgress({ allowNetworks: ['127.0.0.0/8'], maxBytes: 100_000 })
  controller = new AbortController()
})
afterEach(async () => {
  await egress.close()
  await app.close()
  upstream.close()
})

function client(timeoutMs = 2_000): HttpClient {
  return createHttpClient({
    egress,
    timeoutMs,
    redactor: createRedactor([secret]),
    signal: controller.signal,
    clock: systemClock,
  })
}

function patch(more: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'PATCH',
    url: `${app.origin}/Users/1?filter=jane&q=${secret}`,
    body: '{}',
    ...more,
  }
}

const fails = async (work: Promise<unknown>): Promise<ConnectorError> =>
  work.then(
    () => expect.unreachable('it answered'),
    (error: ConnectorError) => error,
  )

test('client, an error status, is an answer with evidence', async () => {
  app.inject({
    kind: 'answer',
    status: 500,
    headers: { 'x-request-id': 'r-1', 'set-cookie': 'a=b' },
    body: `you sent ${secret}`,
  })
  const { status, evidence } = await client().send(patch())
  expect(status).toBe(500)
  expect(evidence).toMatchObject({
    method: 'PATCH',
    target: expect.stringMatching(/^127\.0\.0\.1:\d+\/Users\/1\?filter=…&q=…$/),
    status: 500,
    body: 'you sent [redacted]',
    requestId: 'r-1',
  })
  await client().send(patch())
  expect(app.seen[1]?.headers).not.toHaveProperty('cookie')
})

test.each<[string, WireFault, object, object]>([
  [
    'reset before the answer',
    { kind: 'reset-before' },
    { fault: 'transient', effect: 'unknown' },
    { fault: 'transient', effect: 'none' },
  ],
  [
    'no answer',
    { kind: 'silence' },
    { fault: 'transient', effect: 'unknown' },
    { fault: 'transient', effect: 'none' },
  ],
  [
    'a dripping answer',
    { kind: 'drip' },
    { fault: 'transient', effect: 'unknown' },
    { fault: 'transient', effect: 'none' },
  ],
  [
    'a redirect',
    { kind: 'answer', status: 307, headers: { location: 'http://127.0.0.1/' } },
    { fault: 'invalid', effect: 'unknown' },
    { fault: 'invalid', effect: 'none' },
  ],
  [
    'an endless answer',
    { kind: 'answer', status: 200, body: 'x'.repeat(200_000) },
    { fault: 'invalid', effect: 'unknown' },
    { fault: 'invalid', effect: 'none' },
  ],
  [
    'a compressed answer',
    { kind: 'answer', status: 200, headers: { 'content-encoding': 'gzip' } },
    { fault: 'invalid', effect: 'unknown' },
    { fault: 'invalid', effect: 'none' },
  ],
])(
  'client, %s, is an error that tells what a write may have done',
  async (_, fault, write, read) => {
    // `silence` forwards upstream first; port 9 answers nothing, which is silence enough.
    app.inject(fault.kind === 'silence' ? { kind: 'drip' } : fault)
    expect(await fails(client(300).send(patch()))).toMatchObject(write)
    expect(await fails(client(300).send(patch({ method: 'GET' })))).toMatchObject(read)
    expect(await fails(client(300).send(patch({ method: 'POST', reads: true })))).toMatchObject(
      read,
    )
    expect(app.seen).toHaveLength(3)
  },
)

test('client, nobody listens, had no effect', async () => {
  await app.close()
  expect(await fails(client().send(patch()))).toMatchObject({ fault: 'transient', effect: 'none' })
  app = await startFaultProxy('http://127.0.0.1:9')
})

test('client, a name that does not resolve, had no effect', async () => {
  const error = await fails(client().send(patch({ url: 'https://no-such-host.invalid/' })))
  expect(error).toMatchObject({ fault: 'transient', effect: 'none' })
})

test('client, aborted by the hub, ends within a second', async () => {
  app.inject({ kind: 'drip' })
  const began = performance.now()
  const work = fails(client(10_000).send(patch()))
  await expect.poll(() => app.seen.length).toBe(1)
  controller.abort()
  expect(await work).toMatchObject({ fault: 'transient', effect: 'unknown' })
  expect(performance.now() - began).toBeLessThan(1_000)
})

test('client, aborted before, sends nothing', async () => {
  controller.abort()
  expect(await fails(client().send(patch()))).toMatchObject({ effect: 'none' })
  expect(app.seen).toHaveLength(0)
})

test.each(['ftp://127.0.0.1/', 'file:///etc/passwd', 'not a url', 'http://user:pw@127.0.0.1/'])(
  'client, %s, is refused',
  async (url) => {
    expect(await fails(client().send(patch({ url })))).toMatchObject({
      fault: 'invalid',
      effect: 'none',
    })
  },
)

test('client, a secret in the failing request, is in no part of the error', async () => {
  const error = await fails(
    client().send(patch({ headers: { authorization: `Bearer ${secret}\r\nx: y` } })),
  )
  expect(error).toMatchObject({ fault: 'invalid', effect: 'none' })
  expect(error.message).toContain('a character that no HTTP header can carry')
  expect(inspect(error, { depth: 9 })).not.toContain(secret)
})
