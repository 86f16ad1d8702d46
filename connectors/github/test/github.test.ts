import { describe, expect, test } from 'vitest'
import { inFreshWorld, type KitSession } from '../../../src/connector-sdk/kit/session.ts'
import github from '../index.ts'
import { identities } from './fake.ts'
import { type GithubWorld, githubWorld, type Kind } from './world.ts'

const inWorld = (
  kind: Kind,
  work: (session: KitSession & { world: GithubWorld }) => Promise<void>,
  config: object = {},
) =>
  inFreshWorld({ connector: github, start: () => githubWorld(kind, config) }, (session) =>
    work(session as KitSession & { world: GithubWorld }),
  )

describe('an organization', () => {
  test('a member is removed, then tokens and keys; the keys of others stay', () =>
    inWorld('saml', async ({ connector, world, doer, witness, facets }) => {
      expect(facets.map(({ facet }) => facet)).toEqual([
        'membership',
        'api_token',
        'ssh_key',
        'oauth_grant',
      ])
      for (const { facet } of facets) {
        await connector.revoke({ facet, id: '7' }, doer)
        const { state } = await connector.observe({ facet, id: '7' }, witness)
        expect(state).toBe(facet === 'membership' ? 'absent' : 'dead')
      }
      expect(world.github.credentials.map(({ id }) => id)).toEqual([81])
    }))

  test('an open invitation is as live as a membership', () =>
    inWorld('saml', async ({ connector, world, witness }) => {
      const jane = world.github.accounts.find(({ id }) => id === 7)
      if (jane !== undefined) jane.membership = 'pending'
      const seen = await connector.observe({ facet: 'membership', id: '7' }, witness)
      expect(seen.state).toBe('live')
    }))

  test('an organization that the credential cannot see, says nothing about its members', () =>
    inWorld('saml', async ({ connector, world, witness }) => {
      world.proxy.inject({ kind: 'answer', status: 404 }, ({ path }) => path.startsWith('/orgs/'))
      const looked = connector.observe({ facet: 'membership', id: '7' }, witness)
      await expect(looked).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
    }))

  test('a login taken over by another account, is not followed', () =>
    inWorld('saml', async ({ connector, world, doer }) => {
      const jane = world.github.accounts.find(({ id }) => id === 7)
      if (jane !== undefined) jane.login = 'renamed'
      await connector.revoke({ facet: 'membership', id: '7' }, doer)
      const written = world.proxy.seen.find(({ method }) => method === 'DELETE')
      expect(written?.path).toBe('/orgs/example-inc/memberships/renamed')
    }))

  test.each([
    ['hub-owner@example.com', {}, 'the account that this hub uses'],
    ['jane@example.com', { protectedLogins: ['JANE'] }, 'listed as protected'],
  ])('%s with %j, is protected', (userName, config, because) =>
    inWorld(
      'saml',
      async ({ connector, world, witness }) => {
        const [match] = await connector.correlate({ ...world.subject, userName }, witness)
        expect(match?.protectedBecause).toBe(because)
      },
      config,
    ),
  )

  test('the last owner, is protected', () =>
    inWorld('saml', async ({ connector, world, witness }) => {
      for (const one of world.github.accounts) if (one.id === 1) one.role = 'member'
      const userName = 'second-owner@example.com'
      const [match] = await connector.correlate({ ...world.subject, userName }, witness)
      expect(match?.protectedBecause).toBe('the last owner of the organization')
    }))

  test('the second of two tokens cannot be removed, so the effect is partial', () =>
    inWorld('saml', async ({ connector, world, doer }) => {
      world.proxy.inject({ kind: 'answer', status: 403 }, ({ path }) => path.endsWith('/73'))
      await expect(connector.revoke({ facet: 'api_token', id: '7' }, doer)).rejects.toMatchObject({
        fault: 'forbidden',
        effect: 'partial',
      })
    }))

  test.each([
    [{ errors: [{ type: 'RATE_LIMITED' }] }, 'throttled'],
    [{ errors: [{ type: 'FORBIDDEN' }], data: null }, 'forbidden'],
    [{ data: { organization: { samlIdentityProvider: null } } }, 'invalid'],
    [{ data: { organization: null } }, 'invalid'],
  ])('GraphQL says %j, is %s and not nobody', (answer, fault) =>
    inWorld('saml', async ({ connector, world, witness }) => {
      const body = JSON.stringify(answer)
      world.proxy.inject({ kind: 'answer', status: 200, body }, ({ path }) => path === '/graphql')
      await expect(connector.correlate(world.subject, witness)).rejects.toMatchObject({ fault })
    }),
  )

  test('GraphQL repeats its page, ends in an error', () =>
    inWorld('saml', async ({ connector, world, witness }) => {
      const body = JSON.stringify(identities([], 'same'))
      world.proxy.inject({ kind: 'answer', status: 200, body }, ({ path }) => path === '/graphql')
      await expect(connector.correlate(world.subject, witness)).rejects.toMatchObject({
        fault: 'unsupported',
      })
    }))

  test('the next page on another host, is not asked for', () =>
    inWorld('login', async ({ connector, world, witness }) => {
      const headers = { link: '<https://evil.example/members?page=2>; rel="next"' }
      world.proxy.inject({ kind: 'answer', status: 200, headers, body: '[]' })
      const listed = connector.list('membership', 'everyone', undefined, witness)
      await expect(listed).rejects.toMatchObject({ fault: 'invalid' })
    }))

  test('403 with an empty budget, is throttled until it is full again', () =>
    inWorld('login', async ({ connector, world, doer }) => {
      const headers = { 'x-ratelimit-remaining': '0', 'retry-after': '60' }
      world.proxy.inject({ kind: 'answer', status: 403, headers })
      await expect(connector.revoke({ facet: 'membership', id: '7' }, doer)).rejects.toMatchObject({
        fault: 'throttled',
        retryAfterMs: 60_000,
      })
    }))
})

test('an enterprise, suspending, sends the boolean that its own example has', () =>
  inWorld('enterprise', async ({ connector, world, doer }) => {
    const ack = await connector.revoke({ facet: 'account', id: 'scim-7' }, doer)
    expect(ack.undo).toEqual({ active: true })
    const written = world.proxy.seen.find(({ method }) => method === 'PATCH')
    expect(JSON.parse(written?.body ?? '')).toMatchObject({
      Operations: [{ op: 'replace', path: 'active', value: false }],
    })
  }))
