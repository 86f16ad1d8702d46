import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { CallContext, Connector } from '../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../src/connector-sdk/runner.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { eventually } from '../support/eventually.ts'
import { targetConnector } from '../support/targets.ts'

/** In a thread of its own: it must go on while the caller is frozen. */
const SERVER = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:http').createServer((request, response) => {
    parentPort.postMessage(request.method)
    request.resume().once('end', () => response.end('{}'))
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`
const asked: string[] = []
const server = new Worker(SERVER, { eval: true })
let url = ''

const runner = createConnectorRunner({
  connectors: new Map([['target', targetConnector() as Connector]]),
  secretsOf: async () => ({}),
  clock: systemClock,
})
const app = (id: string) => ({
  id,
  connectorId: 'target',
  config: { url },
  allowNetworks: ['127.0.0.0/8'],
})

beforeAll(async () => {
  const [port] = await once(server, 'message')
  url = `http://127.0.0.1:${port}`
  server.on('message', (method: string) => asked.push(method))
})
beforeEach(() => {
  asked.length = 0
})
afterAll(async () => {
  await runner.close()
  await server.terminate()
})

/** As SIGSTOP and SIGCONT do it: no timer runs, and what came in waits. */
function freeze(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

const MS = 1_000

/** What was asked before a last request of ours. */
async function askedUntil(method: 'OPTIONS'): Promise<string[]> {
  await fetch(url, { method })
  await eventually('the last request', () => asked.includes(method))
  return asked.slice(0, asked.indexOf(method))
}

const callFor = async (id: string): Promise<CallContext> =>
  (await runner.open(app(id))).call({
    credential: 'doer',
    idempotencyKey: 'k',
    signal: AbortSignal.timeout(MS),
    deadline: performance.now() + MS,
  })

test('call, frozen between two requests for longer than it may take, sends no second one', async () => {
  const { http } = await callFor('between')
  await http.send({ method: 'GET', url })
  freeze(MS + 100)
  await expect(http.send({ method: 'PATCH', url, body: '{}' })).rejects.toMatchObject({
    fault: 'transient',
    effect: 'none',
  })
  expect(await askedUntil('OPTIONS')).toEqual(['GET'])
})
