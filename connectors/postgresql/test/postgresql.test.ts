import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CallContext, Connector, Handle } from '../../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import { testKit } from '../../../test/support/kit.ts'
import { startBrokenWire } from '../../../test/support/servers/broken-wire.ts'
import {
  hasPostgres,
  type PostgresServer,
  startPostgres,
} from '../../../test/support/servers/postgres.ts'
import postgresql from '../index.ts'
import { CANNOT, grantHubRights, PASSWORDS, type PostgresWorld, postgresWorld } from './world.ts'

describe.runIf(hasPostgres())('postgresql, on a real server', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
    await grantHubRights(server)
  })
  afterAll(() => server.stop())

  testKit(
    {
      connector: postgresql,
      start: () => postgresWorld(server),
      timeoutMs: 10_000,
      cannot: CANNOT,
    },
    'PostgreSQL',
  )

  interface Opened {
    world: PostgresWorld
    connector: Connector
    call(credential: 'doer' | 'witness'): CallContext
    abort(): void
    handle(facet: Handle['facet']): Handle
  }
  const opened = async (
    config: object,
    work: (opened: Opened) => Promise<void>,
    timeoutMs = 10_000,
  ): Promise<void> => {
    const world = await postgresWorld(server, config)
    const runner = createConnectorRunner({
      connectors: new Map([['postgresql', postgresql as Connector]]),
      secretsOf: async () => world.secrets,
      clock: systemClock,
      limits: { timeoutMs },
    })
    try {
      const { connector, call } = await runner.open(world.app)
      const controller = new AbortController()
      const { signal } = controller
      await work({
        world,
        connector,
        call: (credential) => call({ credential, signal, idempotencyKey: 'test' }),
        handle: (facet) => ({ facet, id: world.accountId }),
        abort: () => controller.abort(),
      })
    } finally {
      await world.close()
      await runner.close()
    }
  }

  test('a session opened before, after the revocation, is ended and cannot be opened again', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      const stillOpen = await world.session.query('select current_user as me')
      expect(stillOpen.rows).toEqual([{ me: world.jane }])

      await connector.revoke(handle('account'), call('doer'))
      // The point of the order: forbidding the login ends nothing.
      expect((await world.session.query('select 1 as n')).rows).toEqual([{ n: 1 }])
      expect(await connector.observe(handle('session'), call('witness'))).toMatchObject({
        state: 'live',
      })

      await connector.revoke(handle('session'), call('doer'))
      await expect(world.session.query('select 1')).rejects.toThrow()
      await expect(server.login(world.jane, PASSWORDS.person)).rejects.toMatchObject({
        code: '28000',
      })
      expect(await connector.observe(handle('session'), call('witness'))).toMatchObject({
        state: 'dead',
      })
    }))

  test('observe, a role that owns things, says so in the evidence', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await server.admin(`create schema authorization ${world.jane}`)
      await server.admin(`create table ${world.jane}.notes (n int)`)
      await server.admin(`alter table ${world.jane}.notes owner to ${world.jane}`)
      const { evidence } = await connector.observe(handle('account'), call('witness'))
      expect(JSON.parse(evidence.body)).toMatchObject({ owned: { postgres: 2 }, prepared: 0 })
    }))

  test('revoke, a role that was renamed, is still found by its oid', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await server.admin(`alter role ${world.jane} rename to "Robert'); drop--"`)
      await connector.revoke(handle('account'), call('doer'))
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'dead',
      })
    }))

  test('revoke, a superuser, is forbidden: a person must', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await server.admin(`alter role ${world.jane} superuser`)
      for (const facet of ['account', 'session'] as const) {
        const error = connector.revoke(handle(facet), call('doer'))
        await expect(error).rejects.toMatchObject({
          fault: 'forbidden',
          message: expect.stringMatching(/administrator must/),
        })
      }
      expect(await world.isLive('account')).toBe(true)
    }))

  test('revoke, a membership that was granted on, is for a person and takes none', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      const group = world.jane.replace('jane', 'readers')
      await server.admin(`grant ${group} to ${world.jane} with admin option granted by hub`)
      await world.session.query(`grant ${group} to auditor`)
      const error = connector.revoke(handle('membership'), call('doer'))
      await expect(error).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
      expect(await world.isLive('membership')).toBe(true)
      await server.admin(`revoke ${group} from ${world.jane} granted by hub cascade`)
    }))

  test('restore, a membership with its options, has them again', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      const group = world.jane.replace('jane', 'readers')
      const options = async () =>
        await server.admin(
          'select to_jsonb(m) - $1 as m from pg_auth_members m where member = $2::regrole and roleid = $3::regrole',
          ['oid', world.jane, group],
        )
      await server.admin(`grant ${group} to ${world.jane} with admin option granted by hub`)
      const before = await options()
      const { undo = {} } = await connector.revoke(handle('membership'), call('doer'))
      expect(await options()).toEqual([])
      await connector.restore?.(handle('membership'), undo, call('doer'))
      expect(await options()).toEqual(before)
    }))

  test('correlate, the hub’s own role and a built-in one, are protected', () =>
    opened({}, async ({ connector, call }) => {
      for (const userName of ['hub', 'auditor', 'postgres', 'PG_monitor']) {
        const subject = { sourceId: 's', userId: 'u', userName, emails: [] }
        const [match] = await connector.correlate(subject, call('witness'))
        expect(match?.protectedBecause, userName).toBeDefined()
      }
    }))

  test('correlate, by the part before the @, is weak unless it identifies', () =>
    opened({ loginFrom: ['localPart'] }, async ({ world, connector, call }) => {
      const subject = { ...world.subject, userName: `${world.jane}@example.com` }
      const [match] = await connector.correlate(subject, call('witness'))
      expect(match).toMatchObject({ strength: 'weak', matchedOn: 'localPart' })
    }))

  test('TLS, with the certificate given, works; without it, is a fault of the set-up', async () => {
    await opened({ tls: 'verify', ca: server.ca }, async ({ connector, call, handle }) => {
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'live',
      })
    })
    await opened({ tls: 'verify' }, async ({ connector, call, handle }) => {
      const error = connector.observe(handle('account'), call('witness'))
      await expect(error).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
    })
  })

  test('the witness, whose own rights would do, cannot write', () =>
    opened({ witnessUser: 'hub' }, async ({ world, connector, call, handle }) => {
      world.secrets['witnessPassword'] = PASSWORDS.hub
      const error = connector.revoke(handle('account'), { ...call('witness') })
      await expect(error).rejects.toMatchObject({ name: 'ConnectorError' })
      expect(await world.isLive('account')).toBe(true)
    }))

  test('a wrong password, is a credential fault that holds no password', () =>
    opened({ user: 'hub', witnessUser: 'hub' }, async ({ connector, call, handle }) => {
      const error = connector.observe(handle('account'), call('witness'))
      await expect(error).rejects.toMatchObject({ fault: 'credential', effect: 'none' })
    }))

  test.each(['silence', 'reset'] as const)(
    'revoke, %s after the commit, is unknown; the role is looked at again',
    async (how) => {
      const wire = await startBrokenWire(server.port)
      await opened(
        { port: wire.port },
        async ({ world, connector, call, handle }) => {
          wire.breakAfter('commit', how)
          const error = connector.revoke(handle('account'), call('doer'))
          await expect(error).rejects.toMatchObject({ fault: 'transient', effect: 'unknown' })
          expect(await world.isLive('account')).toBe(false)
          const seen = await connector.observe(handle('account'), call('witness'))
          expect(seen.state).toBe('dead')
        },
        1_000,
      )
      await wire.close()
    },
  )

  test('observe, silence, is bad luck without effect; an abort ends it at once', async () => {
    const wire = await startBrokenWire(server.port)
    await opened(
      { port: wire.port },
      async ({ connector, call, handle, abort }) => {
        wire.breakAfter('pg_stat_activity', 'silence')
        const error = connector.observe(handle('account'), call('witness'))
        await expect(error).rejects.toMatchObject({ fault: 'transient', effect: 'none' })

        const began = performance.now()
        const aborted = connector.revoke(handle('account'), call('doer'))
        abort()
        await expect(aborted).rejects.toMatchObject({ fault: 'transient' })
        expect(performance.now() - began).toBeLessThan(900)
      },
      300,
    )
    await wire.close()
  })
})
