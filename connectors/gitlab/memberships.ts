import {
  type Ack,
  ConnectorError,
  type Evidence,
  endEach,
  giveBackEach,
  type Held,
  joinEvidence,
  nothingToPutBack,
} from '#connector-sdk'
import { type Call, everyPage, lookUp, write } from './client.ts'

/** Direct memberships in groups and projects, with what puts them back. */
export interface Membership {
  kind: 'group' | 'project'
  id: number
  body: { access_level: number; expires_at?: string; member_role_id?: number }
}

const OWNER = 50

/** @see https://docs.gitlab.com/api/users/#list-projects-and-groups-that-a-user-is-a-member-of */
export async function membershipsOf(userId: string, call: Call): Promise<Held<Membership>> {
  const { items, evidence } = await everyPage(
    `/users/${userId}/memberships?per_page=100`,
    'list the memberships',
    call,
  )
  const found: Membership[] = []
  for (const item of items) {
    const { source_id: id, source_type: type, access_level } = item as Record<string, unknown>
    if (typeof id !== 'number' || typeof access_level !== 'number') {
      throw new ConnectorError('invalid', 'a membership without a place', { evidence: evidence[0] })
    }
    const kind = type === 'Project' ? 'project' : 'group'
    // Nobody can leave what lies in their own namespace; blocking closes it.
    if (kind === 'project' && access_level === OWNER && (await isPersonal(id, call))) continue
    found.push({ kind, id, body: { access_level } })
  }
  return { items: found, evidence: joinEvidence(evidence) }
}

async function isPersonal(projectId: number, call: Call): Promise<boolean> {
  const { body } = await lookUp(`/projects/${projectId}`, 'read the project', call)
  return (body?.['namespace'] as { kind?: unknown } | undefined)?.kind === 'user'
}

/** @throws ConnectorError */
export async function leaveAll(userId: string, call: Call): Promise<Ack> {
  const held = await membershipsOf(userId, call)
  const memberships: Membership[] = []
  for (const one of held.items) {
    const { body } = await lookUp(memberPath(one, userId), 'read the membership', call)
    memberships.push(body === undefined ? one : { ...one, body: bodyOf(body, one.body) })
  }
  const ack = await endEach(call, { ...held, items: memberships }, named, (one) => {
    // Each place has a line of its own: what lies below is not to go unseen.
    const query = one.kind === 'group' ? '?skip_subresources=true' : ''
    const path = `${memberPath(one, userId)}${query}`
    return write({ method: 'DELETE', path }, `leave a ${one.kind}`, call)
  })
  return ack.kind === 'done' ? { ...ack, undo: { memberships } } : ack
}

/** What a membership was, as far as it can be given again. */
export function bodyOf(
  { access_level, expires_at, member_role }: Record<string, unknown>,
  known?: Membership['body'],
): Membership['body'] {
  const { id: role } = (member_role ?? {}) as { id?: unknown }
  return {
    access_level: typeof access_level === 'number' ? access_level : (known?.access_level ?? 10),
    ...(typeof expires_at === 'string' ? { expires_at } : {}),
    ...(typeof role === 'number' ? { member_role_id: role } : {}),
  }
}

/**
 * Gives back what was taken, and nothing beyond its time: a membership whose last day has come meanwhile stays away.
 *
 * @param undo of `leaveAll`
 * @throws ConnectorError
 */
export async function putBack(
  userId: string,
  { memberships }: { [key: string]: unknown },
  evidence: Evidence,
  call: Call,
): Promise<Ack> {
  if (!isMemberships(memberships)) throw nothingToPutBack()
  const today = new Date(call.now()).toISOString().slice(0, 10)
  const still = memberships.filter(({ body }) => (body.expires_at ?? '9999-12-31') > today)
  const how = { method: 'POST', describe: named }
  return giveBackEach(call, { items: still, evidence }, how, ({ kind, id, body }) =>
    write(
      {
        method: 'POST',
        path: `/${kind}s/${id}/members`,
        body: { ...body, user_id: Number(userId) },
      },
      `put back into a ${kind}`,
      call,
    ),
  )
}

const named = ({ kind, id }: Membership): string => `${kind} ${id}`

function isMemberships(value: unknown): value is Membership[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      ({ kind, id, body }) =>
        (kind === 'group' || kind === 'project') &&
        typeof id === 'number' &&
        typeof body?.access_level === 'number',
    )
  )
}

const memberPath = ({ kind, id }: Membership, userId: string): string =>
  `/${kind}s/${id}/members/${userId}`
