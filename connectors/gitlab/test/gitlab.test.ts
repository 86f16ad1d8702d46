import { describe, expect, test } from 'vitest'
import { inFreshWorld, type KitSession } from '../../../src/connector-sdk/kit/session.ts'
import { testKit } from '../../../test/support/kit.ts'
import gitlab from '../index.ts'
import { type GitlabWorld, gitlabWorld, type Kind } from './world.ts'

describe.each(['instance', 'group'] as const)('gitlab, %s, the kit', (kind) => {
  testKit({ connector: gitlab, start: () => gitlabWorld(kind) }, 'fake of our own')
})

type Session = KitSession & { world: GitlabWorld }
const inWorld = (
  kind: Kind,
  work: (session: Session) => Promise<void>,
  config: object = {},
  target: object = {},
) =>
  inFreshWorld({ connector: gitlab, start: () => gitlabWorld(kind, config, target) }, (session) =>
    work(session as Session),
  )
const account = { facet: 'account', id: '7' } as const
const membership = { facet: 'membership', id: '7' } as const

test('a token that worked before, blocked and unblocked again, is refused only once it is revoked', () =>
  inWorld('instance', async ({ connector, doer, world }) => {
    expect(await world.useToken('glpat-of-jane')).toBe(200)
    const { undo } = await connector.revoke(account, doer)
    expect(await world.useToken('glpat-of-jane')).toBe(403)
    await connector.restore?.(account, undo ?? {}, doer)
    expect(await world.useToken('glpat-of-jane')).toBe(200)
    await connector.revoke({ facet: 'api_token', id: '7' }, doer)
    expect(await world.useToken('glpat-of-jane')).toBe(401)
    expect(await world.useToken('glpat-of-jane-3')).toBe(401)
    expect(await world.useToken('glpat-of-twin')).toBe(200)
  }))

test.each([
  ['deactivated', 'live'],
  ['blocked_pending_approval', 'live'],
  ['ldap_blocked', 'dead'],
  ['banned', 'dead'],
  ['a_new_one', 'unknown'],
])('observe, %s, is %s', (state, seen) =>
  inWorld('instance', async ({ connector, witness, world }) => {
    for (const one of world.gitlab.users) if (one.id === 7) one.state = state
    expect((await connector.observe(account, witness)).state).toBe(seen)
  }),
)

test('ban, undone, is active again', () =>
  inWorld(
    'instance',
    async ({ connector, doer, world }) => {
      await connector.revoke(account, doer)
      expect(world.gitlab.users.find(({ id }) => id === 7)?.state).toBe('banned')
      await connector.restore?.(account, {}, doer)
      expect(world.isLive('account')).toBe(true)
    },
    {},
    { disable: 'ban' },
  ))

test('restore, a user whom the directory blocks, goes to a person', () =>
  inWorld('instance', async ({ connector, doer, world }) => {
    for (const one of world.gitlab.users) if (one.id === 7) one.state = 'ldap_blocked'
    await expect(connector.restore?.(account, {}, doer)).rejects.toMatchObject({
      fault: 'unsupported',
    })
  }))

test('membership, revoked and restored, gives back level and last day, and nothing of one’s own', () =>
  inWorld('instance', async ({ connector, doer, witness, world }) => {
    const own = () =>
      world.gitlab.members
        .filter(({ user }) => user === 7)
        .map(({ place, access_level, expires_at }) => [place, access_level, expires_at])
        .sort()
    const before = own()
    const { undo } = await connector.revoke(membership, doer)
    expect(own()).toEqual([[20, 50, null]])
    expect((await connector.observe(membership, witness)).state).toBe('dead')
    await connector.restore?.(membership, undo ?? {}, doer)
    expect(own()).toEqual(before)
  }))

test('restore, a membership whose last day has come, stays away', () =>
  inWorld('instance', async ({ connector, doer, world }) => {
    for (const one of world.gitlab.members) if (one.place === 10) one.expires_at = '2020-01-01'
    const { undo } = await connector.revoke(membership, doer)
    await connector.restore?.(membership, undo ?? {}, doer)
    const places = world.gitlab.members.filter(({ user }) => user === 7).map(({ place }) => place)
    expect(places.sort()).toEqual([11, 20, 21])
  }))

test('tokens, of a server that ignores the filter, are only hers', () =>
  inWorld('instance', async ({ connector, doer, world }) => {
    const all = world.gitlab.tokens.map(({ id, user_id }) => ({ id, user_id, active: true }))
    const isTokens = ({ method, path }: { method: string; path: string }) =>
      method === 'GET' && path.includes('/personal_access_tokens')
    world.proxy.inject({ kind: 'lie', body: () => JSON.stringify(all) }, isTokens)
    await connector.revoke({ facet: 'api_token', id: '7' }, doer)
    expect(world.gitlab.tokens.map(({ id }) => id)).toEqual([81])
  }))

test.each(['instance', 'group'] as const)(
  'observe, 404 of another server (%s), is not "absent"',
  (kind) =>
    inWorld(kind, async ({ connector, witness, world }) => {
      world.proxy.inject({ kind: 'answer', status: 404 })
      const handle = kind === 'instance' ? account : membership
      await expect(connector.observe(handle, witness)).rejects.toMatchObject({ fault: 'invalid' })
    }),
)

test('observe, a group that the credential does not see, is not "absent"', () =>
  inWorld(
    'group',
    async ({ connector, witness }) => {
      await expect(connector.observe(membership, witness)).rejects.toMatchObject({
        fault: 'invalid',
      })
    },
    {},
    { group: '99' },
  ))

test.each([
  ['jane', ['username'], [], ['7', 'exact', 'username']],
  ['emp-7', ['identity'], [], ['7', 'exact', 'identity']],
  ['other-name', ['email'], ['jane@example.com'], ['7', 'weak', 'emails']],
])('correlate, %s by %j with addresses %j, is %j', (userName, correlateBy, emails, expected) =>
  inWorld(
    'instance',
    async ({ connector, witness, world }) => {
      const subject = { ...world.stranger, userName, emails }
      const matches = await connector.correlate(subject, witness)
      expect(
        matches.map(({ handle, strength, matchedOn }) => [handle.id, strength, matchedOn]),
      ).toEqual([expected])
    },
    { correlateBy },
  ),
)

test.each([
  ['hub@example.com', {}, 'the user that this hub uses'],
  ['jane@example.com', { protectedUsers: ['JANE'] }, 'listed as protected'],
])('correlate, %s with %j, is protected', (userName, config, because) =>
  inWorld(
    'instance',
    async ({ connector, witness, world }) => {
      const [match] = await connector.correlate({ ...world.stranger, userName }, witness)
      expect(match?.protectedBecause).toBe(because)
    },
    config,
  ),
)
