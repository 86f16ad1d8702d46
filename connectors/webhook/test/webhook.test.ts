import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector, Handle } from '../../../src/connector-sdk/contract.ts'
import type { KitWorld, Wire } from '../../../src/connector-sdk/kit/world.ts'
import { type ConnectorRunner, createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import webhook from '../index.ts'
import { webhookWorld } from './world.ts'

let world: KitWorld
let runner: ConnectorRunner
beforeEach(async () => {
  world = await webhookWorld()
  runner = createConnectorRunner({
    connectors: new Map<string, Connector>([['webhook', webhook]]),
    secretsOf: async () => world.secrets,
    clock: systemClock,
  })
})
afterEach(async () => {
  await runner.close()
  await world.close()
})

const open = async (config: object = {}) => {
  const app = { ...world.app, config: { ...(world.app.config as object), ...config } }
  const { connector, call, facets } = await runner.open(app)
  const context = (credential: 'doer' | 'witness') =>
    call({ credential, idempotencyKey: 'step-1', signal: new AbortController().signal })
  return { connector, facets, doer: context('doer'), witness: context('witness') }
}
const wire = (): Wire => world.wire ?? expect.unreachable('no wire')
const account = (): Handle => ({ facet: 'account', id: world.accountId })

test('revoke, an empty 200, is accepted and no more', async () => {
  wire().inject({ kind: 'answer', status: 200 }, wire().isWrite)
  const { connector, doer } = await open()
  expect(await connector.revoke(account(), doer)).toMatchObject({ kind: 'accepted' })
})

test('revoke, 200 with another JSON than agreed, is invalid with unknown effect', async () => {
  wire().inject({ kind: 'answer', status: 200, body: '{"ok":true}' }, wire().isWrite)
  const { connector, doer } = await open()
  await expect(connector.revoke(account(), doer)).rejects.toMatchObject({
    fault: 'invalid',
    effect: 'unknown',
  })
})

test('revoke, repeated, carries the same message id and a valid signature', async () => {
  const { connector, doer } = await open()
  await connector.revoke(account(), doer)
  await connector.revoke(account(), doer)
  await connector.revoke({ ...account(), facet: 'session' }, doer)
  const ids = wire().seen.map(({ headers }) => headers['webhook-id'])
  expect(ids[0]).toBe(ids[1])
  expect(ids[2]).not.toBe(ids[1])
  const [first] = wire().seen
  const verified = new Webhook(world.secrets['signingSecret'] ?? '').verify(
    first?.body ?? '',
    first?.headers ?? {},
  )
  expect(verified).toMatchObject({ type: 'account.revoke', data: { id: world.accountId } })
})

test('observe, twice, asks with a new message id', async () => {
  const { connector, witness } = await open()
  await connector.observe(account(), witness)
  await connector.observe(account(), witness)
  const [one, two] = wire().seen.map(({ headers }) => headers['webhook-id'])
  expect(one).not.toBe(two)
})

test('revoke, with the witness credential, is forbidden by the application', async () => {
  const { connector, witness } = await open()
  await expect(connector.revoke(account(), witness)).rejects.toMatchObject({ fault: 'forbidden' })
})

test('observe, a second URL for reading back, is asked there', async () => {
  const elsewhere = await webhookWorld()
  const { url } = elsewhere.app.config as { url: string }
  const { connector, witness } = await open({ verifyUrl: url })
  expect((await connector.observe(account(), witness)).state).toBe('absent')
  expect(wire().seen).toHaveLength(0)
  expect(elsewhere.wire?.seen).toHaveLength(1)
  await elsewhere.close()
})

test('revoke, the endpoint is withdrawn (410), is a matter for a person', async () => {
  wire().inject({ kind: 'answer', status: 410 })
  const { connector, doer } = await open()
  await expect(connector.revoke(account(), doer)).rejects.toMatchObject({ fault: 'invalid' })
})

test('an application without read-back, offers nothing to observe', async () => {
  const { connector, facets, witness } = await open({ readBack: false })
  expect(facets.map(({ observe }) => observe)).toEqual(['none', 'none'])
  await expect(connector.observe(account(), witness)).rejects.toMatchObject({
    fault: 'unsupported',
  })
})

test('a signing secret that is no base64, is a credential fault that does not repeat it', async () => {
  world.secrets['signingSecret'] = 'whsec_not base64 at all!'
  const { connector, doer } = await open()
  const revoking = connector.revoke(account(), doer)
  await expect(revoking).rejects.toMatchObject({ fault: 'credential', effect: 'none' })
  await expect(revoking).rejects.not.toThrow(/not base64 at all/)
})
