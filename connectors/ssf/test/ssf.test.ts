import { exportJWK, generateKeyPair } from 'jose'
import { describe, expect, test } from 'vitest'
import type { CallContext } from '../../../src/connector-sdk/contract.ts'
import { inFreshWorld, type KitSession } from '../../../src/connector-sdk/kit/session.ts'
import { ssfConfig } from '../config.ts'
import ssf from '../index.ts'
import { type SsfWorld, ssfWorld } from './world.ts'

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const handle = { facet: 'session', id: 'jane@example.com' } as const

const inWorld = (
  work: (session: KitSession & { world: SsfWorld }) => Promise<void>,
  of: Parameters<typeof ssfWorld>[0] = 'events',
  more: Parameters<typeof ssfWorld>[1] = {},
  change: (world: SsfWorld) => Promise<void> | void = () => {},
) =>
  inFreshWorld(
    {
      connector: ssf,
      start: async () => {
        const world = await ssfWorld(of, more)
        await change(world)
        return world
      },
    },
    (session) => work(session as KitSession & { world: SsfWorld }),
  )

describe('events', () => {
  test('revoke, a session, is a SET as the SSF profile demands, and no more than accepted', () =>
    inWorld(async ({ connector, doer, world }) => {
      const ack = await connector.revoke(handle, doer)
      expect(ack.kind).toBe('accepted')
      const [claims] = world.receiver.taken
      expect(claims).toEqual({
        iss: 'https://hub.example.com',
        aud: 'https://receiver.example.com',
        jti: 'kit.session-revoked',
        txn: 'kit',
        iat: expect.any(Number),
        sub_id: { format: 'email', email: 'jane@example.com' },
        events: {
          [`${CAEP}session-revoked`]: {
            event_timestamp: claims?.['iat'],
            initiating_entity: 'policy',
            reason_admin: { en: 'The person has left' },
          },
        },
      })
      expect(JSON.parse(ack.evidence.body)).toMatchObject({ sent: expect.stringMatching(/^eyJ/) })
    }))

  test('revoke, repeated after no answer, is the same statement to the receiver', () =>
    inWorld(async ({ connector, doer, world }) => {
      world.wire?.inject({ kind: 'reset-after' })
      await expect(connector.revoke(handle, doer)).rejects.toMatchObject({ effect: 'unknown' })
      world.wire?.inject(undefined)
      await connector.revoke(handle, doer)
      expect(world.receiver.taken).toHaveLength(1)
    }))

  test('revoke, an older receiver, finds the subject inside the event too', () =>
    inWorld(
      async ({ connector, doer, world }) => {
        await connector.revoke(handle, doer)
        const [claims] = world.receiver.taken
        const subject = { format: 'iss_sub', iss: 'https://idp.example.com', sub: handle.id }
        expect(claims).toMatchObject({
          sub_id: subject,
          events: { [`${CAEP}session-revoked`]: { subject } },
        })
      },
      'events',
      {
        push: { subjectInEvent: true },
        subject: { format: 'iss_sub', iss: 'https://idp.example.com' },
      },
    ))

  test('revoke, a key that the receiver does not know, is refused by name', () =>
    inWorld(
      async ({ connector, doer }) => {
        await expect(connector.revoke(handle, doer)).rejects.toMatchObject({
          fault: 'invalid',
          effect: 'none',
          message: 'the receiver says invalid_key',
        })
      },
      'events',
      {},
      async (world) => {
        const { privateKey } = await generateKeyPair('RS256', { extractable: true })
        world.secrets['signingKey'] = JSON.stringify(await exportJWK(privateKey))
      },
    ))

  test.each([
    ['authentication_failed', 'credential'],
    ['access_denied', 'forbidden'],
    ['invalid_audience', 'invalid'],
    ['INVENTED <b>', 'invalid'],
  ])('revoke, the receiver says %s, is %s', (err, fault) =>
    inWorld(async ({ connector, doer, world }) => {
      world.wire?.inject({ kind: 'answer', status: 400, body: JSON.stringify({ err }) })
      const refused = connector.revoke(handle, doer)
      await expect(refused).rejects.toMatchObject({ fault, effect: 'none' })
      await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('<b>') })
    }),
  )

  test.each([200, 204])('revoke, %i instead of 202, is no acknowledgement', (status) =>
    inWorld(async ({ connector, doer, world }) => {
      world.wire?.inject({ kind: 'answer', status })
      await expect(connector.revoke(handle, doer)).rejects.toMatchObject({
        fault: 'invalid',
        effect: 'unknown',
      })
    }),
  )

  test.each([
    ['no key', undefined],
    ['no PEM', 'hunter2-is-no-key'],
    ['another kind of key', '{"kty":"oct","k":"c2VjcmV0LXNlY3JldA"}'],
  ])('revoke, %s, is a credential fault that quotes nothing', (_, key) =>
    inWorld(
      async ({ connector, doer, world }) => {
        const refused = connector.revoke(handle, doer)
        await expect(refused).rejects.toMatchObject({ fault: 'credential', effect: 'none' })
        await expect(refused).rejects.not.toMatchObject({
          message: expect.stringMatching(/hunter2|c2Vj/),
        })
        expect(world.receiver.taken).toEqual([])
      },
      'events',
      {},
      (world) => {
        if (key === undefined) delete world.secrets['signingKey']
        else world.secrets['signingKey'] = key
      },
    ),
  )
})

