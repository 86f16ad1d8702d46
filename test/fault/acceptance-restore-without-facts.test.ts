import { afterAll, expect, test } from 'vitest'
import scim from '../../connectors/scim/index.ts'
import { startScimApp } from '../../demo/apps/scim-app.ts'
import type { Connector, Handle } from '../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../src/connector-sdk/runner.ts'
import { systemClock } from '../../src/shared/clock.ts'

const app = await startScimApp({ accounts: [{ userName: 'ann@example.com' }] })
const runner = createConnectorRunner({
  connectors: new Map([['scim', scim as unknown as Connector]]),
  secretsOf: async () => ({ token: app.tokens.doer }),
  clock: systemClock,
})
afterAll(async () => {
  await runner.close()
  await app.close()
})

test('restore over SCIM, after the answer to the disabling was lost, enables the account', async () => {
  const { connector, call } = await runner.open({
    id: 'a',
    connectorId: 'scim',
    config: { baseUrl: app.url },
    allowNetworks: ['127.0.0.0/8'],
  })
  const context = () =>
    call({ credential: 'doer', idempotencyKey: 'k', signal: AbortSignal.timeout(5_000) })
  const handle: Handle = { facet: 'account', id: app.accounts()[0]!.id }
  await connector.revoke(handle, context())
  expect(app.accounts()[0]?.active).toBe(false)
  // What was taken is known from the answer alone, and that never came.
  await connector.restore?.(handle, {}, context())
  expect(app.accounts()[0]?.active).toBe(true)
})
