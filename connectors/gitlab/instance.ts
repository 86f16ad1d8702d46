import {
  type Ack,
  ConnectorError,
  check,
  type Evidence,
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
  preview,
  type Subject,
} from '#connector-sdk'
import { type Call, everyPage, lookUp, ownId, page, write } from './client.ts'
import { GITLAB_FACETS, type InstanceConfig } from './config.ts'
import { credentialsOf, endCredentials } from './credentials.ts'
import { leaveAll, membershipsOf, putBack } from './memberships.ts'
import { type GitlabUser, keysBy, matchUser, protection, userOf } from './people.ts'

/** Users of a GitLab of one's own, as an administrator sees them. */

type InstanceCall = Call & { config: InstanceConfig }

const strong = { revoke: 'api', observe: 'strong', settleMs: 0, residualMs: 0 } as const
const account: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  ...strong,
  reversible: true,
  before: GITLAB_FACETS,
}
export const instanceFacets: readonly FacetSpec[] = [
  account,
  { facet: 'api_token', enumerate: 'none', ...strong, reversible: false },
  { facet: 'ssh_key', enumerate: 'none', ...strong, reversible: false },
  { facet: 'signing_key', enumerate: 'none', ...strong, reversible: false },
  { facet: 'membership', enumerate: 'none', ...strong, reversible: true, undoNeeds: 'facts' },
]

/** A `deactivated` user is let in again by signing in, one who waits for approval by a click: both count as live. */
const DEAD = ['blocked', 'ldap_blocked', 'banned']
const LIVE = ['active', 'deactivated', 'blocked_pending_approval']
/** How each of these is undone. */
const UNDO: Record<string, string> = { blocked: 'unblock', banned: 'unban' }

export const facetsOf = ({ target }: InstanceConfig): readonly FacetSpec[] =>
  instanceFacets.filter(
    ({ facet }) => facet === 'account' || target.facets.some((one) => one === facet),
  )

export async function test(call: InstanceCall) {
  return [
    await check('account.list', async () => {
      const { items } = await page('/users?per_page=1', 'list the users', call)
      // Only administrators are shown addresses that are not public.
      const isAdmin = items.every((one) => 'is_admin' in (one as object))
      if (!isAdmin) throw new ConnectorError('forbidden', 'the token is not an administrator’s')
      return `read ${items.length} user(s) as an administrator`
    }),
    notTried('account'),
    ...call.config.target.facets.map(notTried),
  ]
}

async function candidates(
  { userName, externalId, emails }: Subject,
  call: InstanceCall,
): Promise<{ user: GitlabUser; evidence: Evidence }[]> {
  const { correlateBy, provider } = call.config
  const names = externalId === undefined ? [userName] : [userName, externalId]
  const named = (field: string, values: readonly string[]): string[] =>
    [...new Set(values)].map((value) => `${field}=${encodeURIComponent(value)}`)
  const queries = {
    email: named('search', [userName, ...emails]),
    username: named('username', [userName]),
    identity: named('extern_uid', names).map((one) => `${one}&provider=${provider}`),
  }
  const found = []
  for (const query of correlateBy.flatMap((by) => queries[by])) {
    const path = `/users?${query}&per_page=100`
    const { items, evidence } = await everyPage(path, 'search the users', call)
    found.push(...items.map((one) => ({ user: userOf(one, provider), evidence: evidence[0] })))
  }
  return found
}

export async function correlate(subject: Subject, call: InstanceCall): Promise<Match[]> {
  const found = new Map<string, Match>()
  let self: string | undefined
  for (const { user, evidence } of await candidates(subject, call)) {
    const hit = matchUser(subject, user, call.config)
    if (hit === undefined || found.has(user.id)) continue
    self ??= await ownId(call)
    found.set(user.id, {
      handle: { facet: 'account', id: user.id },
      ...hit,
      ...protection(user, self, call.config),
      evidence,
    })
  }
  return [...found.values()]
}

