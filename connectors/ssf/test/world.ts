import { exportPKCS8, generateKeyPair } from 'jose'
import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'
import { startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { type Receiver, startReceiver } from './receiver.ts'

const emails = ['bystander@example.com', 'jane@example.com']
const issuer = 'https://hub.example.com'
const audience = 'https://receiver.example.com'

// Making an RSA key takes a second.
const pair = generateKeyPair('RS256', { extractable: true })

export interface SsfWorld extends KitWorld {
  receiver: Receiver
}

/** A receiver of events that checks signatures, behind a proxy that can misbehave. */
export async function ssfWorld(
  of: 'events' | 'gtr' | 'gtr-jwt',
  more: { push?: object; subject?: object } = {},
): Promise<SsfWorld> {
  const { publicKey, privateKey } = await pair
  const tokens = { token: 'canary-push-5d1c77', gtrToken: 'canary-gtr-90ab12' }
  const receiver = await startReceiver({ publicKey, issuer, audience, emails, ...tokens })
  const proxy = await startFaultProxy(receiver.origin)
  receiver.revocationAudience = `${proxy.origin}/revoke`
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const events = ['account-disabled', 'session-revoked', 'credential-change']
  const push = { endpoint: `${proxy.origin}/events`, audience, events, ...more.push }
  const gtr = { endpoint: `${proxy.origin}/revoke`, auth: of === 'gtr-jwt' ? 'jwt' : 'bearer' }
  const jane = () => receiver.people.get('jane@example.com')
  return {
    receiver,
    app: {
      id: 'app',
      connectorId: 'ssf',
      config: {
        issuer,
        signing: { keyId: 'k1' },
        ...(more.subject === undefined ? {} : { subject: more.subject }),
        ...(of === 'events' ? { push } : { gtr }),
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { signingKey: await exportPKCS8(privateKey), ...tokens },
    subject: { ...person, userName: 'jane@example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: 'nobody@example.com' },
    twins: { ...person, userName: 'jane@example.com' },
    accountId: 'jane@example.com',
    strangerId: 'nobody@example.com',
    isLive: (facet) => {
      const { enabled = false, sessions = 0, grants = 0, password = false } = jane() ?? {}
      const live = { account: enabled, session: sessions > 0, oauth_grant: grants > 0 }
      return { ...live, local_login: password }[facet as 'account']
    },
    bystandersHit: () => {
      const other = receiver.people.get('bystander@example.com')
      return other?.enabled && other.sessions === 2 && other.grants === 1 && other.password ? 0 : 1
    },
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite: () => true },
    tricks: {},
    cannot: {
      ask: 'receivers are told, never asked',
      lie: 'nothing is read back',
      ignoreFilter: 'nobody is searched for',
      repeatPages: 'nobody is listed',
      hideRows: 'nobody is listed',
    },
    close: async () => {
      await proxy.close()
      await receiver.close()
    },
  }
}
