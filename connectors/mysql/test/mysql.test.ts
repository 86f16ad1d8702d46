import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CallContext, Connector, Handle } from '../../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import { testKit } from '../../../test/support/kit.ts'
import { startBrokenWire } from '../../../test/support/servers/broken-wire.ts'
import {
  hasMariadb,
  type MariadbServer,
  startMariadb,
} from '../../../test/support/servers/mariadb.ts'
import mysql from '../index.ts'
import { CANNOT, grantHubRights, type MysqlWorld, mysqlWorld, PASSWORDS } from './world.ts'

describe.runIf(hasMariadb())('mysql, on a real MariaDB', () => {
  let server: MariadbServer
  beforeAll(async () => {
    server = await startMariadb()
    await grantHubRights(server)
  })
  afterAll(() => server.stop())

  testKit(
    {
      connector: mysql,
      start: () => mysqlWorld(server),
      timeoutMs: 10_000,
      cannot: CANNOT,
    },
    'MariaDB',
  )

  interface Opened {
    world: MysqlWorld
    connector: Connector
    call(credential: 'doer' | 'witness'): CallContext
    handle(facet: Handle['facet']): Handle
  }
  const opened = async (
    config: object,
    work: (opened: Opened) => Promise<void>,
    timeoutMs = 10_000,
  ): Promise<void> => {
    const world = await mysqlWorld(server, config)
    const runner = createConnectorRunner({
      connectors: new Map([['mysql', mysql as Connector]]),
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

  test('a connection opened before, after the revocation, is ended and cannot be opened again', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await connector.revoke(handle('account'), call('doer'))
      // The point of the order: a lock ends no connection.
      await world.session.query('select 1')
      expect(await connector.observe(handle('session'), call('witness'))).toMatchObject({
        state: 'live',
      })

      await connector.revoke(handle('session'), call('doer'))
      await expect(world.session.query('select 1')).rejects.toThrow()
      await expect(server.login(world.jane, PASSWORDS.person)).rejects.toMatchObject({
        errno: 4151,
      })
      expect(await connector.observe(handle('session'), call('witness'))).toMatchObject({
        state: 'dead',
      })
    }))

  test('observe, one of two accounts locked, is live; undo opens only what was taken', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await server.admin.query(`alter user ${world.jane}@'10.1.%' account lock`)
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'live',
      })
      const { undo = {} } = await connector.revoke(handle('account'), call('doer'))
      expect(undo).toEqual({ hosts: ['%'] })
      await connector.restore?.(handle('account'), undo, call('doer'))
      const { evidence } = await connector.observe(handle('account'), call('witness'))
      expect(JSON.parse(evidence.body).accounts).toEqual([
        { host: '%', locked: false },
        { host: '10.1.%', locked: true },
      ])
    }))

  test('a dropped user, whose connection goes on, is absent and has a live session', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await server.admin.query(`drop user ${world.jane}@'%', ${world.jane}@'10.1.%'`)
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'absent',
      })
      expect(await connector.observe(handle('session'), call('witness'))).toMatchObject({
        state: 'live',
      })
      await connector.revoke(handle('session'), call('doer'))
      await expect(world.session.query('select 1')).rejects.toThrow()
    }))

  test('restore, a role with admin option, has it again', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await server.admin.query(`grant ${world.readers} to ${world.jane}@'%' with admin option`)
      const { undo = {} } = await connector.revoke(handle('membership'), call('doer'))
      expect(await world.isLive('membership')).toBe(false)
      await connector.restore?.(handle('membership'), undo, call('doer'))
      const [rows] = await server.admin.query('show grants for ?@?', [world.jane, '%'])
      expect(JSON.stringify(rows)).toMatch(/WITH ADMIN OPTION/)
    }))

  test('revoke, a role that the hub may not manage, is for a person', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      await server.admin.query(`revoke admin option for ${world.readers} from hub`)
      const error = connector.revoke(handle('membership'), call('doer'))
      await expect(error).rejects.toMatchObject({ fault: 'forbidden', effect: 'none' })
      expect(await world.isLive('membership')).toBe(true)
    }))

  test('the witness, whose own rights end there, cannot write', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      for (const facet of ['account', 'session'] as const) {
        const error = connector.revoke(handle(facet), call('witness'))
        await expect(error).rejects.toMatchObject({ fault: 'forbidden', effect: 'none' })
        expect(await world.isLive(facet)).toBe(true)
      }
    }))

  test('correlate, users of the server and of the hub, are protected', () =>
    opened({}, async ({ connector, call }) => {
      for (const userName of ['root', 'mariadb.sys', 'HUB', 'auditor']) {
        const subject = { sourceId: 's', userId: 'u', userName, emails: [] }
        const [match] = await connector.correlate(subject, call('witness'))
        expect(match?.protectedBecause, userName).toBeDefined()
      }
    }))

  test('TLS, with the certificate given, works; without it, or with an address, is a fault of the set-up', async () => {
    const tls = { tls: 'verify', host: 'localhost' }
    await opened({ ...tls, ca: server.ca }, async ({ connector, call, handle }) => {
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'live',
      })
    })
    for (const config of [tls, { tls: 'verify', ca: server.ca }]) {
      await opened(config, async ({ connector, call, handle }) => {
        const error = connector.observe(handle('account'), call('witness'))
        await expect(error).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
      })
    }
  })

  test('a wrong password, is a credential fault', () =>
    opened({}, async ({ connector, call, handle }) => {
      const wrong = { ...call('witness'), secrets: { password: 'canary-wrong' } }
      const error = connector.observe(handle('account'), wrong)
      await expect(error).rejects.toMatchObject({ fault: 'credential', effect: 'none' })
    }))

  test.each(['silence', 'reset'] as const)('revoke, %s after the deed, is unknown', async (how) => {
    const wire = await startBrokenWire(server.port)
    await opened(
      { port: wire.port },
      async ({ world, connector, call, handle }) => {
        wire.breakAfter('account lock', how)
        const error = connector.revoke(handle('account'), call('doer'))
        await expect(error).rejects.toMatchObject({ fault: 'transient', effect: 'unknown' })
        expect(await world.isLive('account')).toBe(false)
        wire.breakAfter('processlist', how)
        const looked = connector.observe(handle('account'), call('witness'))
        await expect(looked).rejects.toMatchObject({ fault: 'transient', effect: 'none' })
      },
      500,
    )
    await wire.close()
  })
})
