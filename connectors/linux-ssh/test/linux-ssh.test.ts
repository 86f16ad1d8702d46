import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CallContext, Connector, Handle } from '../../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { testKit } from '../../../test/support/kit.ts'
import { hasSshd, makeKey, type SshdServer, startSshd } from '../../../test/support/servers/sshd.ts'
import linuxSsh from '../index.ts'
import { CANNOT, type HostWorld, hostWorld, hubKeys } from './world.ts'

describe.runIf(hasSshd())('linux-ssh, on a real sshd', () => {
  let server: SshdServer
  beforeAll(async () => {
    server = await startSshd({
      script: join(import.meta.dirname, '../quittance-host.sh'),
      ...hubKeys,
    })
  })
  afterAll(() => server.stop())

  // Every case starts some fifty processes: all of them with HOST_KIT=full, else those that tell most.
  const telling = /^correlate, two|^revoke, an account|^restore, the answer/
  testKit(
    {
      connector: linuxSsh,
      start: () => hostWorld(server),
      timeoutMs: 20_000,
      cannot: CANNOT,
    },
    'OpenSSH sshd with PAM, on Linux',
    process.env['HOST_KIT'] === 'full' ? undefined : telling,
  )

  interface Opened {
    world: HostWorld
    connector: Connector
    call(credential: 'doer' | 'witness'): CallContext
    handle(facet: Handle['facet']): Handle
  }
  const opened = async (
    config: object,
    work: (opened: Opened) => Promise<void>,
    timeoutMs = 20_000,
  ): Promise<void> => {
    const world = await hostWorld(server, config)
    const runner = createConnectorRunner({
      connectors: new Map([['linux-ssh', linuxSsh as Connector]]),
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

  test('a shell opened before, after the revocation, is killed and cannot be opened again', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      let isOpen = true
      world.session.on('close', () => {
        isOpen = false
      })
      await connector.revoke(handle('account'), call('doer'))
      // The point of the order: an expired account ends no process.
      expect(await world.isLive('session')).toBe(true)
      expect(isOpen).toBe(true)
      expect(await connector.observe(handle('session'), call('witness'))).toMatchObject({
        state: 'live',
      })

      await connector.revoke(handle('session'), call('doer'))
      await eventually('the connection is gone', () => !isOpen)
      await expect(server.login(world.jane, world.key)).rejects.toThrow()
      expect(await connector.observe(handle('session'), call('witness'))).toMatchObject({
        state: 'dead',
      })
    }))

  test('probe, an expired account, is refused by PAM; an open one is let in', () =>
    opened({}, async ({ connector, call, handle }) => {
      expect(await connector.probe?.(handle('account'), call('witness'))).toMatchObject({
        state: 'live',
      })
      await connector.revoke(handle('account'), call('doer'))
      expect(await connector.probe?.(handle('account'), call('witness'))).toMatchObject({
        state: 'dead',
      })
    }))

  test('observe, a password locked without expiry, is live: keys still work', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      server.inside(`usermod -L ${world.jane}`)
      expect(await world.isLive('account')).toBe(true)
      expect(await connector.observe(handle('account'), call('witness'))).toMatchObject({
        state: 'live',
      })
    }))

  test('evidence, of everything read and done, holds no password hash', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      server.inside(`usermod -p '$6$canary$hashhashhash' ${world.jane}`)
      const { evidence } = await connector.observe(handle('account'), call('witness'))
      const listed = await connector.list('account', 'everyone', undefined, call('witness'))
      const done = await connector.revoke(handle('account'), call('doer'))
      const { undo = {} } = done
      const back = await connector.restore?.(handle('account'), undo, call('doer'))
      expect(JSON.stringify([evidence, listed, done, back])).not.toContain('canary')
      // Put back as it was.
      expect(server.inside(`getent shadow ${world.jane}`).stdout).toContain(
        `${world.jane}:$6$canary$hashhashhash:`,
      )
    }))

  test('revoke, keys behind a link out of the home, are not touched with more rights than the person’s', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      server.inside(
        `mkdir -p /etc/trap && echo 'ssh-ed25519 AAAA root' > /etc/trap/authorized_keys && chmod 755 /etc/trap && rm -rf /home/${world.jane}/.ssh && ln -s /etc/trap /home/${world.jane}/.ssh`,
      )
      const error = connector.revoke(handle('ssh_key'), call('doer'))
      await expect(error).rejects.toMatchObject({ fault: 'forbidden' })
      expect(server.inside('cat /etc/trap/authorized_keys').stdout).toContain('root')
    }))

  test('the witness’s key, although it logs in as root, cannot write', () =>
    opened({}, async ({ world, connector, call, handle }) => {
      const error = connector.revoke(handle('account'), call('witness'))
      await expect(error).rejects.toMatchObject({ fault: 'forbidden', effect: 'none' })
      expect(await world.isLive('account')).toBe(true)
    }))

  test('revoke, what is nobody’s name, is refused and changes nothing', () =>
    opened({}, async ({ connector, call }) => {
      const before = server.inside('cat /etc/shadow').stdout
      for (const id of [
        'root',
        'daemon',
        'jane; id',
        '$(reboot)',
        '-rf',
        '../root',
        'jane\nroot',
        '',
      ]) {
        const error = connector.revoke({ facet: 'account', id }, call('doer'))
        const fault = expect.stringMatching(/invalid|forbidden/)
        await expect(error, id).rejects.toMatchObject({ fault, effect: 'none' })
      }
      expect(server.inside('cat /etc/shadow').stdout).toBe(before)
    }))

  test.each(['read "$(id)"', 'shell', 'read jane1 extra; id', 'revoke account root', '`id`'])(
    'the script, asked %s past the connector, runs nothing else',
    async (command) => {
      const { stdout } = server.inside(`${server.script} do '${command}'`)
      expect(stdout).not.toContain('uid=0(root)')
    },
  )

  test('another host’s key, is a fault of the set-up, and nothing is sent', () =>
    opened({ hostKeys: [`SHA256:${'A'.repeat(43)}`] }, async ({ connector, call, handle }) => {
      const error = connector.revoke(handle('account'), call('doer'))
      await expect(error).rejects.toMatchObject({
        fault: 'invalid',
        effect: 'none',
        message: expect.stringMatching(/another host/),
      })
    }))

  test('a key that the host does not know, is a credential fault', () =>
    opened({}, async ({ connector, call, handle }) => {
      const wrong = { ...call('witness'), secrets: { privateKey: makeKey().private } }
      const error = connector.observe(handle('account'), wrong)
      await expect(error).rejects.toMatchObject({ fault: 'credential', effect: 'none' })
    }))
})
