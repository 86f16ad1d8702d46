import type { Client } from 'ssh2'
import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'
import { type Key, makeKey, type SshdServer } from '../../../test/support/servers/sshd.ts'

/** Why a real host plays no tricks. */
export const CANNOT = {
  wire: 'not HTTP; broken connections have tests of their own',
  lie: 'a real host does what it says',
  ignoreFilter: 'the host is asked for one name',
  repeatPages: 'the whole listing is one page',
  hideRows: 'the password file is complete',
}

/** The keys of the hub, tied to the script on the host. */
export const hubKeys: { doer: Key; witness: Key } = { doer: makeKey(), witness: makeKey() }
const personKey = makeKey()

export interface HostWorld extends KitWorld {
  jane: string
  key: Key
  /** A connection that Jane opened before, with a program running. */
  session: Client
}

let worlds = 0

/** Jane, a bystander and twins, on a host that all cases share. */
export async function hostWorld(server: SshdServer, config: object = {}): Promise<HostWorld> {
  worlds += 1
  const [jane, bystander, staff] = [`jane${worlds}`, `bystander${worlds}`, `staff${worlds}`]
  const twins = [`twin${worlds}`, `emp-${worlds}`].map((name) => name.replace('-', '_'))
  const made = server.inside(
    [
      'set -e',
      `groupadd ${staff}`,
      ...[jane, bystander].map((user) => `useradd -m -s /bin/sh -G ${staff} -p '*' ${user}`),
      ...twins.map((user) => `useradd -M -s /bin/sh -p '*' ${user}`),
      ...[jane, bystander].flatMap((user) => [
        `mkdir -m 700 /home/${user}/.ssh`,
        `echo '${personKey.public}' > /home/${user}/.ssh/authorized_keys`,
        `chown -R ${user}: /home/${user}/.ssh`,
        'mkdir -p /etc/sudoers.d',
        `echo '${user} ALL=(ALL) ALL' > /etc/sudoers.d/${user}`,
      ]),
    ].join('\n'),
  )
  if (made.status !== 0) throw new Error(made.stdout)
  const session = await started(server, jane)
  const other = await started(server, bystander)
  const canLogIn = (user: string): Promise<boolean> =>
    server.login(user, personKey).then(
      (client) => {
        client.end()
        return true
      },
      () => false,
    )
  const holds = (command: string): boolean => server.inside(command).status === 0
  // What `canLogIn` began may still be ending: the program of the session is what counts.
  const isWorking = (user: string): boolean => holds(`pgrep -u ${user} -x sleep`)
  const hasKeys = (user: string): boolean => holds(`test -s /home/${user}/.ssh/authorized_keys`)
  const isMember = (user: string): boolean =>
    holds(`id -nG ${user} | grep -qw ${staff}`) || holds(`test -f /etc/sudoers.d/${user}`)
  const person = { sourceId: 's', userId: 'u', emails: [] }
  return {
    jane,
    key: personKey,
    session,
    app: {
      id: 'app',
      connectorId: 'linux-ssh',
      config: {
        host: '127.0.0.1',
        port: server.port,
        hostKeys: [server.hostKey],
        user: 'root',
        loginFrom: ['userName', 'externalId'],
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { privateKey: hubKeys.doer.private, witnessPrivateKey: hubKeys.witness.private },
    subject: { ...person, userName: jane.toUpperCase() },
    stranger: { ...person, userName: '$(id)', externalId: 'nobody-here' },
    twins: { ...person, userName: twins[0] ?? '', externalId: twins[1] ?? '' },
    accountId: jane,
    strangerId: 'nobody-here',
    isLive: (facet) => {
      if (facet === 'account') return canLogIn(jane)
      if (facet === 'session') return isWorking(jane)
      return facet === 'ssh_key' ? hasKeys(jane) : isMember(jane)
    },
    bystandersHit: async () => {
      const fine = [
        await canLogIn(bystander),
        isWorking(bystander),
        hasKeys(bystander),
        isMember(bystander),
      ]
      return fine.filter((isFine) => !isFine).length
    },
    tricks: {},
    cannot: CANNOT,
    close: async () => {
      for (const client of [session, other]) client.end()
      const users = [jane, bystander, ...twins]
      server.inside(
        [
          `pkill -KILL -u ${jane},${bystander}`,
          ...users.map((user) => `userdel -f -r ${user}`),
        ].join(';'),
      )
    },
  }
}

/** A connection with a program running on it. */
async function started(server: SshdServer, user: string): Promise<Client> {
  const client = await server.login(user, personKey)
  client.on('error', () => {})
  await new Promise<void>((done, fail) => {
    client.exec('echo started; exec sleep 600', (error, stream) => {
      if (error !== undefined) return fail(error)
      stream.once('data', () => done())
    })
  })
  return client
}
