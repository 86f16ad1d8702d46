import { describe, expect, test } from 'vitest'
import { inFreshWorld, type KitSession } from '../../../src/connector-sdk/kit/session.ts'
import { testKit } from '../../../test/support/kit.ts'
import entra from '../index.ts'
import { type EntraWorld, entraWorld } from './world.ts'

describe('entra, the kit', () => {
  testKit({ connector: entra, start: entraWorld }, 'fake of Microsoft Graph')
})

const inWorld = (
  work: (session: KitSession & { world: EntraWorld }) => Promise<void>,
  config: object = {},
) =>
  inFreshWorld({ connector: entra, start: () => entraWorld(config) }, (session) =>
    work(session as KitSession & { world: EntraWorld }),
  )

test('correlate, an apostrophe in the name, is doubled and found', () =>
  inWorld(async ({ connector, world, witness }) => {
    const matches = await connector.correlate(
      { ...world.stranger, userName: "O'Hara@example.com" },
      witness,
    )
    expect(matches.map(({ handle }) => handle.id)).toEqual(['2'])
  }))

test.each([
  [{}, 'synchronised from a directory, which would enable it again'],
  [{ allowSynced: true }, undefined],
  [{ protectedUsers: ['TWIN.OLD@example.com'], allowSynced: true }, 'listed as protected'],
])('correlate, an account from a directory with %j, is protected because %s', (config, because) =>
  inWorld(async ({ connector, world, witness }) => {
    const subject = { ...world.stranger, userName: 'twin.old@example.com' }
    const [match] = await connector.correlate(subject, witness)
    expect(match?.protectedBecause).toBe(because)
  }, config),
)

test('observe, 404 of another server, is not "absent"', () =>
  inWorld(async ({ connector, world, witness }) => {
    world.proxy.inject({ kind: 'answer', status: 404 }, ({ path }) => path.startsWith('/users/'))
    const seen = connector.observe({ facet: 'account', id: '7' }, witness)
    await expect(seen).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
  }))

test('list, the next page on another host, is not asked for', () =>
  inWorld(async ({ connector, world, witness }) => {
    const body = JSON.stringify({ value: [], '@odata.nextLink': 'https://evil.example/users' })
    world.proxy.inject({ kind: 'lie', body: () => body }, ({ path }) => path.startsWith('/users?'))
    const listed = connector.list('account', 'everyone', undefined, witness)
    await expect(listed).rejects.toMatchObject({ fault: 'invalid' })
  }))

test('revoke, sessions, is accepted and no more', () =>
  inWorld(async ({ connector, doer, facets }) => {
    expect(facets.map(({ facet, observe }) => [facet, observe])).toEqual([
      ['account', 'strong'],
      ['session', 'none'],
    ])
    const ack = await connector.revoke({ facet: 'session', id: '7' }, doer)
    expect(ack).toMatchObject({ kind: 'accepted' })
  }))
