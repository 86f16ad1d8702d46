import { describe, expect, test } from 'vitest'
import { inFreshWorld, type KitSession } from '../../../src/connector-sdk/kit/session.ts'
import { testKit } from '../../../test/support/kit.ts'
import google from '../index.ts'
import { error } from './fake.ts'
import { type GoogleWorld, googleWorld } from './world.ts'

describe('google-workspace, the kit', () => {
  testKit(
    { connector: google, start: googleWorld },
    'fake held to a contract from Google’s discovery documents',
  )
})

type Session = KitSession & { world: GoogleWorld }
const inWorld = (work: (session: Session) => Promise<void>, config: object = {}) =>
  inFreshWorld({ connector: google, start: () => googleWorld(config) }, (session) =>
    work(session as Session),
  )
const jane = (facet: 'account' | 'session' | 'oauth_grant' | 'local_login' | 'membership') =>
  ({ facet, id: '7' }) as const

test('a session opened before, once signed out, is refused and only hers', () =>
  inWorld(async ({ connector, doer, world, facets }) => {
    expect(await world.useSession('SID=jane')).toBe(200)
    await connector.revoke(jane('account'), doer)
    await connector.revoke(jane('session'), doer)
    expect(await world.useSession('SID=jane')).toBe(401)
    expect(await world.useSession('SID=twin')).toBe(200)
    expect(facets.find(({ facet }) => facet === 'session')?.observe).toBe('none')
    const seen = connector.observe(jane('session'), doer)
    await expect(seen).rejects.toMatchObject({ fault: 'unsupported' })
  }))

test('backup codes, looked at, are in no evidence', () =>
  inWorld(async ({ connector, doer, witness, world }) => {
    const before = await connector.observe(jane('local_login'), witness)
    expect(before.state).toBe('live')
    const ack = await connector.revoke(jane('local_login'), doer)
    const text = JSON.stringify([before, ack])
    expect(text).not.toContain('canary-backup-code')
    expect(world.google.codes.has('7')).toBe(false)
  }))

test('membership, revoked and restored, gives back roles in groups and of administrators', () =>
  inWorld(async ({ connector, doer, world }) => {
    const { undo } = await connector.revoke(jane('membership'), doer)
    expect(world.google.groups.map(({ members }) => members.has('7'))).not.toContain(true)
    await connector.restore?.(jane('membership'), undo ?? {}, doer)
    expect(world.google.groups.map(({ members }) => members.get('7'))).toEqual([
      'OWNER',
      'MEMBER',
      undefined,
    ])
    const given = world.google.roles.filter(({ assignedTo }) => assignedTo === '7')
    expect(given.map(({ roleId }) => roleId)).toEqual(['helpdesk'])
  }))

test.each([
  ['userRateLimitExceeded', 'throttled'],
  ['quotaExceeded', 'throttled'],
  ['forbidden', 'forbidden'],
])('403 %s, is %s', (reason, fault) =>
  inWorld(async ({ connector, doer, world }) => {
    const body = JSON.stringify(error(403, reason).body)
    const isPatch = ({ method }: { method: string }) => method === 'PATCH'
    world.proxy.inject({ kind: 'answer', status: 403, body }, isPatch)
    await expect(connector.revoke(jane('account'), doer)).rejects.toMatchObject({
      fault,
      effect: 'none',
    })
  }),
)

test('observe, 404 of another server, is not "absent"', () =>
  inWorld(async ({ connector, witness, world }) => {
    const isApi = ({ path }: { path: string }) => path !== '/token'
    world.proxy.inject({ kind: 'answer', status: 404 }, isApi)
    await expect(connector.observe(jane('account'), witness)).rejects.toMatchObject({
      fault: 'invalid',
    })
  }))

test('observe, an object that is no listing, is not "nothing left"', () =>
  inWorld(async ({ connector, witness, world }) => {
    const isTokens = ({ path }: { path: string }) => path.includes('/tokens')
    world.proxy.inject({ kind: 'lie', body: () => '{}' }, isTokens)
    await expect(connector.observe(jane('oauth_grant'), witness)).rejects.toMatchObject({
      fault: 'invalid',
    })
  }))

test.each([
  ["O'Hara@example.com", [], ['userName'], 'exact'],
  ['other@example.com', ['Pat@example.com'], ['userName', 'emails'], 'weak'],
])('correlate, %s with addresses %j by %j, is %s', (userName, emails, correlateBy, strength) =>
  inWorld(
    async ({ connector, world, witness }) => {
      const matches = await connector.correlate({ ...world.stranger, userName, emails }, witness)
      expect(matches.map((match) => [match.handle.id, match.strength])).toEqual([['2', strength]])
    },
    { correlateBy },
  ),
)

test.each([
  ['hub@example.com', {}, 'the administrator that this hub uses'],
  ['jane@example.com', { protectedUsers: ['JANE@example.com'] }, 'listed as protected'],
])('correlate, %s with %j, is protected', (userName, config, because) =>
  inWorld(async ({ connector, witness, world }) => {
    const [match] = await connector.correlate({ ...world.stranger, userName }, witness)
    expect(match?.protectedBecause).toBe(because)
  }, config),
)

test('an account alone, asks for no scope that it does not need', () =>
  inWorld(
    async ({ connector, doer, witness, world, facets }) => {
      expect(facets.map(({ facet }) => facet)).toEqual(['account'])
      await connector.revoke(jane('account'), doer)
      expect((await connector.observe(jane('account'), witness)).state).toBe('dead')
      const scopes = world.proxy.seen
        .filter(({ path }) => path === '/token')
        .map(({ body }) => new URLSearchParams(body).get('assertion')?.split('.')[1] ?? '')
        .map((claims) => JSON.parse(Buffer.from(claims, 'base64url').toString()).scope)
      expect(scopes).toEqual([
        'https://www.googleapis.com/auth/admin.directory.user',
        'https://www.googleapis.com/auth/admin.directory.user.readonly',
      ])
    },
    { facets: [] },
  ))