describe('who is meant', () => {
  const person = {
    sourceId: 's',
    userId: 'u',
    userName: 'jane',
    emails: ['j@x.example', 'j2@x.example'],
  }
  const correlate = (config: object, call?: CallContext) =>
    ssf.correlate(person, {
      ...call,
      config: ssfConfig.parse({
        issuer: 'https://hub.example.com',
        gtr: { endpoint: 'https://as.example.com/revoke' },
        ...config,
      }),
      now: () => 0,
    } as CallContext<never>)

  test('correlate, two addresses, are two matches, so that a person decides', async () => {
    const matches = await correlate({ subject: { format: 'email', from: 'emails' } })
    expect(matches.map(({ handle }) => handle.id)).toEqual(person.emails)
  })

  test.each([
    ['a user name that is no address', {}],
    ['no externalId', { subject: { format: 'opaque' } }],
  ])('correlate, %s, is an error and not nobody', async (_, config) => {
    await expect(correlate(config)).rejects.toMatchObject({ fault: 'invalid' })
  })
})

describe('global token revocation', () => {
  const grants = { facet: 'oauth_grant', id: 'jane@example.com' } as const

  test('revoke, authenticated by a signed assertion, has begun', () =>
    inWorld(async ({ connector, doer, world }) => {
      expect(await connector.revoke(grants, doer)).toMatchObject({ kind: 'accepted' })
      expect(world.isLive('oauth_grant')).toBe(false)
      expect(world.bystandersHit()).toBe(0)
    }, 'gtr-jwt'))

  test('revoke, somebody unknown there, is gone', () =>
    inWorld(async ({ connector, doer }) => {
      await expect(
        connector.revoke({ ...grants, id: 'nobody@example.com' }, doer),
      ).rejects.toMatchObject({ fault: 'gone', effect: 'none' })
    }, 'gtr'))
})

describe('configuration', () => {
  const base = { issuer: 'https://hub.example.com' }
  const push = { endpoint: 'https://r.example.com/events', audience: 'r' }
  const endpoint = 'https://as.example.com/revoke'
  test.each([
    ['nothing to do', base],
    ['events without a key', { ...base, push }],
    ['an assertion without a key', { ...base, gtr: { endpoint, auth: 'jwt' } }],
    [
      'sessions twice',
      { ...base, push, signing: { keyId: 'k' }, gtr: { endpoint, ends: 'session' } },
    ],
  ])('%s, is refused', (_, config) => {
    expect(ssfConfig.safeParse(config).success).toBe(false)
  })
})
