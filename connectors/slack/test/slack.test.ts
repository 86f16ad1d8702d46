import { describe, expect, test } from 'vitest'
import { inFreshWorld, type KitSession } from '../../../src/connector-sdk/kit/session.ts'
import { testKit } from '../../../test/support/kit.ts'
import slack from '../index.ts'
import { type SlackWorld, slackWorld } from './world.ts'

describe('slack, the kit', () => {
  testKit({ connector: slack, start: slackWorld }, 'fake held to a contract of Slack’s interface')
})

type Session = KitSession & { world: SlackWorld }
const inWorld = (work: (session: Session) => Promise<void>, config: object = {}) =>
  inFreshWorld({ connector: slack, start: () => slackWorld(config) }, (session) =>
    work(session as Session),
  )
const account = { facet: 'account', id: 'U7' } as const
const session = { facet: 'session', id: 'U7' } as const

test('a session opened before, once reset, is refused and only hers, and read back as dead', () =>
  inWorld(async ({ connector, doer, witness, world }) => {
    expect(await world.useSession('d=U7-5')).toBe(200)
    await connector.revoke(account, doer)
    expect((await connector.observe(session, witness)).state).toBe('live')
    await connector.revoke(session, doer)
    expect(await world.useSession('d=U7-5')).toBe(401)
    expect(await world.useSession('d=U8-2')).toBe(200)
    expect((await connector.observe(session, witness)).state).toBe('dead')
  }))

test('observe, a session on the last page, is live', () =>
  inWorld(async ({ connector, doer, witness, world }) => {
    const last = world.slack.sessions.at(-1)
    await connector.revoke(session, doer)
    if (last !== undefined) world.slack.sessions.push(last)
    expect(world.slack.sessions.length).toBeGreaterThan(2)
    expect((await connector.observe(session, witness)).state).toBe('live')
  }))

test('observe, with workspaces named, asks for the person in each of them', () =>
  inWorld(
    async ({ connector, witness, world }) => {
      expect((await connector.observe(session, witness)).state).toBe('live')
      const asked = world.proxy.seen.filter(({ path }) => path.endsWith('session.list'))
      const teams = asked.map(({ body }) => new URLSearchParams(body).get('team_id'))
      expect(teams).toEqual(['T1', 'T2'])
    },
    { sessionTeams: ['T1', 'T2'] },
  ))

test('Business+, declares no sessions and refuses to end them', () =>
  inWorld(
    async ({ connector, doer, facets }) => {
      expect(facets.map(({ facet }) => facet)).toEqual(['account'])
      await expect(connector.revoke(session, doer)).rejects.toMatchObject({ fault: 'unsupported' })
      await expect(connector.observe(session, doer)).rejects.toMatchObject({ fault: 'unsupported' })
    },
    { plan: 'business' },
  ))

test.each([
  ['ratelimited', 'throttled', 'none'],
  ['token_revoked', 'credential', 'none'],
  ['missing_scope', 'forbidden', 'none'],
  ['cannot_reset_primary_owner', 'protected', 'none'],
  ['user_not_found', 'gone', 'none'],
  ['internal_error', 'transient', 'unknown'],
  ['something_new', 'invalid', 'none'],
])('200 with ok false and %s, is %s', (code, fault, effect) =>
  inWorld(async ({ connector, doer, world }) => {
    const body = JSON.stringify({ ok: false, error: code })
    const isReset = ({ path }: { path: string }) => path.endsWith('session.reset')
    world.proxy.inject({ kind: 'lie', body: () => body }, isReset)
    await expect(connector.revoke(session, doer)).rejects.toMatchObject({ fault, effect })
  }),
)

test('200 without ok, is not "done"', () =>
  inWorld(async ({ connector, doer, world }) => {
    const isReset = ({ path }: { path: string }) => path.endsWith('session.reset')
    world.proxy.inject({ kind: 'lie', body: () => '{}' }, isReset)
    await expect(connector.revoke(session, doer)).rejects.toMatchObject({
      fault: 'invalid',
      effect: 'unknown',
    })
  }))

test('observe, a listing of sessions that is refused, is not "none"', () =>
  inWorld(async ({ connector, witness, world }) => {
    const body = JSON.stringify({ ok: false, error: 'feature_not_enabled' })
    const isList = ({ path }: { path: string }) => path.endsWith('session.list')
    world.proxy.inject({ kind: 'lie', body: () => body }, isList)
    await expect(connector.observe(session, witness)).rejects.toMatchObject({
      fault: 'unsupported',
    })
  }))

test('observe, 404 of another server, is not "absent"', () =>
  inWorld(async ({ connector, witness, world }) => {
    world.proxy.inject({ kind: 'answer', status: 404 })
    await expect(connector.observe(account, witness)).rejects.toMatchObject({ fault: 'invalid' })
  }))

test.each([
  ['jane', [], ['userName'], 'exact'],
  ['jane@example.com', [], ['userName'], 'exact'],
  ['other', ['Jane@example.com'], ['userName', 'emails'], 'weak'],
])('correlate, %s with addresses %j by %j, is %s', (userName, emails, correlateBy, strength) =>
  inWorld(
    async ({ connector, world, witness }) => {
      const matches = await connector.correlate({ ...world.stranger, userName, emails }, witness)
      expect(matches.map((match) => [match.handle.id, match.strength])).toEqual([['U7', strength]])
    },
    { correlateBy },
  ),
)

test.each([
  ['hub@example.com', {}, 'the member that this hub uses'],
  ['owner@example.com', { protectedUsers: ['uowner'] }, 'listed as protected'],
])('correlate, %s with %j, is protected', (userName, config, because) =>
  inWorld(async ({ connector, witness, world }) => {
    const [match] = await connector.correlate({ ...world.stranger, userName }, witness)
    expect(match?.protectedBecause).toBe(because)
  }, config),
)
