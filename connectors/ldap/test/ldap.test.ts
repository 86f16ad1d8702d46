import { Attribute, Change } from 'ldapts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CallContext, Connector, Handle } from '../../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import { testKit } from '../../../test/support/kit.ts'
import { startBrokenWire } from '../../../test/support/servers/broken-wire.ts'
import {
  GROUPS,
  hasSlapd,
  LAX_POLICY,
  type SlapdServer,
  startSlapd,
  VAULT,
} from '../../../test/support/servers/slapd.ts'
import ldap from '../index.ts'
import { CANNOT, type LdapWorld, ldapWorld, PASSWORD } from './world.ts'

describe.runIf(hasSlapd())('ldap, on a real slapd', () => {
  let server: SlapdServer
  beforeAll(async () => {
    server = await startSlapd()
  })
  afterAll(() => server.stop())

  // The other two: what they read and write. That a bind is refused then, only their own servers show.
  describe.each(['openldap', '389', 'ad'] as const)('profile %s', (profile) => {
    const start = (): Promise<LdapWorld> => ldapWorld(server, { profile })
    testKit({ connector: ldap, start, timeoutMs: 10_000, cannot: CANNOT }, 'OpenLDAP slapd')
  })

  interface Opened {
    world: LdapWorld
    connector: Connector
    call(credential: 'doer' | 'witness'): CallContext
    handle(facet: Handle['facet']): Handle
  }
  const opened = async (
    config: object,
    work: (opened: Opened) => Promise<void>,
    timeoutMs = 10_000,
  ): Promise<void> => {
    const world = await ldapWorld(server, { profile: 'openldap', ...config })
    const runner = createConnectorRunner({
      connectors: new Map([['ldap', ldap as Connector]]),
      secretsOf: async () => world.secrets,
      clock: systemClock,
      limits: { timeoutMs },
    })
    try {
      const { connector, call } = await runner.open(world.app)
      const signal = new AbortController().signal
      await work({
        world,
        connector,
        call: (credential) => call({ credential, signal, idempotencyKey: 'test' }),
        handle: (facet) => ({ facet, id: world.accountId }),
      })
    } finally {
      await world.close()
      await runner.close()
    }
  }
  const vaultAs = async ({ session }: LdapWorld): Promise<number> =>
    (await session.search(VAULT, { scope: 'base' })).searchEntries.length

  test('a bind that was open before, after lock and groups, is worth nothing; no other is let in', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      expect(await vaultAs(world)).toBe(1)
      await connector.revoke(handle('account'), call('doer'))
      // The point of the order: a lock ends no bind.
      expect(await vaultAs(world)).toBe(1)
      await connector.revoke(handle('membership'), call('doer'))
      await expect(vaultAs(world)).rejects.toMatchObject({ code: 32 })
      await expect(server.bind(world.dn, PASSWORD)).rejects.toMatchObject({ code: 49 })
    }))

  test('probe, a locked account, is refused for its lock; an open one says nothing', () =>
    opened({}, async ({ connector, call, handle }) => {
      expect(await connector.probe?.(handle('account'), call('witness'))).toMatchObject({
        state: 'unknown',
      })
      await connector.revoke(handle('account'), call('doer'))
      const seen = await connector.probe?.(handle('account'), call('witness'))
      expect(seen).toMatchObject({ state: 'dead', evidence: { status: 49 } })
      expect(JSON.parse(seen?.evidence.body ?? '')).toMatchObject({ accountLocked: true })
    }))

  test('observe, a lock that the person’s policy ignores, is live', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      const policy = new Attribute({ type: 'pwdPolicySubentry', values: [LAX_POLICY] })
      await server.admin.modify(world.dn, new Change({ operation: 'add', modification: policy }))
      await connector.revoke(handle('account'), call('doer'))
      expect(await world.isLive('account')).toBe(true)
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'live',
      })
    }))

  test('observe, a lock that will end, is live', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      const lock = new Attribute({ type: 'pwdAccountLockedTime', values: ['20261122160000Z'] })
      await server.admin.modify(world.dn, new Change({ operation: 'replace', modification: lock }))
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'live',
      })
    }))

  test('revoke, somebody who moved, is still found by the entry’s identifier', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await server.admin.modifyDN(world.dn, 'uid=other')
      await connector.revoke(handle('account'), call('doer'))
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'dead',
      })
      await server.admin.modifyDN(world.dn.replace(world.jane, 'other'), `uid=${world.jane}`)
    }))

  test('revoke, the last member of a group that may not be empty, is for a person', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      const dn = `cn=only-${world.jane},${GROUPS}`
      await server.admin.add(dn, {
        objectClass: 'groupOfNames',
        cn: `only-${world.jane}`,
        member: world.dn,
      })
      const error = connector.revoke(handle('membership'), call('doer'))
      await expect(error).rejects.toMatchObject({
        fault: 'invalid',
        message: expect.stringMatching(/may not be empty/),
      })
      expect(await connector.observe(handle('membership'), call('witness'))).toMatchObject({
        state: 'live',
      })
      await server.admin.del(dn)
    }))

  test('the witness, whose own rights end there, cannot write', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      const error = connector.revoke(handle('account'), call('witness'))
      await expect(error).rejects.toMatchObject({ fault: 'forbidden', effect: 'none' })
      expect(await world.isLive('account')).toBe(true)
    }))

  test('a wrong password, is a credential fault', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      world.secrets['witnessPassword'] = 'canary-wrong'
      const wrong = { ...call('witness'), secrets: { password: 'canary-wrong' } }
      const error = connector.observe(handle('account'), wrong)
      await expect(error).rejects.toMatchObject({ fault: 'credential', effect: 'none' })
    }))

  test.each([
    ['ldaps', () => server.tlsPort],
    ['starttls', () => server.port],
  ] as const)(
    '%s, with the certificate given, works; without it, is a fault of the set-up',
    async (security, port) => {
      await opened(
        { security, port: port(), ca: server.ca },
        async ({ connector, call, handle }) => {
          expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
            state: 'live',
          })
        },
      )
      await opened({ security, port: port() }, async ({ connector, call, handle }) => {
        const error = connector.observe(handle('account'), call('witness'))
        await expect(error).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
      })
    },
  )

  test.each(['silence', 'reset'] as const)('revoke, %s after the deed, is unknown', async (how) => {
    const wire = await startBrokenWire(server.port)
    await opened(
      { port: wire.port },
      async ({ world, connector, call, handle }) => {
        wire.breakAfter('000001010000Z', how)
        const error = connector.revoke(handle('account'), call('doer'))
        await expect(error).rejects.toMatchObject({ fault: 'transient', effect: 'unknown' })
        expect(await world.isLive('account')).toBe(false)
        wire.breakAfter('entryUUID', how)
        const looked = connector.observe(handle('account'), call('witness'))
        await expect(looked).rejects.toMatchObject({ fault: 'transient', effect: 'none' })
      },
      500,
    )
    await wire.close()
  })
})
