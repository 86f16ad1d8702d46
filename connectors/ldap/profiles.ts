import { Attribute, Change, EqualityFilter, type Filter, FilterParser } from 'ldapts'
import { type Entry, first, values } from './entry.ts'

/** Directories that lock accounts in different ways. */
export const PROFILES = ['openldap', '389', 'ad'] as const

/** How one kind of directory names and locks its people. All pure. */
export interface Profile {
  /** Stable identifier of an entry: a DN changes when somebody marries or moves. */
  idAttribute: string
  loginAttribute: string
  people: Filter
  /** Attributes by which groups name their members, and whether the value is a DN or a login. */
  memberAttributes: readonly (readonly [attribute: string, holds: 'dn' | 'login'])[]
  lockAttributes: readonly string[]
  /** The id as text. */
  idOf(entry: Entry): string | undefined
  /** @returns undefined when this cannot be an id here */
  idFilter(id: string): Filter | undefined
  isLocked(entry: Entry): boolean
  lock(entry: Entry): Change[]
  /** Puts back what was there before the lock. */
  unlock(entry: Entry, before: readonly string[]): Change[]
  /** What a refused bind says: locked, whatever the password? */
  saysLocked(code: number, message: string): boolean
}

const replace = (type: string, to: readonly string[]): Change =>
  new Change({ operation: 'replace', modification: new Attribute({ type, values: [...to] }) })

/** Fails with noSuchAttribute when somebody changed the value since it was read. */
const swap = (type: string, from: string, to: string): Change[] => [
  new Change({ operation: 'delete', modification: new Attribute({ type, values: [from] }) }),
  new Change({ operation: 'add', modification: new Attribute({ type, values: [to] }) }),
]

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** For ever; any other time is a lock that ends. @see draft-behera-ldap-password-policy §5.3.3 */
const FOR_EVER = '000001010000Z'

/** The bit ACCOUNTDISABLE. @see https://learn.microsoft.com/windows/win32/adschema/a-useraccountcontrol */
const ACCOUNT_DISABLE = 2

const openldap: Profile = {
  idAttribute: 'entryUUID',
  loginAttribute: 'uid',
  people: FilterParser.parseString('(objectClass=person)'),
  memberAttributes: [
    ['member', 'dn'],
    ['uniqueMember', 'dn'],
    ['memberUid', 'login'],
  ],
  lockAttributes: ['pwdAccountLockedTime', 'pwdPolicySubentry'],
  idOf: (entry) => first(entry, 'entryUUID'),
  idFilter: (id) =>
    UUID.test(id) ? new EqualityFilter({ attribute: 'entryUUID', value: id }) : undefined,
  isLocked: (entry) => first(entry, 'pwdAccountLockedTime') === FOR_EVER,
  lock: () => [replace('pwdAccountLockedTime', [FOR_EVER])],
  unlock: (_, before) => [replace('pwdAccountLockedTime', before)],
  // It says so in the answer's control, see password-policy.ts.
  saysLocked: () => false,
}

const ds389: Profile = {
  ...openldap,
  idAttribute: 'nsUniqueId',
  lockAttributes: ['nsAccountLock'],
  idOf: (entry) => first(entry, 'nsUniqueId'),
  idFilter: (id) =>
    /^[0-9a-f-]{32,36}$/i.test(id)
      ? new EqualityFilter({ attribute: 'nsUniqueId', value: id })
      : undefined,
  isLocked: (entry) => first(entry, 'nsAccountLock')?.toLowerCase() === 'true',
  lock: () => [replace('nsAccountLock', ['true'])],
  unlock: (_, before) => [replace('nsAccountLock', before)],
  // "Account inactivated. Contact system administrator."
  saysLocked: (code, message) => code === 53 && /inactivated/i.test(message),
}

const ad: Profile = {
  idAttribute: 'objectGUID',
  loginAttribute: 'sAMAccountName',
  people: FilterParser.parseString('(objectClass=user)'),
  memberAttributes: [['member', 'dn']],
  lockAttributes: ['userAccountControl'],
  idOf: (entry) => {
    const [guid] = values(entry, 'objectGUID')
    return Buffer.isBuffer(guid) && guid.length === 16 ? guid.toString('hex') : undefined
  },
  idFilter: (id) =>
    /^[0-9a-f]{32}$/.test(id)
      ? new EqualityFilter({ attribute: 'objectGUID', value: Buffer.from(id, 'hex') })
      : undefined,
  isLocked: (entry) => (control(entry) & ACCOUNT_DISABLE) !== 0,
  lock: (entry) =>
    swap('userAccountControl', String(control(entry)), String(control(entry) | ACCOUNT_DISABLE)),
  unlock: (entry) =>
    swap('userAccountControl', String(control(entry)), String(control(entry) & ~ACCOUNT_DISABLE)),
  // Extended error 533, ERROR_ACCOUNT_DISABLED.
  saysLocked: (code, message) => code === 49 && /\bdata 533\b/.test(message),
}

/** Missing counts as an ordinary account: never as disabled. */
function control(entry: Entry): number {
  return Number(first(entry, 'userAccountControl') ?? 512)
}

export const profiles: Record<(typeof PROFILES)[number], Profile> = { openldap, '389': ds389, ad }
