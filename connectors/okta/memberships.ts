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
import { type Call, everyPage, write } from './client.ts'

/** Groups of Okta's own, and apps that were assigned to the person alone. */
export interface Membership {
  kind: 'group' | 'app'
  id: string
}

/** What the person is in, as far as Okta lets it be changed. @throws ConnectorError */
export async function membershipsOf(userId: string, call: Call): Promise<Held<Membership>> {
  const groups = await everyPage(
    `/api/v1/users/${pathSegment(userId)}/groups`,
    'list the groups',
    call,
  )
  // "You only can modify memberships for groups of the OKTA_GROUP type."
  const items: Membership[] = groups.items.flatMap((item) => {
    const { id, type } = (item ?? {}) as Record<string, unknown>
    return type === 'OKTA_GROUP' ? [{ kind: 'group', id: String(id) }] : []
  })
  if (!call.config.appAssignments) return { items, evidence: joinEvidence(groups.evidence) }
  const filter = encodeURIComponent(`user.id eq "${userId}"`)
  const expand = encodeURIComponent(`user/${userId}`)
  const apps = await everyPage(
    `/api/v1/apps?limit=200&filter=${filter}&expand=${expand}`,
    'list the apps',
    call,
  )
  const evidence: [Evidence, ...Evidence[]] = [...groups.evidence, ...apps.evidence]
  return { items: [...items, ...apps.items.flatMap(ownApp)], evidence: joinEvidence(evidence) }
}

/** An app that came with a group goes with the group. Without `scope` it is not known: then it counts. */
function ownApp(item: unknown): Membership[] {
  const { id, _embedded } = (item ?? {}) as {
    id?: unknown
    _embedded?: { user?: { scope?: unknown } }
  }
  return _embedded?.user?.scope === 'GROUP' ? [] : [{ kind: 'app', id: String(id) }]
}

/** @throws ConnectorError */
export async function leaveAll(userId: string, call: Call): Promise<Ack> {
  const held = await membershipsOf(userId, call)
  const ack = await endEach(call, held, named, (one) =>
    write({ method: 'DELETE', url: addressOf(one, userId, call) }, `leave a ${one.kind}`, call),
  )
  return ack.kind === 'done' ? { ...ack, undo: { memberships: held.items } } : ack
}

/** @param undo of `leaveAll` @throws ConnectorError */
export async function putBack(
  userId: string,
  { memberships }: { [key: string]: unknown },
  evidence: Evidence,
  call: Call,
): Promise<Ack> {
  if (!isMemberships(memberships)) throw nothingToPutBack()
  const how = { method: 'PUT', describe: named }
  return giveBackEach(call, { items: memberships, evidence }, how, (one) => {
    const what = `put back into a ${one.kind}`
    if (one.kind === 'group') {
      return write({ method: 'PUT', url: addressOf(one, userId, call) }, what, call)
    }
    const request = {
      method: 'POST',
      url: `${call.config.orgUrl}/api/v1/apps/${pathSegment(one.id)}/users`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: userId, scope: 'USER' }),
    } as const
    return write(request, what, call)
  })
}

const named = ({ kind, id }: Membership): string => `${kind} ${id}`

function isMemberships(value: unknown): value is Membership[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(({ kind, id }) => (kind === 'group' || kind === 'app') && typeof id === 'string')
  )
}

function addressOf({ kind, id }: Membership, userId: string, { config }: Call): string {
  const room = kind === 'group' ? 'groups' : 'apps'
  return `${config.orgUrl}/api/v1/${room}/${pathSegment(id)}/users/${pathSegment(userId)}`
}
