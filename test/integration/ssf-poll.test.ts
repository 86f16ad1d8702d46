import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createRemoteJWKSet, exportPKCS8, generateKeyPair, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import ssf from '../../connectors/ssf/index.ts'
import { appAddress, createVisitRouter } from '../../src/composition/app-visits.ts'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { type ConnectorRunner, createConnectorRunner } from '../../src/connector-sdk/runner.ts'
import type { AppRecord } from '../../src/revocation/types.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { createMailboxes, prepareMail } from '../../src/storage/mailbox-store.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { freshDatabase } from '../support/database.ts'

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'
const audience = 'https://receiver.example.com'
const streamToken = 'canary-stream-3f1a-of-32-characters'

let server: Server
let database: Awaited<ReturnType<typeof freshDatabase>>
let runner: ConnectorRunner
let app: AppRecord
let origin: string
let signingKey: string
let apps = 0
let now = Date.now()
let tokenOfApp = streamToken
/** Of the limiter alone. */
const clock = { now: () => now }
const records = new Map<string, AppRecord>()

beforeAll(async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  signingKey = await exportPKCS8(privateKey)
  database = await freshDatabase()
  const { connection } = database
  await prepareMail(connection)
  server = express().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  runner = createConnectorRunner({
    connectors: new Map<string, Connector>([['ssf', ssf as unknown as Connector]]),
    secretsOf: async () => ({ signingKey, streamToken: tokenOfApp }),
    clock: systemClock,
    mailboxOf: createMailboxes(connection, systemClock),
    addressOf: (id) => appAddress(origin, id),
  })
  const hub = express()
  const log = createLog({ level: 'silent' })
  hub.use(
    createVisitRouter({ apps: { app: async (id) => records.get(id) ?? null }, runner, clock, log }),
  )
  server.removeAllListeners('request').on('request', hub)
})
afterAll(async () => {
  await runner.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await database.dispose()
})
beforeEach(() => {
  apps += 1
  tokenOfApp = streamToken
  const id = `app-${apps}`
  app = {
    id,
    connectorId: 'ssf',
    config: {
      issuer: appAddress(origin, id),
      signing: { keyId: 'k1', algorithm: 'ES256' },
      poll: { audience, events: ['account-disabled', 'session-revoked'] },
    },
    allowNetworks: [],
  } as unknown as AppRecord
  records.set(id, app)
})

