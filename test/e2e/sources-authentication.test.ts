import { afterAll, beforeAll, expect, test } from 'vitest'
import { newToken } from '../../src/auth/tokens.ts'
import type { ScimClient } from '../support/client.ts'
import { startHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let okta: ScimClient
beforeAll(async () => {
  hub = await startHub({ TRUST_PROXY: '1' })
  okta = await hub.client.createSource('okta-auth', 'okta')
})
afterAll(() => hub.stop())

const call = (token: string, from: string): Promise<Response> =>
  fetch(`${okta.base}/Users?count=0`, {
    headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': from },
  })

test('SCIM, guesses from one address, slow that address alone and are counted', async () => {
  for (let i = 0; i < 30; i++) {
    expect((await call(newToken('scim').token, '192.0.2.1')).status).toBe(401)
  }
  const slowed = await call(newToken('scim').token, '192.0.2.1')
  expect(slowed.status).toBe(429)
  expect(Number(slowed.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await call(newToken('scim').token, '192.0.2.2')).status).toBe(401)
  expect((await call(okta.token, '192.0.2.1')).status).toBe(200)
  const metrics = await (await hub.client.raw('GET', '/metrics')).text()
  expect(metrics).toContain('hub_authentication_failures_total{room="scim"} 31')
})
