import { AndFilter, EqualityFilter, type Filter, OrFilter, PresenceFilter } from 'ldapts'
import { ConnectorError, type Evidence, type Facet, loginNames, type Subject } from '#connector-sdk'
import { type Entry, first, texts } from './entry.ts'
import { type Profile, profiles } from './profiles.ts'
import type { Call, Found, Session } from './session.ts'

/** Somebody's entry, with what is looked at. */
export interface Person {
  entry: Entry
  id: string
  login: string
  externalId?: string
}

/** One value by which a group names a member. */
export interface GroupValue {
  dn: string
  attribute: string
  value: string
}

export const profileOf = ({ config }: Call): Profile => profiles[config.profile]

/** @returns everybody whose login or employee number is one of the person's, compared by the server */
export async function peopleLike(
  session: Session,
  call: Call,
  subject: Subject,
): Promise<Person[]> {
  const { externalIdAttribute } = call.config
  const { externalId } = subject
  const asked = [
    ...loginNames(subject, call.config).map((value) => ({
      attribute: loginAttribute(call),
      value,
    })),
    ...(externalIdAttribute === undefined || externalId === undefined
      ? []
      : [{ attribute: externalIdAttribute, value: externalId }]),
  ]
  // "Not found" is said only after a look.
  if (asked.length === 0) throw new ConnectorError('invalid', 'the person has none of the keys')
  const filters = asked.map((one) => new EqualityFilter(one))
  const { entries, complete } = await find(session, call, new OrFilter({ filters }))
  if (!complete) {
    throw new ConnectorError(
      'unsupported',
      'part of the tree is on another server: register it as an app of its own',
    )
  }
  return entries.map((entry) => personOf(entry, call))
}

/** @returns undefined when nobody has this id, or it is none */
export async function personById(
  session: Session,
  call: Call,
  id: string,
): Promise<Person | undefined> {
  const filter = profileOf(call).idFilter(id)
  if (filter === undefined) return undefined
  const { entries } = await find(session, call, filter)
  const [entry, ...more] = entries
  if (more.length > 0)
    throw new ConnectorError('invalid', 'several entries have the same identifier')
  return entry === undefined ? undefined : personOf(entry, call)
}

/** Everybody below the base. */
export async function everybody(
  session: Session,
  call: Call,
): Promise<{ people: Person[]; complete: boolean }> {
  const { entries, complete } = await find(
    session,
    call,
    new PresenceFilter({ attribute: profileOf(call).idAttribute }),
  )
  return { people: entries.map((entry) => personOf(entry, call)), complete }
}

/** Where groups name this person. */
export async function groupsOf(
  session: Session,
  call: Call,
  { entry, login }: Person,
): Promise<GroupValue[]> {
  const { baseDn, groupBaseDn = baseDn } = call.config
  const found: GroupValue[] = []
  for (const [attribute, holds] of profileOf(call).memberAttributes) {
    const value = holds === 'dn' ? entry.dn : login
    if (value === '') continue
    const groups = await session.search(groupBaseDn, new EqualityFilter({ attribute, value }), [
      '1.1',
    ])
    found.push(...groups.entries.map(({ dn }) => ({ dn, attribute, value })))
  }
  return found
}

/**
 * Does this lock count? OpenLDAP keeps `pwdAccountLockedTime` also where no policy with `pwdLockout` applies, and then
 * lets everybody in.
 *
 * @throws ConnectorError invalid when the policy cannot be read
 */
export async function isLocked(session: Session, call: Call, { entry }: Person): Promise<boolean> {
  if (!profileOf(call).isLocked(entry)) return false
  const { profile, policyDn } = call.config
  if (profile !== 'openldap') return true
  const dn = first(entry, 'pwdPolicySubentry') ?? policyDn ?? ''
  return await enforcesLocks(session, dn)
}

/** @throws ConnectorError invalid when there is no such policy, or the hub may not read it */
export async function enforcesLocks(session: Session, policyDn: string): Promise<boolean> {
  const filter = new PresenceFilter({ attribute: 'objectClass' })
  const { entries } = await session.search(policyDn, filter, ['pwdLockout'], 'base')
  const [policy] = entries
  if (policy === undefined)
    throw new ConnectorError('invalid', 'the password policy cannot be read')
  return first(policy, 'pwdLockout') === 'TRUE'
}

export const sshKeys = ({ entry }: Person, { config }: Call): string[] =>
  config.sshKeyAttribute === undefined ? [] : texts(entry, config.sshKeyAttribute)

/** What was read, as evidence. Passwords are never asked for. */
export function lookOf(call: Call, facet: Facet, seen: object): Evidence {
  return {
    method: 'LDAP search',
    target: `${facet} below ${call.config.baseDn}`,
    at: call.now(),
    body: JSON.stringify(seen),
  }
}

/** For evidence: the attributes that were asked for, bytes in hex. */
export function shownEntry({ entry }: Person): object {
  return Object.fromEntries(
    Object.entries(entry).map(([name, value]) => [
      name,
      Buffer.isBuffer(value) ? value.toString('hex') : value,
    ]),
  )
}

function find(session: Session, call: Call, filter: Filter): Promise<Found> {
  const profile = profileOf(call)
  const { baseDn, externalIdAttribute, sshKeyAttribute } = call.config
  const attributes = [
    profile.idAttribute,
    loginAttribute(call),
    ...profile.lockAttributes,
    ...[externalIdAttribute, sshKeyAttribute].filter((name) => name !== undefined),
  ]
  return session.search(baseDn, new AndFilter({ filters: [profile.people, filter] }), attributes)
}

function personOf(entry: Entry, call: Call): Person {
  const id = profileOf(call).idOf(entry)
  if (id === undefined) {
    throw new ConnectorError(
      'invalid',
      `entries have no ${profileOf(call).idAttribute} that the hub may read`,
    )
  }
  const { externalIdAttribute } = call.config
  const externalId =
    externalIdAttribute === undefined ? undefined : first(entry, externalIdAttribute)
  return {
    entry,
    id,
    login: first(entry, loginAttribute(call)) ?? '',
    ...(externalId === undefined ? {} : { externalId }),
  }
}

const loginAttribute = (call: Call): string =>
  call.config.loginAttribute ?? profileOf(call).loginAttribute
