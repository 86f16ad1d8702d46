import {
  type AccountKeys,
  type Ack,
  type CallContext,
  ConnectorError,
  check,
  compareKeys,
  type Facet,
  type FacetSpec,
  type Handle,
  type HttpResponse,
  isLostAnswer,
  jsonObject,
  type Match,
  nothingToPutBack,
  type Observation,
  type Page,
  pathSegment,
  preview,
  type Subject,
} from '#connector-sdk'
import { github, reading, writing } from './client.ts'
import type { EnterpriseConfig } from './config.ts'

type Call = CallContext<EnterpriseConfig>

export const enterpriseFacets: readonly FacetSpec[] = [
  {
    facet: 'account',
    enumerate: 'complete',
    revoke: 'api',
    observe: 'strong',
    settleMs: 0,
    residualMs: 0,
    reversible: true,
  },
]

const SCIM = { accept: 'application/scim+json' }
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const PAGE_SIZE = 100

interface ManagedUser {
  id: string
  active: boolean | undefined
  keys: AccountKeys
}

export async function test(call: Call) {
  return [
    await check('account.list', async () => {
      const { users } = await page({ startIndex: 1, count: 1 }, call)
      return `read ${users.length} user(s)`
    }),
    { name: 'account.revoke', ok: true, detail: 'not tried: a test writes nothing' },
  ]
}

export async function correlate(subject: Subject, call: Call): Promise<Match[]> {
  const found = new Map<string, Match>()
  for (const { user, response } of await search(subject, call)) {
    const hit = compareKeys(subject, user.keys, ['userName', 'externalId'])
    if (hit === undefined) continue
    const name = user.keys.userName?.toLowerCase()
    const isProtected = call.config.protectedLogins.some((one) => one.toLowerCase() === name)
    found.set(user.id, {
      handle: { facet: 'account', id: user.id },
      ...hit,
      ...(isProtected ? { protectedBecause: 'listed as protected' } : {}),
      evidence: response.evidence,
    })
  }
  return [...found.values()]
}

export async function list(
  facet: Facet,
  of: Subject | 'everyone',
  cursor: string | undefined,
  call: Call,
): Promise<Page<Observation>> {
  if (facet !== 'account') throw new ConnectorError('unsupported', `no listing of ${facet}`)
  if (of !== 'everyone') {
    const found = await search(of, call)
    return {
      items: found
        .filter(({ user }) => compareKeys(of, user.keys, ['userName', 'externalId']) !== undefined)
        .map(({ user, response }) => observation(user, response)),
      complete: true,
    }
  }
  const [from, after] = cursor === undefined ? [1, ''] : (JSON.parse(cursor) as [number, string])
  const { users, total, response } = await page({ startIndex: from, count: PAGE_SIZE }, call)
  if (users[0] !== undefined && users[0].id === after) {
    throw new ConnectorError('unsupported', 'the listing does not advance', {
      evidence: response.evidence,
    })
  }
  const seen = from - 1 + users.length
  const isLast = users.length === 0 || seen >= total
  return {
    items: users.map((user) => observation(user, response)),
    ...(isLast ? {} : { next: JSON.stringify([seen + 1, users[0]?.id]) }),
    complete: !isLast || seen >= total,
  }
}

export const revoke = (handle: Handle, call: Call): Promise<Ack> => setActive(handle, false, call)

export async function restore(
  handle: Handle,
  undo: { [key: string]: unknown },
  call: Call,
): Promise<Ack> {
  if (isLostAnswer(undo) || undo['active'] === true) return setActive(handle, true, call)
  throw nothingToPutBack()
}

export async function observe(handle: Handle, call: Call): Promise<Observation> {
  const { user, response } = await read(handle, call)
  if (user !== undefined) return observation(user, response)
  return { handle, state: 'absent', at: response.evidence.at, evidence: response.evidence }
}

/** Suspends or re-activates. GitHub takes no filters in paths; DELETE, which is for ever, is never sent. */
async function setActive(handle: Handle, active: boolean, call: Call): Promise<Ack> {
  const { user, response: before } = await read(handle, call)
  if (user === undefined) {
    throw new ConnectorError('gone', 'no such user', { evidence: before.evidence })
  }
  if (user.active === active) return { kind: 'already', evidence: before.evidence }
  const body = JSON.stringify({
    schemas: [PATCH_OP],
    Operations: [{ op: 'replace', path: 'active', value: active }],
  })
  if (call.dryRun) return preview(call, { method: 'PATCH', target: before.evidence.target, body })
  const response = await github(call).send({
    method: 'PATCH',
    url: `${usersUrl(call)}/${pathSegment(user.id)}`,
    headers: { ...SCIM, 'content-type': 'application/json' },
    body,
  })
  jsonObject(response, writing(active ? 'enable the account' : 'suspend the account', call))
  return {
    kind: 'done',
    evidence: response.evidence,
    ...(active ? {} : { undo: { active: true } }),
  }
}

async function read(
  { facet, id }: Handle,
  call: Call,
): Promise<{ user: ManagedUser | undefined; response: HttpResponse }> {
  if (facet !== 'account') throw new ConnectorError('unsupported', `no ${facet} in an enterprise`)
  const url = `${usersUrl(call)}/${pathSegment(id)}`
  const response = await github(call).send({ method: 'GET', url, headers: SCIM })
  if (response.status === 404) return { user: undefined, response }
  const user = userOf(jsonObject(response, reading('read the user', call)))
  if (user.id === id) return { user, response }
  throw new ConnectorError('invalid', 'GitHub answered with another user', {
    evidence: response.evidence,
  })
}

/** One filter per request is all that GitHub takes. */
async function search(
  { userName, externalId }: Subject,
  call: Call,
): Promise<{ user: ManagedUser; response: HttpResponse }[]> {
  const filters = [
    `userName eq ${JSON.stringify(userName)}`,
    ...(externalId === undefined ? [] : [`externalId eq ${JSON.stringify(externalId)}`]),
  ]
  const found = []
  for (const filter of filters) {
    const { users, response } = await page({ filter, startIndex: 1, count: PAGE_SIZE }, call)
    found.push(...users.map((user) => ({ user, response })))
  }
  return found
}

async function page(
  query: { filter?: string; startIndex: number; count: number },
  call: Call,
): Promise<{ users: ManagedUser[]; total: number; response: HttpResponse }> {
  const text = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  const url = `${usersUrl(call)}?${text.join('&')}`
  const response = await github(call).send({ method: 'GET', url, headers: SCIM })
  const body = jsonObject(response, reading('list the users', call))
  const { Resources: users, totalResults: total } = body
  if (!Array.isArray(users) || typeof total !== 'number') {
    throw new ConnectorError('invalid', 'no SCIM listing', { evidence: response.evidence })
  }
  return { users: users.map(userOf), total, response }
}

function userOf(value: unknown): ManagedUser {
  const { id, active, userName, externalId } = (value ?? {}) as Record<string, unknown>
  return {
    id: typeof id === 'string' ? id : '',
    active: typeof active === 'boolean' ? active : undefined,
    keys: {
      ...(typeof userName === 'string' ? { userName } : {}),
      ...(typeof externalId === 'string' ? { externalId } : {}),
    },
  }
}

function observation({ id, active, keys }: ManagedUser, { evidence }: HttpResponse): Observation {
  const state = active === undefined ? 'unknown' : active ? 'live' : 'dead'
  return { handle: { facet: 'account', id }, state, at: evidence.at, evidence, keys }
}

const usersUrl = ({ config }: Call): string =>
  `${config.apiUrl}/scim/v2/enterprises/${pathSegment(config.target.enterprise)}/Users`
