import { Attribute, Change } from 'ldapts'
import { type Ack, ConnectorError, type Facet, preview } from '#connector-sdk'
import { texts } from './entry.ts'
import { type GroupValue, lookOf, type Person, profileOf, shownEntry, sshKeys } from './people.ts'
import type { Call, Session } from './session.ts'

/** Locks an entry, or undoes it. @param before what the lock's attribute held before the hub wrote it */
export async function setLock(
  session: Session,
  call: Call,
  person: Person,
  locked: boolean,
  before: readonly string[] = [],
): Promise<Ack> {
  const profile = profileOf(call)
  const { entry } = person
  if (profile.isLocked(entry) === locked) {
    return { kind: 'already', evidence: lookOf(call, 'account', shownEntry(person)) }
  }
  const ack = await write(
    session,
    call,
    entry.dn,
    locked ? profile.lock(entry) : profile.unlock(entry, before),
  )
  const [attribute = ''] = profile.lockAttributes
  return locked && !call.dryRun ? { ...ack, undo: { lock: texts(entry, attribute) } } : ack
}

/** Takes away all SSH keys of an entry. */
export async function removeKeys(session: Session, call: Call, person: Person): Promise<Ack> {
  const keys = sshKeys(person, call)
  if (keys.length === 0)
    return { kind: 'already', evidence: lookOf(call, 'ssh_key', shownEntry(person)) }
  // By value: a key that somebody adds meanwhile is seen by the read-back, and not taken unseen.
  const changes = [change('delete', call.config.sshKeyAttribute, keys)]
  const ack = await write(session, call, person.entry.dn, changes)
  return call.dryRun ? ack : { ...ack, undo: { keys } }
}

/** Puts SSH keys back. */
export async function addKeys(
  session: Session,
  call: Call,
  { entry }: Person,
  keys: string[],
): Promise<Ack> {
  return await write(session, call, entry.dn, [change('add', call.config.sshKeyAttribute, keys)])
}

/** One change per group: a directory has no transactions. What was done before a failure is seen by the read-back. */
export async function changeGroups(
  session: Session,
  call: Call,
  operation: 'add' | 'delete',
  groups: readonly GroupValue[],
): Promise<Ack> {
  const body = JSON.stringify({ [operation]: groups })
  if (groups.length === 0)
    return { kind: 'already', evidence: lookOf(call, 'membership', { groups }) }
  const target = `${groups.length} group value(s)`
  if (call.dryRun) return preview(call, { method: 'LDAP modify', target, body })
  for (const { dn, attribute, value } of groups) {
    await session.modify(dn, [change(operation, attribute, [value])])
  }
  return {
    kind: 'done',
    evidence: { method: 'LDAP modify', target, status: 0, at: call.now(), body },
    ...(operation === 'delete' ? { undo: { groups } } : {}),
  }
}

async function write(
  session: Session,
  call: Call,
  dn: string,
  changes: readonly Change[],
): Promise<Ack> {
  const shown = changes.map(({ operation, modification }) => ({
    operation,
    type: modification.type,
    values: modification.values,
  }))
  const body = JSON.stringify({ dn, changes: shown })
  if (call.dryRun) return preview(call, { method: 'LDAP modify', target: 'the entry', body })
  await session.modify(dn, changes)
  return {
    kind: 'done',
    evidence: { method: 'LDAP modify', target: 'the entry', status: 0, at: call.now(), body },
  }
}

function change(operation: 'add' | 'delete', type: string | undefined, values: string[]): Change {
  if (type === undefined) throw unsupported('ssh_key')
  return new Change({ operation, modification: new Attribute({ type, values }) })
}

/** The directory has no place for this kind of access. */
export function unsupported(facet: Facet): ConnectorError {
  return new ConnectorError('unsupported', `this directory keeps no ${facet}`)
}
