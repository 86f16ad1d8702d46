import {
  type Ack,
  type Evidence,
  endEach,
  giveBackEach,
  type Held,
  joinEvidence,
  nothingToPutBack,
  pathSegment,
} from '#connector-sdk'
import { type Call, everyPage, lookUp, write } from './client.ts'
import { userPath } from './users.ts'

/** What a user holds besides the account: consents, app passwords, backup codes, groups, administrator roles. */

/** Ids of the clients that may act for the user. @see https://developers.google.com/workspace/admin/directory/reference/rest/v1/tokens */
export async function clientsOf(userId: string, call: Call): Promise<Held<string>> {
  const path = `${userPath(userId)}/tokens?fields=kind,items(clientId)`
  const { items, evidence } = await everyPage(path, 'items', 'list the tokens', call)
  return {
    items: items.map((item) => String((item as { clientId?: unknown } | null)?.clientId)),
    evidence: joinEvidence(evidence),
  }
}

/** @throws ConnectorError */
export async function endTokens(userId: string, call: Call): Promise<Ack> {
  return endEach(
    call,
    await clientsOf(userId, call),
    (clientId) => clientId,
    (clientId) => {
      const path = `${userPath(userId)}/tokens/${pathSegment(clientId)}`
      return write({ method: 'DELETE', path }, 'delete the tokens of a client', call)
    },
  )
}

export type Login = { kind: 'app password'; codeId: string } | { kind: 'backup codes' }

/**
 * App passwords, and whether there are backup codes. These are never asked for themselves: Google would show them.
 *
 * @see https://developers.google.com/workspace/admin/directory/reference/rest/v1/asps
 */
export async function loginsOf(userId: string, call: Call): Promise<Held<Login>> {
  const own = userPath(userId)
  const asps = await everyPage(
    `${own}/asps?fields=kind,items(codeId)`,
    'items',
    'list the app passwords',
    call,
  )
  const codes = await everyPage(
    `${own}/verificationCodes?fields=kind,items(userId)`,
    'items',
    'count the backup codes',
    call,
  )
  const passwords = asps.items.map((item): Login => {
    const { codeId } = (item ?? {}) as { codeId?: unknown }
    return { kind: 'app password', codeId: String(codeId) }
  })
  const evidence: [Evidence, ...Evidence[]] = [...asps.evidence, ...codes.evidence]
  return {
    items: codes.items.length === 0 ? passwords : [...passwords, { kind: 'backup codes' }],
    evidence: joinEvidence(evidence),
  }
}

/** @throws ConnectorError */
export async function endLogins(userId: string, call: Call): Promise<Ack> {
  const own = userPath(userId)
  return endEach(
    call,
    await loginsOf(userId, call),
    (login) => (login.kind === 'backup codes' ? login.kind : `${login.kind} ${login.codeId}`),
    (login) =>
      login.kind === 'backup codes'
        ? write(
            { method: 'POST', path: `${own}/verificationCodes/invalidate` },
            'invalidate the backup codes',
            call,
          )
        : write(
            { method: 'DELETE', path: `${own}/asps/${pathSegment(login.codeId)}` },
            'delete an app password',
            call,
          ),
  )
}

/** `body` is what puts it back. */
export interface Membership {
  kind: 'group' | 'role'
  /** Of the group, or of the assignment of the role. */
  id: string
  body: { [key: string]: string }
}

/** Groups in which the user is a direct member, and administrator roles. @throws ConnectorError */
export async function membershipsOf(userId: string, call: Call): Promise<Held<Membership>> {
  const user = encodeURIComponent(userId)
  const groups = await everyPage(
    `/groups?userKey=${user}&maxResults=200&fields=kind,nextPageToken,groups(id)`,
    'groups',
    'list the groups',
    call,
  )
  const roles = await everyPage(
    `/customer/${call.config.customer}/roleassignments?userKey=${user}&maxResults=200`,
    'items',
    'list the administrator roles',
    call,
  )
  const evidence: [Evidence, ...Evidence[]] = [...groups.evidence, ...roles.evidence]
  return {
    items: [
      ...groups.items.map((item): Membership => {
        const { id } = (item ?? {}) as { id?: unknown }
        return { kind: 'group', id: String(id), body: { id: userId } }
      }),
      ...roles.items.flatMap((item): Membership[] => {
        const { roleAssignmentId: id, assignedTo, ...rest } = item as Record<string, unknown>
        // What came with a group goes with the group; a server that ignores the filter shows others' roles.
        return assignedTo === userId ? [{ kind: 'role', id: String(id), body: strings(rest) }] : []
      }),
    ],
    evidence: joinEvidence(evidence),
  }
}

function strings({ roleId, scopeType, orgUnitId }: Record<string, unknown>) {
  const known = Object.entries({ roleId, scopeType, orgUnitId })
  return Object.fromEntries(
    known.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** @throws ConnectorError */
export async function leaveAll(userId: string, call: Call): Promise<Ack> {
  const held = await membershipsOf(userId, call)
  const memberships = await Promise.all(held.items.map((one) => withRole(one, userId, call)))
  const ack = await endEach(call, { ...held, items: memberships }, named, ({ kind, id }) => {
    const path = `${pathOf({ kind, id }, call)}${kind === 'group' ? `/members/${pathSegment(userId)}` : ''}`
    return write({ method: 'DELETE', path }, `take away a ${kind}`, call)
  })
  return ack.kind === 'done' ? { ...ack, undo: { memberships } } : ack
}

/** An owner of a group must come back as its owner. */
async function withRole(one: Membership, userId: string, call: Call): Promise<Membership> {
  if (one.kind !== 'group') return one
  const path = `${pathOf(one, call)}/members/${pathSegment(userId)}?fields=role`
  const { body } = await lookUp(path, 'read the membership', call)
  const role = body?.['role']
  return typeof role === 'string' ? { ...one, body: { ...one.body, role } } : one
}

/** @param undo of `leaveAll` @throws ConnectorError */
export async function putBack(
  userId: string,
  { memberships }: { [key: string]: unknown },
  evidence: Evidence,
  call: Call,
): Promise<Ack> {
  if (!isMemberships(memberships)) throw nothingToPutBack()
  const how = { method: 'POST', describe: named }
  return giveBackEach(call, { items: memberships, evidence }, how, (one) => {
    const isGroup = one.kind === 'group'
    const path = isGroup
      ? `${pathOf(one, call)}/members`
      : `/customer/${call.config.customer}/roleassignments`
    const body = isGroup ? one.body : { ...one.body, assignedTo: userId }
    return write({ method: 'POST', path, body }, `give back a ${one.kind}`, call)
  })
}

const named = ({ kind, id }: Membership): string => `${kind} ${id}`

function isMemberships(value: unknown): value is Membership[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      ({ kind, id, body }) =>
        (kind === 'group' || kind === 'role') && typeof id === 'string' && typeof body === 'object',
    )
  )
}

const pathOf = ({ kind, id }: Pick<Membership, 'kind' | 'id'>, { config }: Call): string =>
  kind === 'group'
    ? `/groups/${pathSegment(id)}`
    : `/customer/${config.customer}/roleassignments/${pathSegment(id)}`
