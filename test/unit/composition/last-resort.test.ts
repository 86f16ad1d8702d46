import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createVisitRouter } from '../../../src/composition/app-visits.ts'
import { lastResort } from '../../../src/composition/last-resort.ts'
import { createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import { HubError } from '../../../src/shared/errors.ts'
import { createLog } from '../../../src/telemetry/log.ts'

const log = createLog({ level: 'silent' })
const runner = createConnectorRunner({
  connectors: new Map(),
  secretsOf: async () => ({}),
  clock: systemClock,
})
const app = express()
app.use(
  createVisitRouter({
    apps: {
      app: async (id) => {
        if (id === 'fault') throw new Error('db.internal:27017')
        if (id === 'away') throw new HubError('ERR_STORAGE_UNAVAILABLE', 'storage is away')
        return null
      },
    },
    runner,
    clock: systemClock,
    log,
  }),
)
app.use(lastResort(log))
const server = createServer(app)
let base = ''

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
})

test.each([
  ['a path that is no text', '/apps/%ff/poll', 400, {}],
  ['a body that is too long', '/apps/a/poll', 413, { method: 'POST', body: 'x'.repeat(70_000) }],
  ['a fault of ours', '/apps/fault/poll', 500, {}],
  ['storage that is away', '/apps/away/poll', 503, {}],
])('public address of apps, %s, is a problem without a stack', async (_, path, status, init) => {
  const response = await fetch(`${base}${path}`, init)
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const text = await response.text()
  expect(text).not.toMatch(/node_modules|27017|\bat /)
  expect(response.headers.get('retry-after') !== null).toBe(status === 503)
})
