import type { Connection } from 'mysql2/promise'
import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'
import type { MariadbServer } from '../../../test/support/servers/mariadb.ts'

/** Why a real server plays no tricks. */
export const CANNOT = {
  wire: 'not HTTP; broken connections have tests of their own',
  lie: 'a real server does what it says',
  ignoreFilter: 'a real server honours WHERE',
  repeatPages: 'a real server goes on',
  hideRows: 'the tables are complete',
}

export const PASSWORDS = {
  hub: 'canary-hub-8812',
  auditor: 'canary-auditor-4471',
  person: 'leaver-pw',
}

/** Users with exactly the rights that the README asks for. */
export async function grantHubRights({ admin }: MariadbServer): Promise<void> {
  await admin.query(`create user hub identified by '${PASSWORDS.hub}'`)
  await admin.query('grant create user, process, connection admin on *.* to hub')
  await admin.query(`create user auditor identified by '${PASSWORDS.auditor}'`)
  await admin.query('grant process on *.* to auditor')
  for (const user of ['hub', 'auditor']) {
    await admin.query(`grant select on mysql.global_priv to ${user}`)
    await admin.query(`grant select on mysql.roles_mapping to ${user}`)
  }
}

export interface MysqlWorld extends KitWorld {
  jane: string
  readers: string
  /** A connection that Jane opened before. */
  session: Connection
}

let worlds = 0

/** Jane with two accounts, a bystander and twins, on a server that all cases share. */
export async function mysqlWorld(server: MariadbServer, config: object = {}): Promise<MysqlWorld> {
  worlds += 1
  const { admin } = server
  const [jane, bystander, readers] = [`jane${worlds}`, `bystander${worlds}`, `readers${worlds}`]
  const users = [jane, bystander, `twin${worlds}`, `Twin${worlds}`]
  await admin.query(`create role ${readers}`)
  await admin.query(`grant ${readers} to hub with admin option`)
  for (const user of users) {
    for (const host of ['%', '10.1.%']) {
      await admin.query(`create user ${user}@'${host}' identified by '${PASSWORDS.person}'`)
    }
  }
  for (const user of [jane, bystander]) await admin.query(`grant ${readers} to ${user}@'%'`)
  const session = await server.login(jane, PASSWORDS.person)
  const other = await server.login(bystander, PASSWORDS.person)
  const works = (work: () => Promise<unknown>): Promise<boolean> =>
    work().then(
      () => true,
      () => false,
    )
  const canLogIn = (user: string): Promise<boolean> =>
    works(async () => (await server.login(user, PASSWORDS.person)).end())
  const isMember = async (user: string): Promise<boolean> => {
    const [rows] = await admin.query(
      'select 1 from mysql.roles_mapping where User = ? and Role = ?',
      [user, readers],
    )
    return (rows as unknown[]).length > 0
  }
  const person = { sourceId: 's', userId: 'u', emails: [] }
  return {
    jane,
    readers,
    session,
    app: {
      id: 'app',
      connectorId: 'mysql',
      config: {
        host: '127.0.0.1',
        port: server.port,
        tls: 'off',
        user: 'hub',
        witnessUser: 'auditor',
        pageSize: 3,
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { password: PASSWORDS.hub, witnessPassword: PASSWORDS.auditor },
    subject: { ...person, userName: jane.toUpperCase() },
    stranger: { ...person, userName: "nobody') or 1=1 -- \\" },
    twins: { ...person, userName: `twin${worlds}` },
    accountId: jane,
    strangerId: "nobody'\\",
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
      await Promise.all([session, other].map((connection) => connection.end().catch(() => {})))
      for (const user of users)
        await admin.query(`drop user if exists ${user}@'%', ${user}@'10.1.%'`)
      await admin.query(`drop role ${readers}`)
    },
  }
}
