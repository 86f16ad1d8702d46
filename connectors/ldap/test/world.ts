import { randomBytes, randomUUID } from 'node:crypto'
import { Attribute, Change, type Client } from 'ldapts'
import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'
import {
  AUDITOR,
  GROUPS,
  HUB,
  PEOPLE,
  POLICY,
  type SlapdServer,
  STAFF,
} from '../../../test/support/servers/slapd.ts'
import { profiles } from '../profiles.ts'

/** Why a real server plays no tricks. */
export const CANNOT = {
  wire: 'not HTTP; broken connections have tests of their own',
  lie: 'a real server does what it says',
  ignoreFilter: 'a real server honours filters',
  repeatPages: 'the whole listing is one page',
  hideRows: 'a real server shows what it counts',
}

export const PASSWORD = 'leaver-pw'

export interface LdapWorld extends KitWorld {
  jane: string
  dn: string
  /** A connection on which Jane was bound before. */
  session: Client
}

let worlds = 0

/** Jane, a bystander and twins, in a directory that all cases share. */
export async function ldapWorld(
  server: SlapdServer,
  config: { profile: keyof typeof profiles; [field: string]: unknown },
): Promise<LdapWorld> {
  worlds += 1
  const { admin } = server
  const profile = profiles[config.profile]
  const [jane, bystander] = [`jane${worlds}`, `bystander${worlds}`]
  const twins = [`twin${worlds}`, `twin.old${worlds}`]
  const dnOf = (uid: string): string => `uid=${uid},${PEOPLE}`
  const created: string[] = []
  const add = async (dn: string, entry: Record<string, string | string[]>): Promise<void> => {
    await admin.add(dn, entry)
    created.unshift(dn)
  }
  for (const [index, uid] of [jane, bystander, ...twins].entries()) {
    await add(dnOf(uid), {
      objectClass: ['inetOrgPerson', 'ldapPublicKey', 'user'],
      cn: uid,
      sn: uid,
      uid,
      sAMAccountName: uid,
      userPassword: PASSWORD,
      employeeNumber: `emp-${worlds}-${index}`,
      nsUniqueId: randomUUID(),
      userAccountControl: '66048',
      sshPublicKey: [`ssh-ed25519 AAAA ${uid}@laptop`, `ssh-ed25519 BBBB ${uid}@home`],
    })
    // Bytes: `add` takes text only.
    const guid = new Attribute({ type: 'objectGUID', values: [randomBytes(16)] })
    await admin.modify(dnOf(uid), new Change({ operation: 'add', modification: guid }))
  }
  for (const uid of [jane, bystander]) {
    const member = new Attribute({ type: 'member', values: [dnOf(uid)] })
    await admin.modify(STAFF, new Change({ operation: 'add', modification: member }))
  }
  await add(`cn=posix${worlds},${GROUPS}`, {
    objectClass: 'posixGroup',
    cn: `posix${worlds}`,
    gidNumber: '1000',
    memberUid: config.profile === 'ad' ? [bystander] : [jane, bystander],
  })
  const [session, other] = [
    await server.bind(dnOf(jane), PASSWORD),
    await server.bind(dnOf(bystander), PASSWORD),
  ]
  const read = async (dn: string) => {
    const { searchEntries } = await admin.search(dn, {
      scope: 'base',
      attributes: ['*', '+'],
      explicitBufferAttributes: ['objectGUID'],
    })
    const [entry] = searchEntries
    if (entry === undefined) throw new Error(`no ${dn}`)
    return entry
  }
  const canBind = async (uid: string): Promise<boolean> => {
    // Only OpenLDAP's own lock keeps this server from letting people in.
    if (config.profile !== 'openldap') return !profile.isLocked(await read(dnOf(uid)))
    return server.bind(dnOf(uid), PASSWORD).then(
      async (client) => {
        await client.unbind()
        return true
      },
      () => false,
    )
  }
  const isMember = async (uid: string): Promise<boolean> => {
    const { searchEntries } = await admin.search(GROUPS, {
      filter: `(|(member=${dnOf(uid)})(memberUid=${uid}))`,
    })
    return searchEntries.length > 0
  }
  const hasKeys = async (uid: string): Promise<boolean> => 'sshPublicKey' in (await read(dnOf(uid)))
  const person = { sourceId: 's', userId: 'u', emails: [] }
  return {
    jane,
    dn: dnOf(jane),
    session,
    app: {
      id: 'app',
      connectorId: 'ldap',
      config: {
        host: '127.0.0.1',
        port: server.port,
        security: 'none',
        bindDn: HUB.dn,
        witnessBindDn: AUDITOR.dn,
        baseDn: PEOPLE,
        groupBaseDn: GROUPS,
        policyDn: POLICY,
        externalIdAttribute: 'employeeNumber',
        sshKeyAttribute: 'sshPublicKey',
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { password: HUB.password, witnessPassword: AUDITOR.password },
    subject: { ...person, userName: jane.toUpperCase() },
    stranger: { ...person, userName: '*)(uid=*', externalId: '*' },
    twins: { ...person, userName: `twin${worlds}`, externalId: `emp-${worlds}-3` },
    accountId: profile.idOf(await read(dnOf(jane))) ?? '',
    strangerId: config.profile === 'ad' ? '0'.repeat(32) : '00000000-0000-4000-8000-000000000000',
    isLive: (facet) => {
      if (facet === 'account') return canBind(jane)
      return facet === 'ssh_key' ? hasKeys(jane) : isMember(jane)
    },
    bystandersHit: async () => {
      const fine = [canBind(bystander), isMember(bystander), hasKeys(bystander)]
      return (await Promise.all(fine)).filter((isFine) => !isFine).length
    },
    tricks: {},
    cannot: CANNOT,
    close: async () => {
      await Promise.all([session.unbind(), other.unbind()])
      const values = [dnOf(bystander)]
      if (await isMember(jane)) values.push(dnOf(jane))
      for (const value of values) {
        const member = new Attribute({ type: 'member', values: [value] })
        await admin
          .modify(STAFF, new Change({ operation: 'delete', modification: member }))
          .catch(() => {})
      }
      for (const dn of created) await admin.del(dn)
    },
  }
}
