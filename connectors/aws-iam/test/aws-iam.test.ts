import { describe, expect, test } from 'vitest'
import type { Facet } from '../../../src/connector-sdk/contract.ts'
import { inFreshWorld, type KitSession } from '../../../src/connector-sdk/kit/session.ts'
import { deniesAllSince, denyAll } from '../deny.ts'
import awsIam from '../index.ts'
import { writeError } from './query-protocol.ts'
import { type IamWorld, iamWorld } from './world.ts'

const inWorld = (
  work: (session: KitSession & { world: IamWorld }) => Promise<void>,
  config: object = {},
) =>
  inFreshWorld({ connector: awsIam, start: () => iamWorld(config) }, (session) =>
    work(session as KitSession & { world: IamWorld }),
  )
const handle = (facet: Facet) => ({ facet, id: 'AIDA7/jane@example.com' })
const jane = ({ iam }: IamWorld) => iam.users.find(({ id }) => id === 'AIDA7')

test('revoke, all facets in their order, leaves nothing and touches nobody else', () =>
  inWorld(async ({ connector, world, doer, witness, facets }) => {
    for (const { facet } of facets) await connector.revoke(handle(facet), doer)
    for (const { facet } of facets) {
      expect([facet, (await connector.observe(handle(facet), witness)).state]).toEqual([
        facet,
        'dead',
      ])
    }
    expect(jane(world)).toMatchObject({
      password: false,
      mfa: [],
      groups: [],
      accessKeys: [{ status: 'Inactive' }, { status: 'Inactive' }, { status: 'Inactive' }],
      serviceCredentials: [{ status: 'Inactive' }, { status: 'Expired' }],
    })
    expect([...(world.iam.roles.get('deploy')?.keys() ?? [])]).toEqual(['AWSRevokeOlderSessions'])
  }))

test('restore, of keys, wakes only those that were awake', () =>
  inWorld(async ({ connector, world, doer }) => {
    const { undo } = await connector.revoke(handle('api_token'), doer)
    expect(undo).toEqual({ ids: ['AKIA1', 'AKIA3', 'ACCA1'] })
    await connector.restore?.(handle('api_token'), undo ?? {}, doer)
    expect(jane(world)?.accessKeys.map(({ status }) => status)).toEqual([
      'Active',
      'Inactive',
      'Active',
    ])
  }))

test('revoke, keys to be deleted, deletes them and cannot be undone', () =>
  inWorld(
    async ({ connector, world, doer, facets }) => {
      expect(facets.find(({ facet }) => facet === 'api_token')?.reversible).toBe(false)
      await connector.revoke(handle('api_token'), doer)
      expect(jane(world)?.accessKeys).toEqual([{ id: 'AKIA2', status: 'Inactive' }])
    },
    { keys: 'delete' },
  ))

test('sessions, cut off before the account was denied, are live again in effect', () =>
  inWorld(async ({ connector, world, doer, witness }) => {
    await connector.revoke(handle('account'), doer)
    await connector.revoke(handle('session'), doer)
    expect((await connector.observe(handle('session'), witness)).state).toBe('dead')
    // Denied anew, later: what was issued in between is not covered by the old cut-off.
    const later = denyAll(Date.now() + 60_000)
    jane(world)?.policies.set('QuittanceDenyAll', later)
    expect((await connector.observe(handle('session'), witness)).state).toBe('live')
  }))

test('a name given to somebody else, is not the same user', () =>
  inWorld(async ({ connector, world, doer, witness }) => {
    const user = jane(world)
    if (user !== undefined) user.id = 'AIDANEW'
    expect((await connector.observe(handle('account'), witness)).state).toBe('absent')
    await expect(connector.revoke(handle('account'), doer)).rejects.toMatchObject({ fault: 'gone' })
    expect(user?.policies.size).toBe(0)
  }))

test("correlate, the hub's own user, is protected", () =>
  inWorld(async ({ connector, world, witness }) => {
    const [match] = await connector.correlate({ ...world.subject, userName: 'hub' }, witness)
    expect(match?.protectedBecause).toBe('the user that this hub uses')
  }))

describe('what a policy says', () => {
  const stored = (statement: object) =>
    encodeURIComponent(JSON.stringify({ Statement: [statement] }))
  const deny = { Sid: 'Since1795000000', Effect: 'Deny', Action: '*', Resource: '*' }
  test.each([
    ['as written', deny, 1_795_000_000],
    ['allowing', { ...deny, Effect: 'Allow' }, undefined],
    ['of one action', { ...deny, Action: 's3:*' }, undefined],
    ['of one resource', { ...deny, Resource: 'arn:aws:s3:::x' }, undefined],
    ['with a condition', { ...deny, Condition: { Bool: {} } }, undefined],
  ])('%s, denies since %s', (_, statement, since) => {
    expect(deniesAllSince(stored(statement))).toBe(since)
  })
})

test.each([
  [400, 'Throttling', 'throttled', 'none'],
  [400, 'InvalidClientTokenId', 'credential', 'none'],
  [403, 'AccessDenied', 'forbidden', 'none'],
  [403, 'SignatureDoesNotMatch', 'credential', 'none'],
  [404, 'NoSuchEntity', 'gone', 'none'],
  [409, 'EntityTemporarilyUnmodifiable', 'conflict', 'none'],
  [409, 'LimitExceeded', 'invalid', 'none'],
  [500, 'ServiceFailure', 'transient', 'unknown'],
])('revoke, HTTP %i %s, is %s', (status, code, fault, effect) =>
  inWorld(async ({ connector, world, doer }) => {
    const { isWrite } = world.wire ?? {}
    world.proxy.inject({ kind: 'answer', status, body: writeError(code) }, isWrite)
    await expect(connector.revoke(handle('account'), doer)).rejects.toMatchObject({ fault, effect })
  }),
)
