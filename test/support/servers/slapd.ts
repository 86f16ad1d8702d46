import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Client } from 'ldapts'
import { selfSigned } from './certificate.ts'
import { findProgram, freePort, isAvailable, serverDirectory, startProgram } from './process.ts'

/** A real OpenLDAP on ports of 127.0.0.1, with password policies, groups and TLS. */
export interface SlapdServer {
  port: number
  /** Of ldaps. */
  tlsPort: number
  pid: number
  /** PEM of the certificate that the server shows. */
  ca: string
  /** Bound as the root DN. */
  admin: Client
  /** A connection bound as somebody. */
  bind(dn: string, password: string): Promise<Client>
  stop(): Promise<void>
}

export const SUFFIX = 'dc=example,dc=org'
export const PEOPLE = `ou=people,${SUFFIX}`
export const GROUPS = `ou=groups,${SUFFIX}`
export const POLICY = `cn=default,ou=policies,${SUFFIX}`
/** A policy that ignores locks. */
export const LAX_POLICY = `cn=lax,ou=policies,${SUFFIX}`
/** Only members of `cn=staff` may read it. */
export const VAULT = `cn=vault,${SUFFIX}`
export const STAFF = `cn=staff,${GROUPS}`
export const HUB = { dn: `cn=hub,${SUFFIX}`, password: 'canary-hub-31aa' }
export const AUDITOR = { dn: `cn=auditor,${SUFFIX}`, password: 'canary-auditor-9e02' }

const slapd = findProgram('slapd')

/** Is there an OpenLDAP here? See isAvailable. */
export const hasSlapd = (): boolean =>
  isAvailable('OpenLDAP', slapd === undefined ? 'no slapd was found' : undefined)

/** Attributes of other kinds of directories, so that their profiles have something to read and write. */
const FOREIGN_SCHEMA = `
attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 2.16.840.1.113730.3.1.542 NAME 'nsUniqueId' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY MAY sshPublicKey )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP top AUXILIARY MAY ( nsUniqueId $ nsAccountLock $ objectGUID $ sAMAccountName $ userAccountControl ) )
`

/** The rights that the README asks for, and no more. */
const ACCESS = `
access to attrs=userPassword by anonymous auth by * none
access to dn.base="${VAULT}" by group/groupOfNames/member.exact="${STAFF}" read by * none
access to dn.subtree="${PEOPLE}" attrs=pwdAccountLockedTime,nsAccountLock,userAccountControl,sshPublicKey
  by dn.exact="${HUB.dn}" write by dn.exact="${AUDITOR.dn}" read by * none
access to dn.subtree="${GROUPS}" attrs=member,uniqueMember,memberUid
  by dn.exact="${HUB.dn}" write by dn.exact="${AUDITOR.dn}" read by * none
access to * by dn.exact="${HUB.dn}" read by dn.exact="${AUDITOR.dn}" read by self read by * none
`

export async function startSlapd(): Promise<SlapdServer> {
  if (slapd === undefined) throw new Error('no slapd')
  const directory = serverDirectory('slapd', undefined)
  mkdirSync(join(directory.path, 'db'))
  const { keyFile, certificateFile, ca } = selfSigned(directory.path)
  const config = join(directory.path, 'slapd.conf')
  const schemas = ['core', 'cosine', 'inetorgperson', 'nis']
  writeFileSync(
    config,
    [
      ...schemas.map((name) => `include /etc/ldap/schema/${name}.schema`),
      FOREIGN_SCHEMA,
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      'moduleload ppolicy',
      `pidfile ${directory.path}/pid`,
      `TLSCertificateFile ${certificateFile}`,
      `TLSCertificateKeyFile ${keyFile}`,
      // Plain passwords in the tests: no time spent on hashing.
      'password-hash {CLEARTEXT}',
      'database mdb',
      `suffix "${SUFFIX}"`,
      `rootdn "cn=admin,${SUFFIX}"`,
      'rootpw admin',
      `directory ${directory.path}/db`,
      'dbnosync',
      'index objectClass,entryUUID,uid,member eq',
      ACCESS,
      'overlay ppolicy',
      `ppolicy_default "${POLICY}"`,
      'ppolicy_use_lockout',
    ].join('\n'),
  )
  const [port, tlsPort] = [await freePort(), await freePort()]
  const urls = `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${tlsPort}/`
  const server = await startProgram(
    { command: slapd, args: ['-f', config, '-h', urls, '-d', '0'] },
    () => listens(port),
  )
  const bind = async (dn: string, password: string): Promise<Client> => {
    const client = new Client({ url: `ldap://127.0.0.1:${port}` })
    await client.bind(dn, password)
    return client
  }
  const admin = await bind(`cn=admin,${SUFFIX}`, 'admin')
  for (const [dn, entry] of Object.entries(skeleton())) await admin.add(dn, entry)
  return {
    port,
    tlsPort,
    pid: server.pid,
    ca,
    admin,
    bind,
    stop: async () => {
      await admin.unbind()
      await server.stop()
      directory.remove()
    },
  }
}

function skeleton(): Record<string, Record<string, string | string[]>> {
  const unit = (ou: string) => ({ objectClass: 'organizationalUnit', ou })
  const account = (cn: string, userPassword: string) => ({
    objectClass: ['organizationalRole', 'simpleSecurityObject'],
    cn,
    userPassword,
  })
  const policy = (cn: string, pwdLockout: string) => ({
    objectClass: ['device', 'pwdPolicy'],
    cn,
    pwdAttribute: 'userPassword',
    pwdLockout,
  })
  return {
    [SUFFIX]: { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' },
    [PEOPLE]: unit('people'),
    [GROUPS]: unit('groups'),
    [`ou=policies,${SUFFIX}`]: unit('policies'),
    [POLICY]: policy('default', 'TRUE'),
    [LAX_POLICY]: policy('lax', 'FALSE'),
    [VAULT]: { objectClass: 'device', cn: 'vault', description: 'the recipe' },
    [HUB.dn]: account('hub', HUB.password),
    [AUDITOR.dn]: account('auditor', AUDITOR.password),
    // A group of names may not be empty.
    [STAFF]: { objectClass: 'groupOfNames', cn: 'staff', member: `cn=admin,${SUFFIX}` },
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}
