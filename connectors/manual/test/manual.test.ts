import { expect, test } from 'vitest'
import type { Connector } from '../../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import manual from '../index.ts'

const open = (config: object) =>
  createConnectorRunner({
    connectors: new Map<string, Connector>([['manual', manual]]),
    secretsOf: async () => ({}),
    clock: systemClock,
  }).open({ id: 'app', connectorId: 'manual', config, allowNetworks: [] })
const options = {
  credential: 'doer',
  idempotencyKey: 'k',
  signal: new AbortController().signal,
} as const

test('manual, the facets chosen, are for a person and cannot be read back', async () => {
  const facets = ['account', 'local_login']
  const opened = await open({ facets, instructions: 'Open the admin page.' })
  expect(opened.facets).toMatchObject(
    facets.map((facet) => ({ facet, revoke: 'manual', observe: 'none', enumerate: 'none' })),
  )
})

test('manual, a person, is known by the name of the identity provider', async () => {
  const { connector, call } = await open({ instructions: 'Open the admin page.' })
  const subject = { sourceId: 's', userId: 'u', userName: 'jane', emails: [] }
  expect(await connector.correlate(subject, call(options))).toMatchObject([
    { handle: { facet: 'account', id: 'jane' }, strength: 'exact' },
  ])
})

test('manual, asked to revoke or to look, is unsupported and never an answer', async () => {
  const { connector, call } = await open({ instructions: 'Open the admin page.' })
  const handle = { facet: 'account', id: 'jane' } as const
  await expect(connector.revoke(handle, call(options))).rejects.toMatchObject({
    fault: 'unsupported',
  })
  await expect(connector.observe(handle, call(options))).rejects.toMatchObject({
    fault: 'unsupported',
  })
})
