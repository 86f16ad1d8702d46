import type { Client } from 'pg'
import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'
import type { PostgresServer } from '../../../test/support/servers/postgres.ts'

export const PASSWORDS = {
  hub: 'canary-hub-77d1',
  auditor: 'canary-auditor-02c9',
  person: 'leaver-pw',
}

/** Roles with exactly the rights that the README asks for. */
export async function grantHubRights({ admin }: PostgresServer): Promise<void> {
  await admin(`create role hub login createrole password '${PASSWORDS.hub}'`)
  await admin('grant pg_signal_backend to hub')
  await admin(`create role auditor login password '${PASSWORDS.auditor}'`)
}

/** Why a real server plays no tricks. */
export const CANNOT = {
  wire: 'not HTTP; broken connections have tests of their own',
  lie: 'a real server does what it says',
  ignoreFilter: 'a real server honours WHERE',
  repeatPages: 'a real server goes on',
  hideRows: 'the catalogue is complete',
}

export interface PostgresWorld extends KitWorld {
  jane: string
  /** A session that Jane opened before. */
  session: Client
}

let worlds = 0

/** Jane, a bystander and twins, on a server that all cases share. */
export async function postgresWorld(
  server: PostgresServer,
  config: object = {},
): Promise<PostgresWorld> {
  worlds += 1
  const [jane, bystander, readers] = [`jane_${worlds}`, `bystander_${worlds}`, `readers_${worlds}`]
  const twins = [`twin_${worlds}`, `Twin_${worlds}`]
  const hub = await server.login('hub', PASSWORDS.hub)
  // Made by the hub's own role: so it has ADMIN OPTION on them (PostgreSQL 16 asks for it).
  await hub.query(`create role ${readers}`)
  for (const role of [jane, bystander]) {
    await hub.query(`create role ${role} login password '${PASSWORDS.person}'`)
    await hub.query(`grant ${readers} to ${role}`)
  }
  for (const role of twins) await hub.query(`create role "${role}" login`)
  await hub.end()
  const session = await server.login(jane, PASSWORDS.person)
  const other = await server.login(bystander, PASSWORDS.person)
  const works = (work: () => Promise<unknown>): Promise<boolean> =>
    work().then(
      () => true,
      () => false,
    )
  const canLogIn = (role: string): Promise<boolean> =>
    works(async () => (await server.login(role, PASSWORDS.person)).end())
  const isMember = async (role: string): Promise<boolean> => {
    const [row] = await server.admin("select pg_has_role($1, $2, 'member') as is", [role, readers])
    return row?.['is'] === true
  }
  const [row] = await server.admin('select oid::text as oid from pg_roles where rolname = $1', [
    jane,
  ])
  const person = { sourceId: 's', userId: 'u', emails: [] }
  return {
    jane,
    session,
    app: {
      id: 'app',
      connectorId: 'postgresql',
      config: {
        host: '127.0.0.1',
        port: server.port,
        tls: 'off',
        user: 'hub',
        witnessUser: 'auditor',
        pageSize: 10,
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { password: PASSWORDS.hub, witnessPassword: PASSWORDS.auditor },
    subject: { ...person, userName: jane.toUpperCase() },
    stranger: { ...person, userName: "nobody'; drop role hub --" },
    twins: { ...person, userName: `twin_${worlds}` },
    accountId: String(row?.['oid']),
    strangerId: '4000000000',
    isLive: (facet) => {
      if (facet === 'account') return canLogIn(jane)
      return facet === 'session' ? works(() => session.query('select 1')) : isMember(jane)
    },
    bystandersHit: async () => {
      const fine = [canLogIn(bystander), isMember(bystander), works(() => other.query('select 1'))]
      return (await Promise.all(fine)).filter((isFine) => !isFine).length
    },
    tricks: {},
    cannot: CANNOT,
    close: async () => {
      await Promise.all([session, other].map((client) => client.end().catch(() => {})))
    },
  }
}
