import {
  type Ack,
  ConnectorError,
  check,
  type Facet,
  type FacetSpec,
  type Handle,
  type HttpResponse,
  type Match,
  nothingToPutBack,
  notTried,
  type Observation,
  observed,
  type Page,
  pathSegment,
  preview,
  type Subject,
} from '#connector-sdk'
import { type Call, everyPage, lookUp, ownId, page, write } from './client.ts'
import type { GroupConfig } from './config.ts'
import { bodyOf } from './memberships.ts'
import { type GitlabUser, keysBy, matchUser, protection, userOf } from './people.ts'

/** Members of a top-level group, where nobody is an administrator: GitLab.com. */

type GroupCall = Call & { config: GroupConfig }

export const groupFacets: readonly FacetSpec[] = [
  {
    facet: 'membership',
    enumerate: 'complete',
    revoke: 'api',
    observe: 'strong',
    settleMs: 0,
    residualMs: 0,
    reversible: true,
    undoNeeds: 'facts',
  },
]

const groupPath = ({ config }: GroupCall): string => `/groups/${pathSegment(config.target.group)}`

export async function test(call: GroupCall) {
  return [
    await check('membership.list', async () => {
      const { items } = await page(
        `${groupPath(call)}/members?per_page=1`,
        'list the members',
        call,
      )
      return `read ${items.length} member(s)`
    }),
    notTried('membership'),
  ]
}

/** GitLab does not search members by their name in the single sign-on: all of them are read. */
async function membersLike(subject: Subject, call: GroupCall) {
  const path = `${groupPath(call)}/members?per_page=100`
  const { items, evidence } = await everyPage(path, 'list the members', call)
  return items.flatMap((item) => {
    const user = userOf(item, call.config.provider)
    const hit = matchUser(subject, user, call.config)
    return hit === undefined ? [] : [{ user, hit, evidence: evidence[0] }]
  })
}

export async function correlate(subject: Subject, call: GroupCall): Promise<Match[]> {
  const found = await membersLike(subject, call)
  const self = found.length === 0 ? undefined : await ownId(call)
  return found.map(({ user, hit, evidence }) => ({
    handle: { facet: 'membership', id: user.id },
    ...hit,
    ...protection(user, self, call.config),
    evidence,
  }))
}

export async function list(
  facet: Facet,
  of: Subject | 'everyone',
  cursor: string | undefined,
  call: GroupCall,
): Promise<Page<Observation>> {
  if (facet !== 'membership') throw new ConnectorError('unsupported', `no listing of ${facet}`)
  const seen = (user: GitlabUser, evidence: Observation['evidence']) =>
    observed(
      { facet, id: user.id },
      'live',
      evidence,
      keysBy(call.config.correlateBy[0] ?? 'email', user),
    )
  if (of !== 'everyone') {
    const found = await membersLike(of, call)
    return { items: found.map(({ user, evidence }) => seen(user, evidence)), complete: true }
  }
  const { items, next, response } = await page(
    `${groupPath(call)}/members?per_page=100`,
    'list the members',
    call,
    cursor,
  )
  return {
    items: items.map((one) => seen(userOf(one, call.config.provider), response.evidence)),
    ...(next === undefined ? {} : { next }),
    complete: true,
  }
}

export async function revoke(handle: Handle, call: GroupCall): Promise<Ack> {
  const { body, response } = await memberOf(handle, call)
  const { evidence } = response
  if (body === undefined) throw new ConnectorError('gone', 'no such member', { evidence })
  const path = `${groupPath(call)}/members/${handle.id}`
  if (call.dryRun) return preview(call, { method: 'DELETE', target: evidence.target })
  // Subgroups and projects below are left as well: that is GitLab's default.
  const written = await write({ method: 'DELETE', path }, 'remove the member', call)
  return { kind: 'done', evidence: written, undo: { member: bodyOf(body) } }
}

export async function restore(
  handle: Handle,
  { member }: { [key: string]: unknown },
  call: GroupCall,
): Promise<Ack> {
  const known = member as { access_level?: unknown } | undefined
  if (handle.facet !== 'membership' || typeof known?.access_level !== 'number') {
    throw nothingToPutBack()
  }
  const body = { ...known, user_id: Number(handle.id) }
  const path = `${groupPath(call)}/members`
  if (call.dryRun) return preview(call, { method: 'POST', target: path })
  const written = await write({ method: 'POST', path, body }, 'put the member back', call)
  return { kind: 'done', evidence: written }
}

export async function observe(handle: Handle, call: GroupCall): Promise<Observation> {
  const { body, response } = await memberOf(handle, call)
  return observed(handle, body === undefined ? 'absent' : 'live', response.evidence)
}

/** "Not found" is only believed of a group that the credential can see. `all` shows what is inherited, too. */
async function memberOf(
  { facet, id }: Handle,
  call: GroupCall,
): Promise<{ body: Record<string, unknown> | undefined; response: HttpResponse }> {
  if (facet !== 'membership') throw new ConnectorError('unsupported', `a group has no ${facet}`)
  if (!/^\d+$/.test(id)) throw new ConnectorError('invalid', 'the id of a GitLab user is a number')
  const found = await lookUp(`${groupPath(call)}/members/all/${id}`, 'read the membership', call)
  const { evidence } = found.response
  if (found.body === undefined) {
    const group = await lookUp(groupPath(call), 'read the group', call)
    if (group.body !== undefined) return found
    throw new ConnectorError('invalid', 'this credential sees no such group', { evidence })
  }
  if (found.body['id'] === Number(id)) return found
  throw new ConnectorError('invalid', 'GitLab answered with another member', { evidence })
}
