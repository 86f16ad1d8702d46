import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ScimApp, startScimApp } from '../../demo/apps/scim-app.ts'
import { loadConnectors } from '../../src/connector-sdk/load.ts'
import { type ConnectorRunner, createConnectorRunner } from '../../src/connector-sdk/runner.ts'
import { systemClock } from '../../src/shared/clock.ts'

let app: ScimApp
let runner: ConnectorRunner
const secrets: Record<string, string> = {}

beforeAll(async () => {
  app = await startScimApp()
  Object.assign(secrets, { token: app.tokens.doer, witnessToken: app.tokens.witness })
  runner = createConnectorRunner({
    connectors: await loadConnectors(),
    secretsOf: async () => secrets,
    clock: systemClock,
  })
})
afterAll(async () => {
  await runner.close()
  await app.close()
})

const options = { idempotencyKey: 'k', signal: new AbortController().signal }
const record = (config: object = {}, more: object = {}) => ({
  id: 'app-1',
  connectorId: 'scim',
  config: { baseUrl: app.url, ...config },
  allowNetworks: ['127.0.0.0/8'],
  ...more,
})
const ada = { sourceId: 's', userId: 'u', userName: 'ADA@example.com', emails: [] }

describe('runner', () => {
  test('an app of a loaded connector, is found, disabled and read back', async () => {
    const { connector, call, facets, hasWitness } = await runner.open(record())
    const doer = call({ ...options, credential: 'doer' })
    const witness = call({ ...options, credential: 'witness' })
    expect(facets.map((f) => f.facet)).toEqual(['account'])
    expect(hasWitness).toBe(true)
    const [match, ...others] = await connector.correlate(ada, witness)
    expect(others).toEqual([])
    expect(match).toMatchObject({ strength: 'exact', matchedOn: 'userName' })
    const handle = match!.handle
    expect((await connector.observe(handle, witness)).state).toBe('live')
    await expect(connector.revoke(handle, witness)).rejects.toMatchObject({ fault: 'forbidden' })
    const ack = await connector.revoke(handle, doer)
    expect(ack).toMatchObject({ kind: 'done', undo: { active: true } })
    expect((await connector.observe(handle, witness)).state).toBe('dead')
    expect(await connector.revoke(handle, doer)).toMatchObject({ kind: 'already' })
    expect(await connector.restore!(handle, ack.undo!, doer)).toMatchObject({ kind: 'done' })
    expect((await connector.observe(handle, witness)).state).toBe('live')
  })

  test('the connection test, against a healthy app, has one line per operation', async () => {
    const { connector, call } = await runner.open(record())
    const lines = await connector.test(call({ ...options, credential: 'doer' }))
    expect(lines.map(({ name, ok }) => [name, ok])).toEqual([
      ['account.list', true],
      ['account.correlate', true],
      ['account.revoke', true],
    ])
  })

  test('a configuration with a secret in the wrong field, is refused without repeating it', async () => {
    const opening = runner.open(record({ baseUrl: 'hunter2-secret', apiKey: 'hunter2-secret' }))
    await expect(opening).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
    await expect(opening).rejects.not.toThrow(/hunter2/)
  })

  test('a connector that is not installed, is unsupported', async () => {
    await expect(runner.open(record({}, { connectorId: 'nope' }))).rejects.toMatchObject({
      fault: 'unsupported',
    })
  })

  test('an app without allowed networks on a private address, is not reached', async () => {
    const { connector, call } = await runner.open(record({}, { allowNetworks: [] }))
    await expect(
      connector.correlate(ada, call({ ...options, credential: 'witness' })),
    ).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
  })

  test('networks that are not CIDR, are refused', async () => {
    await expect(runner.open(record({}, { allowNetworks: ['ten'] }))).rejects.toMatchObject({
      fault: 'invalid',
    })
  })
})
