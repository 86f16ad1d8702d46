import { describe, expect, test } from 'vitest'
import { inFreshWorld, type KitSession } from '../../../src/connector-sdk/kit/session.ts'
import { testKit } from '../../../test/support/kit.ts'
import okta from '../index.ts'
import { type OktaWorld, oktaWorld } from './world.ts'

describe('okta, the kit', () => {
  testKit({ connector: okta, start: oktaWorld }, 'fake held to Okta’s OpenAPI')
})

type Session = KitSession & { world: OktaWorld }
const inWorld = (
  work: (session: Session) => Promise<void>,
  config: object = {},
  auth: 'token' | 'oauth' = 'token',
) =>
  inFreshWorld({ connector: okta, start: () => oktaWorld(config, auth) }, (session) =>
    work(session as Session),
  )
const jane = (facet: 'account' | 'session' | 'oauth_grant' | 'api_token' | 'membership') =>
  ({ facet, id: 'u7' }) as const

test('a session opened before, once sessions are ended, is refused and only hers', () =>
  inWorld(async ({ connector, doer, world, facets }) => {
    expect(await world.useSession('session-of-jane')).toBe(200)
    await connector.revoke(jane('account'), doer)
    expect(await world.useSession('session-of-jane')).toBe(200)
    await connector.revoke(jane('session'), doer)
    expect(await world.useSession('session-of-jane')).toBe(401)
    expect(await world.useSession('session-of-twin')).toBe(200)
    const unread = facets.filter(({ observe }) => observe === 'none').map(({ facet }) => facet)
    expect(unread).toEqual(['session', 'local_login'])
    await expect(connector.observe(jane('session'), doer)).rejects.toMatchObject({
      fault: 'unsupported',
    })
  }))

test('revoke, a locked out user, goes to a person unless deactivating is allowed', async () => {
  const handle = { facet: 'account', id: 'u2' } as const
  await inWorld(async ({ connector, doer, world }) => {
    await expect(connector.revoke(handle, doer)).rejects.toMatchObject({ fault: 'unsupported' })
    expect(world.proxy.seen.every(({ method }) => method === 'GET')).toBe(true)
  })
  await inWorld(
    async ({ connector, doer, witness }) => {
      await connector.revoke(handle, doer)
      expect((await connector.observe(handle, witness)).state).toBe('dead')
    },
    { whenNotActive: 'deactivate' },
  )
})

test('observe, each status, is dead only where nobody can sign in', () =>
  inWorld(async ({ connector, witness, world }) => {
    const jane7 = world.okta.users.find(({ id }) => id === 'u7')
    const seen: Record<string, string> = {}
    for (const status of ['LOCKED_OUT', 'STAGED', 'PASSWORD_EXPIRED', 'SUSPENDED']) {
      if (jane7 !== undefined) jane7.status = status
      seen[status] = (await connector.observe(jane('account'), witness)).state
    }
    const body = JSON.stringify({ ...jane7, status: 'A_NEW_ONE' })
    world.proxy.inject({ kind: 'lie', body: () => body })
    seen['A_NEW_ONE'] = (await connector.observe(jane('account'), witness)).state
    expect(seen).toEqual({
      LOCKED_OUT: 'live',
      STAGED: 'live',
      PASSWORD_EXPIRED: 'live',
      SUSPENDED: 'dead',
      A_NEW_ONE: 'unknown',
    })
  }))

test('disable deactivate, of a suspended user, is done and declared for good', () =>
  inWorld(
    async ({ connector, doer, world, facets }) => {
      expect(facets.find(({ facet }) => facet === 'account')?.reversible).toBe(false)
      const jane7 = world.okta.users.find(({ id }) => id === 'u7')
      if (jane7 !== undefined) jane7.status = 'SUSPENDED'
      expect(await connector.revoke(jane('account'), doer)).toMatchObject({ kind: 'done' })
      expect(jane7?.status).toBe('DEPROVISIONED')
    },
    { disable: 'deactivate' },
  ))