const call = (method: string, path: string, body?: object, token = streamToken) =>
  fetch(`${appAddress(origin, app.id)}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
const poll = async (body: object = {}) => {
  const answer = await call('POST', '/poll', { returnImmediately: true, ...body })
  expect(answer.status).toBe(200)
  return (await answer.json()) as { sets: Record<string, string>; moreAvailable?: boolean }
}
const open = async () => {
  const { connector, call: context } = await runner.open(app)
  const doer = (idempotencyKey = 'step') =>
    context({ credential: 'doer', idempotencyKey, signal: AbortSignal.timeout(5_000) })
  return { connector, doer }
}
const session = { facet: 'session', id: 'jane@example.com' } as const
const account = { facet: 'account', id: 'jane@example.com' } as const

/** As a receiver does it: by the metadata of the issuer and the keys it names. */
const verified = async (set: string) => {
  const { issuer } = app.config as { issuer: string }
  const { origin: host, pathname } = new URL(issuer)
  const metadata = await fetch(`${host}/.well-known/ssf-configuration${pathname}`)
  const { jwks_uri, issuer: iss } = (await metadata.json()) as Record<string, string>
  expect(iss).toBe(issuer)
  const keys = createRemoteJWKSet(new URL(jwks_uri ?? ''))
  return (await jwtVerify(set, keys, { issuer, audience, typ: 'secevent+jwt' })).payload
}

describe('a receiver that fetches its events', () => {
  test('gets what was revoked as a signed event, again until it acknowledges, and then no more', async () => {
    const { connector, doer } = await open()
    const ack = await connector.revoke(session, doer())
    expect(ack.kind).toBe('accepted')
    // A repetition after a lost answer is the same event.
    await connector.revoke(session, doer())
    const { sets } = await poll()
    expect(Object.keys(sets)).toEqual(['step.session-revoked'])
    const claims = await verified(sets['step.session-revoked'] ?? '')
    expect(claims['events']).toHaveProperty([`${CAEP}session-revoked`])
    expect(claims['sub_id']).toEqual({ format: 'email', email: 'jane@example.com' })
    expect(await poll()).toEqual({ sets })
    expect(await poll({ ack: Object.keys(sets) })).toEqual({ sets: {} })
    // Also a repetition after the acknowledgement sends nothing new.
    await connector.revoke(session, doer())
    expect(await poll()).toEqual({ sets: {} })
  })

  test('that acknowledged, is no proof: nothing can be read back', async () => {
    const { connector, doer } = await open()
    await connector.revoke(session, doer())
    await poll({ ack: ['step.session-revoked'] })
    const { facets } = await runner.open(app)
    expect(facets.map(({ observe }) => observe)).toEqual(['none', 'none'])
    await expect(connector.observe(session, doer())).rejects.toMatchObject({ fault: 'unsupported' })
  })

  test('hears of a person who came back', async () => {
    const { connector, doer } = await open()
    const { undo = {} } = await connector.revoke(account, doer('one'))
    await connector.restore?.(account, undo, doer('two'))
    const { sets } = await poll()
    expect(Object.keys(sets)).toEqual(['one.account-disabled', 'two.account-enabled'])
    const claims = await verified(sets['two.account-enabled'] ?? '')
    expect(claims['events']).toEqual({ [`${RISC}account-enabled`]: {} })
  })

  test('gets no more at once than it asks for, oldest first, and is told that there is more', async () => {
    const { connector, doer } = await open()
    for (const key of ['a', 'b', 'c']) await connector.revoke(session, doer(key))
    const { sets, moreAvailable } = await poll({ maxEvents: 2 })
    expect([Object.keys(sets), moreAvailable]).toEqual([
      ['a.session-revoked', 'b.session-revoked'],
      true,
    ])
    expect(await poll({ maxEvents: 0, ack: Object.keys(sets) })).toEqual({ sets: {} })
    expect(Object.keys((await poll({ maxEvents: 2 })).sets)).toEqual(['c.session-revoked'])
  })

  test('waiting in a long poll, is answered when something comes', async () => {
    const { connector, doer } = await open()
    const answer = call('POST', '/poll', {})
    await connector.revoke(session, doer())
    const { sets } = (await (await answer).json()) as { sets: object }
    expect(Object.keys(sets)).toEqual(['step.session-revoked'])
  })

  test('refusing an event, is not sent it again, and the test of the app says so', async () => {
    const { connector, doer } = await open()
    await connector.revoke(session, doer())
    const setErrs = { 'step.session-revoked': { err: 'invalid_key', description: 'no such key' } }
    expect(await poll({ setErrs })).toEqual({ sets: {} })
    const [line] = await connector.test(doer())
    expect(line?.detail).toContain('1 were refused')
  })

  test('with another app’s id or token, sees nothing', async () => {
    const { connector, doer } = await open()
    await connector.revoke(session, doer())
    for (const token of ['', 'canary', `${streamToken}x`]) {
      expect((await call('POST', '/poll', {}, token)).status).toBe(401)
      expect((await call('GET', '/stream', undefined, token)).status).toBe(401)
    }
    expect((await fetch(`${origin}/apps/nobody/poll`, { method: 'POST' })).status).toBe(404)
    const first = app
    records.set('other', { ...first, id: 'other' })
    app = { ...first, id: 'other' }
    expect(await poll({ ack: ['step.session-revoked'] })).toEqual({ sets: {} })
    app = first
    expect(Object.keys((await poll()).sets)).toEqual(['step.session-revoked'])
  })

  test('guessing tokens, is slowed down for a minute; the right one always gets in', async () => {
    const guess = () => call('POST', '/poll', {}, 'x'.repeat(32))
    const first = await Promise.all(Array.from({ length: 30 }, guess))
    expect(new Set(first.map(({ status }) => status))).toEqual(new Set([401]))
    const slowed = await guess()
    expect([slowed.status, slowed.headers.get('retry-after')]).toEqual([429, '60'])
    expect(await poll()).toEqual({ sets: {} })
    now += 60_001
    expect((await guess()).status).toBe(401)
  })

  test('with a token of 31 characters, is not served, and the owner is told why', async () => {
    tokenOfApp = 'x'.repeat(31)
    expect((await call('POST', '/poll', {}, tokenOfApp)).status).toBe(500)
    await expect(open()).rejects.toMatchObject({
      fault: 'credential',
      message: 'the secret streamToken needs at least 32 characters',
    })
  })

  test('of a paused app, gets nothing, may acknowledge, and gets the rest after the pause', async () => {
    const { connector, doer } = await open()
    for (const key of ['a', 'b']) await connector.revoke(session, doer(key))
    records.set(app.id, { ...app, state: 'paused' })
    expect(await poll({ ack: ['a.session-revoked'] })).toEqual({ sets: {} })
    expect((await call('GET', '/stream')).status).toBe(200)
    records.set(app.id, { ...app, state: 'active' })
    expect(Object.keys((await poll()).sets)).toEqual(['b.session-revoked'])
  })

  test.each(['not json', '[]', '{"maxEvents": -1}', '{"ack": "x"}'])(
    'asking with %s, is told that this is no request',
    async (body) => {
      const headers = { authorization: `Bearer ${streamToken}` }
      const url = `${appAddress(origin, app.id)}/poll`
      const answer = await fetch(url, { method: 'POST', headers, body })
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ err: 'invalid_request' })
    },
  )
})

describe('a stream, by SSF 1.0', () => {
  const stream = async (): Promise<Record<string, unknown>> =>
    (await (await call('GET', '/stream?stream_id=events')).json()) as Record<string, unknown>

  test('read, shows how events are fetched and which there are', async () => {
    expect(await stream()).toEqual({
      stream_id: 'events',
      iss: appAddress(origin, app.id),
      aud: audience,
      events_supported: [
        `${RISC}account-disabled`,
        `${RISC}account-enabled`,
        `${CAEP}session-revoked`,
      ],
      events_delivered: [
        `${RISC}account-disabled`,
        `${RISC}account-enabled`,
        `${CAEP}session-revoked`,
      ],
      delivery: {
        method: 'urn:ietf:rfc:8936',
        endpoint_url: `${appAddress(origin, app.id)}/poll`,
      },
      min_verification_interval: 10,
    })
    expect(await (await call('GET', '/stream')).json()).toHaveLength(1)
    expect((await call('GET', '/stream?stream_id=another')).status).toBe(404)
  })

  test('updated, carries only what the receiver asked for; the rest is for a person', async () => {
    const wanted = [`${CAEP}session-revoked`, 'https://example.com/unknown']
    const update = { stream_id: 'events', events_requested: wanted, description: 'ours' }
    const answer = await call('PATCH', '/stream', update)
    expect(await answer.json()).toMatchObject({
      events_requested: wanted,
      events_delivered: [`${CAEP}session-revoked`],
      description: 'ours',
    })
    const { connector, doer } = await open()
    await expect(connector.revoke(account, doer())).rejects.toMatchObject({ fault: 'unsupported' })
    // PUT replaces: what is not named is unset.
    const replaced = await call('PUT', '/stream', { stream_id: 'events' })
    expect(await replaced.json()).not.toHaveProperty('description')
    expect((await connector.revoke(account, doer())).kind).toBe('accepted')
  })

  test.each([
    ['PATCH', { events_requested: [] }, 400],
    ['PATCH', { stream_id: 'another' }, 404],
    ['PATCH', { stream_id: 'events', events_requested: 'all' }, 400],
    [
      'PUT',
      { stream_id: 'events', delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: 'x' } },
      400,
    ],
    ['POST', {}, 409],
  ])('%s of %j, is refused with %i', async (method, body, status) => {
    expect((await call(method, '/stream', body)).status).toBe(status)
  })

  test('changed by many requests at once, keeps what each of them set', async () => {
    const changes = [
      call('PATCH', '/stream', { stream_id: 'events', description: 'ours' }),
      call('POST', '/status', { stream_id: 'events', status: 'paused', reason: 'moving' }),
      call('PATCH', '/stream', { stream_id: 'events', events_requested: [] }),
      call('POST', '/verify', { stream_id: 'events' }),
    ]
    const statuses = (await Promise.all(changes)).map(({ status }) => status)
    expect(statuses).toEqual([200, 200, 200, 204])
    expect(await stream()).toMatchObject({ description: 'ours', events_requested: [] })
    const read = await call('GET', '/status?stream_id=events')
    expect(await read.json()).toMatchObject({ status: 'paused', reason: 'moving' })
    expect((await call('POST', '/verify', { stream_id: 'events' })).status).toBe(429)
  })

  test('settings, saved with a version that has passed, are not saved', async () => {
    const mailbox = createMailboxes(database.connection, systemClock)(app.id)
    expect(await mailbox.settings()).toEqual({ value: undefined, version: 0 })
    expect(await mailbox.saveSettings({ is: 1 }, 0)).toBe(true)
    expect(await mailbox.saveSettings({ is: 2 }, 0)).toBe(false)
    expect(await mailbox.saveSettings({ is: 2 }, 1)).toBe(true)
    expect(await mailbox.saveSettings({ is: 3 }, 1)).toBe(false)
    expect(await mailbox.settings()).toEqual({ value: { is: 2 }, version: 2 })
  })

  test('paused, keeps what happens for later; disabled, keeps nothing and says so', async () => {
    const { connector, doer } = await open()
    const set = (status: string) => call('POST', '/status', { stream_id: 'events', status })
    expect((await set('paused')).status).toBe(200)
    await connector.revoke(session, doer())
    expect(await poll()).toEqual({ sets: {} })
    expect(await (await set('enabled')).json()).toEqual({ stream_id: 'events', status: 'enabled' })
    expect(Object.keys((await poll()).sets)).toHaveLength(1)
    await set('disabled')
    await expect(connector.revoke(session, doer('two'))).rejects.toMatchObject({ fault: 'invalid' })
    const read = await call('GET', '/status?stream_id=events')
    expect(await read.json()).toEqual({ stream_id: 'events', status: 'disabled' })
    expect((await set('gone')).status).toBe(400)
  })

  test('verification, asked for, comes as an event with the state, not too often', async () => {
    const asked = { stream_id: 'events', state: 'VGhpcw' }
    expect((await call('POST', '/verify', asked)).status).toBe(204)
    const { sets } = await poll()
    const [set = ''] = Object.values(sets)
    const claims = await verified(set)
    expect(claims['sub_id']).toEqual({ format: 'opaque', id: 'events' })
    expect(claims['events']).toEqual({
      'https://schemas.openid.net/secevent/ssf/event-type/verification': { state: 'VGhpcw' },
    })
    const again = await call('POST', '/verify', asked)
    expect([again.status, Number(again.headers.get('retry-after')) > 0]).toEqual([429, true])
  })

  test('deleted, is gone, can be made anew, and until then nothing is told', async () => {
    expect((await call('DELETE', '/stream?stream_id=events')).status).toBe(204)
    expect((await call('GET', '/stream?stream_id=events')).status).toBe(404)
    expect(await (await call('GET', '/stream')).json()).toEqual([])
    const { connector, doer } = await open()
    await expect(connector.revoke(session, doer())).rejects.toMatchObject({ fault: 'invalid' })
    const made = await call('POST', '/stream', { events_requested: [`${CAEP}session-revoked`] })
    expect(made.status).toBe(201)
    expect((await connector.revoke(session, doer())).kind).toBe('accepted')
  })
})