export async function list(
  facet: Facet,
  of: Subject | 'everyone',
  cursor: string | undefined,
  call: InstanceCall,
): Promise<Page<Observation>> {
  if (facet !== 'account') throw new ConnectorError('unsupported', `no listing of ${facet}`)
  if (of !== 'everyone') {
    const found = await candidates(of, call)
    return {
      items: found
        .filter(({ user }) => matchUser(of, user, call.config) !== undefined)
        .map(({ user, evidence }) => seenUser(user, evidence, call)),
      complete: true,
    }
  }
  const { items, next, response } = await page(
    '/users?pagination=keyset&order_by=id&sort=asc&per_page=100',
    'list the users',
    call,
    cursor,
  )
  return {
    items: items.map((one) => seenUser(userOf(one, call.config.provider), response.evidence, call)),
    ...(next === undefined ? {} : { next }),
    complete: true,
  }
}

export async function revoke(handle: Handle, call: InstanceCall): Promise<Ack> {
  const { user, response } = await existing(handle, call)
  const { evidence } = response
  if (handle.facet === 'membership') return leaveAll(user.id, call)
  if (handle.facet !== 'account') return endCredentials(handle.facet, user.id, call)
  if (DEAD.includes(user.state ?? '')) return { kind: 'already', evidence }
  const path = `/users/${user.id}/${call.config.target.disable}`
  if (call.dryRun) return preview(call, { method: 'POST', target: path })
  const written = await write({ method: 'POST', path }, 'block the account', call)
  return { kind: 'done', evidence: written, undo: { state: user.state ?? 'active' } }
}

export async function restore(
  handle: Handle,
  undo: { [key: string]: unknown },
  call: InstanceCall,
): Promise<Ack> {
  if (handle.facet !== 'account' && handle.facet !== 'membership') throw nothingToPutBack()
  const { user, response } = await existing(handle, call)
  const { evidence } = response
  if (handle.facet === 'membership') return putBack(user.id, undo, evidence, call)
  if (!DEAD.includes(user.state ?? '')) return { kind: 'already', evidence }
  const action = UNDO[user.state ?? '']
  if (action === undefined) {
    throw new ConnectorError(
      'unsupported',
      'the directory blocks this user, and must let them in',
      {
        evidence,
      },
    )
  }
  const path = `/users/${user.id}/${action}`
  if (call.dryRun) return preview(call, { method: 'POST', target: path })
  const written = await write({ method: 'POST', path }, 'let the account in again', call)
  return { kind: 'done', evidence: written }
}

export async function observe(handle: Handle, call: InstanceCall): Promise<Observation> {
  const { user, response } = await read(handle, call)
  if (user === undefined) return observed(handle, 'absent', response.evidence)
  if (handle.facet === 'account') return seenUser(user, response.evidence, call)
  const { items, evidence } =
    handle.facet === 'membership'
      ? await membershipsOf(user.id, call)
      : await credentialsOf(handle.facet, user.id, call)
  return observed(handle, items.length === 0 ? 'dead' : 'live', evidence)
}

async function read(
  { id }: Handle,
  call: InstanceCall,
): Promise<{ user: GitlabUser | undefined; response: HttpResponse }> {
  if (!/^\d+$/.test(id)) throw new ConnectorError('invalid', 'the id of a GitLab user is a number')
  const { body, response } = await lookUp(`/users/${id}`, 'read the user', call)
  const user = body === undefined ? undefined : userOf(body, call.config.provider)
  if (user === undefined || user.id === id) return { user, response }
  const { evidence } = response
  throw new ConnectorError('invalid', 'GitLab answered with another user', { evidence })
}

async function existing(handle: Handle, call: InstanceCall) {
  const { user, response } = await read(handle, call)
  if (user !== undefined) return { user, response }
  throw new ConnectorError('gone', 'no such user', { evidence: response.evidence })
}

function seenUser(user: GitlabUser, evidence: Evidence, call: InstanceCall): Observation {
  const state = user.state ?? ''
  const seen = DEAD.includes(state) ? 'dead' : LIVE.includes(state) ? 'live' : 'unknown'
  const keys = keysBy(call.config.correlateBy[0] ?? 'email', user)
  return observed({ facet: 'account', id: user.id }, seen, evidence, keys)
}