test('revoke, a race about the status, is a conflict and not forbidden', () =>
  inWorld(async ({ connector, doer, world }) => {
    const body = JSON.stringify({ errorCode: 'E0000038' })
    world.proxy.inject({ kind: 'answer', status: 403, body }, ({ method }) => method === 'POST')
    await expect(connector.revoke(jane('account'), doer)).rejects.toMatchObject({
      fault: 'conflict',
      effect: 'none',
    })
  }))

test('429, with the reset of Okta, waits until then', () =>
  inWorld(async ({ connector, doer, world }) => {
    const headers = { 'x-rate-limit-reset': String(Math.ceil(Date.now() / 1_000) + 30) }
    world.proxy.inject({ kind: 'answer', status: 429, headers })
    const error = await connector.revoke(jane('account'), doer).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ fault: 'throttled' })
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(20_000)
  }))

test('membership, revoked and restored, leaves groups of directories and of apps alone', () =>
  inWorld(async ({ connector, doer, world }) => {
    const groupsOf = () =>
      world.okta.groups.filter(({ members }) => members.has('u7')).map(({ id }) => id)
    const { undo } = await connector.revoke(jane('membership'), doer)
    expect(groupsOf()).toEqual(['everyone', 'synced'])
    expect(world.okta.apps.map(({ users }) => users.get('u7'))).toEqual([undefined, 'GROUP'])
    await connector.restore?.(jane('membership'), undo ?? {}, doer)
    expect(groupsOf()).toEqual(['everyone', 'synced', 'staff', 'admins'])
    expect(world.okta.apps.map(({ users }) => users.get('u7'))).toEqual(['USER', 'GROUP'])
  }))

test('observe, one refresh token left, is live', () =>
  inWorld(async ({ connector, doer, witness, world }) => {
    await connector.revoke(jane('oauth_grant'), doer)
    const left = world.okta.refreshTokens.find(({ id }) => id === 'r2')
    if (left !== undefined) left.status = 'ACTIVE'
    expect((await connector.observe(jane('oauth_grant'), witness)).state).toBe('live')
  }))

test('observe, 404 of another server, is not "absent"', () =>
  inWorld(async ({ connector, witness, world }) => {
    world.proxy.inject({ kind: 'answer', status: 404 })
    await expect(connector.observe(jane('account'), witness)).rejects.toMatchObject({
      fault: 'invalid',
    })
  }))

test.each([
  ['hub@example.com', {}, 'the user that this hub uses'],
  ['jane@example.com', { protectedUsers: ['JANE@example.com'] }, 'listed as protected'],
])('correlate, %s with %j, is protected', (userName, config, because) =>
  inWorld(async ({ connector, witness, world }) => {
    const [match] = await connector.correlate({ ...world.stranger, userName }, witness)
    expect(match?.protectedBecause).toBe(because)
  }, config),
)

test('a service app, signs its assertion, asks for what it needs and revokes', () =>
  inWorld(
    async ({ connector, doer, witness, world }) => {
      await connector.revoke(jane('account'), doer)
      expect((await connector.observe(jane('account'), witness)).state).toBe('dead')
      const asked = world.proxy.seen.filter(({ path }) => path === '/oauth2/v1/token')
      const scopes = asked.map(({ body }) => new URLSearchParams(body).get('scope'))
      expect(scopes).toEqual(['okta.users.manage okta.users.read'])
    },
    { facets: ['session'], appAssignments: false },
    'oauth',
  ))

test('a service app, with a key that is none, is a fault of the credential without the key', () =>
  inFreshWorld(
    {
      connector: okta,
      start: async () => {
        const world = await oktaWorld({}, 'oauth')
        return { ...world, secrets: { privateKey: 'canary-no-key' } }
      },
    },
    async ({ connector, doer, world }) => {
      const error = await connector
        .correlate(world.subject, doer)
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ fault: 'credential' })
      expect(String((error as Error).message)).not.toContain('canary-no-key')
    },
  ))
