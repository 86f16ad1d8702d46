import {
  type AccountKeys,
  type Ack,
  ConnectorError,
  type CorrelationKey,
  compareKeys,
  type Evidence,
  type Handle,
  type HttpResponse,
  jsonObject,
  type Match,
  type Observation,
  observed,
  pathSegment,
  preview,
  reading,
  type Subject,
} from '#connector-sdk'
import { type Call, codeOf, everyPage, okta, write } from './client.ts'

/** A user of the organization. */
export interface OktaUser {
  id: string
  status: string | undefined
  keys: AccountKeys
}

/** Nobody signs in with these. A locked out, staged or recovering user may yet get in. */
const DEAD = ['SUSPENDED', 'DEPROVISIONED']
const STATUSES = [
  ...DEAD,
  'ACTIVE',
  'LOCKED_OUT',
  'PASSWORD_EXPIRED',
  'PROVISIONED',
  'RECOVERY',
  'STAGED',
]

export const userUrl = ({ config }: Call, id: string): string =>
  `${config.orgUrl}/api/v1/users/${pathSegment(id)}`

/**
 * Reads a user by id or login; by this address the read is consistent, by search it is not.
 *
 * @returns user undefined when Okta says that there is none
 * @throws ConnectorError
 * @see https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/#tag/User/operation/getUser
 */
async function readUser(
  name: string,
  call: Call,
): Promise<{ user: OktaUser | undefined; response: HttpResponse }> {
  const response = await okta(call).send({ method: 'GET', url: userUrl(call, name) })
  if (response.status === 404) {
    if (codeOf(response) === 'E0000007') return { user: undefined, response }
    const { evidence } = response
    throw new ConnectorError('invalid', 'Okta is not at this address', { evidence })
  }
  return { user: userOf(jsonObject(response, reading('read the user', call)), call), response }
}

/** The user of a handle. An id is not taken for a login, which is what the address also accepts. */
export async function userById(
  { id }: Handle,
  call: Call,
): Promise<{ user: OktaUser | undefined; response: HttpResponse }> {
  const { user, response } = await readUser(id, call)
  if (user === undefined || user.id === id) return { user, response }
  const { evidence } = response
  throw new ConnectorError('invalid', 'Okta answered with another user', { evidence })
}

/** @throws ConnectorError gone */
export async function existing(handle: Handle, call: Call) {
  const { user, response } = await userById(handle, call)
  if (user !== undefined) return { user, evidence: response.evidence }
  throw new ConnectorError('gone', 'no such user', { evidence: response.evidence })
}

export interface FoundUser {
  user: OktaUser
  evidence: Evidence
}

/** Users who may be the person; the keys are compared by the caller. @throws ConnectorError */
export async function candidates(subject: Subject, call: Call): Promise<FoundUser[]> {
  const { correlateBy, externalIdAttribute } = call.config
  const found: FoundUser[] = []
  if (correlateBy.includes('userName') && !subject.userName.includes('/')) {
    const { user, response } = await readUser(subject.userName, call)
    if (user !== undefined) found.push({ user, evidence: response.evidence })
  }
  const attribute: Record<CorrelationKey, string> = {
    userName: 'login',
    externalId: externalIdAttribute,
    emails: 'email',
  }
  const values: Record<CorrelationKey, readonly string[]> = {
    // "Logins with a / character can only be fetched by id": these are searched for.
    userName: subject.userName.includes('/') ? [subject.userName] : [],
    externalId: subject.externalId === undefined ? [] : [subject.externalId],
    emails: subject.emails,
  }
  for (const key of correlateBy) {
    for (const value of values[key]) {
      const search = `profile.${attribute[key]} eq ${JSON.stringify(value)}`
      const path = `/api/v1/users?limit=200&search=${encodeURIComponent(search)}`
      const { items, evidence } = await everyPage(path, 'search the users', call)
      found.push(...items.map((item) => ({ user: userOf(item, call), evidence: evidence[0] })))
    }
  }
  return found
}

/** @throws ConnectorError */
export async function correlate(subject: Subject, call: Call): Promise<Match[]> {
  const found = new Map<string, Match>()
  for (const { user, evidence } of await candidates(subject, call)) {
    const hit = compareKeys(subject, user.keys, call.config.correlateBy)
    if (hit === undefined || found.has(user.id)) continue
    found.set(user.id, {
      handle: { facet: 'account', id: user.id },
      ...hit,
      ...(await protection(user, call)),
      evidence,
    })
  }
  return [...found.values()]
}

async function protection(user: OktaUser, call: Call): Promise<Pick<Match, 'protectedBecause'>> {
  const login = user.keys.userName?.toLowerCase()
  if (call.config.protectedUsers.some((one) => one.toLowerCase() === login)) {
    return { protectedBecause: 'listed as protected' }
  }
  // A service app is no user.
  if (call.config.auth.kind === 'oauth') return {}
  const { user: self } = await readUser('me', call)
  return self?.id === user.id ? { protectedBecause: 'the user that this hub uses' } : {}
}

/** Suspends or deactivates, whichever the owner chose and Okta allows. @throws ConnectorError */
export async function disable(handle: Handle, call: Call): Promise<Ack> {
  const { user, evidence } = await existing(handle, call)
  const { disable: chosen, whenNotActive } = call.config
  const isDone =
    chosen === 'suspend' ? DEAD.includes(user.status ?? '') : user.status === 'DEPROVISIONED'
  if (isDone) return { kind: 'already', evidence }
  const canSuspend = user.status === 'ACTIVE'
  if (chosen === 'suspend' && !canSuspend && whenNotActive === 'person') {
    // "Perform this operation only on users with an ACTIVE status."
    throw new ConnectorError('unsupported', `Okta does not suspend who is ${user.status}`, {
      evidence,
    })
  }
  const action = chosen === 'suspend' && canSuspend ? 'suspend' : 'deactivate?sendEmail=false'
  const ack = await lifecycle(user.id, action, 'disable the account', call)
  return { ...ack, undo: { status: user.status ?? 'ACTIVE' } }
}

/** Lets in again who was suspended or deactivated. @throws ConnectorError */
export async function enable(handle: Handle, call: Call): Promise<Ack> {
  const { user, evidence } = await existing(handle, call)
  if (!DEAD.includes(user.status ?? '')) return { kind: 'already', evidence }
  const action = user.status === 'SUSPENDED' ? 'unsuspend' : 'activate?sendEmail=false'
  return lifecycle(user.id, action, 'enable the account', call)
}

async function lifecycle(id: string, action: string, what: string, call: Call): Promise<Ack> {
  const url = `${userUrl(call, id)}/lifecycle/${action}`
  if (call.dryRun) return preview(call, { method: 'POST', target: url })
  return { kind: 'done', evidence: await write({ method: 'POST', url }, what, call) }
}

export function seenUser({ id, status, keys }: OktaUser, evidence: Evidence): Observation {
  const isKnown = status !== undefined && STATUSES.includes(status)
  const state = !isKnown ? 'unknown' : DEAD.includes(status) ? 'dead' : 'live'
  return observed({ facet: 'account', id }, state, evidence, keys)
}

export function userOf(value: unknown, { config }: Call): OktaUser {
  const { id, status, profile } = (value ?? {}) as Record<string, unknown>
  const { login, email, ...more } = (profile ?? {}) as Record<string, unknown>
  const externalId = more[config.externalIdAttribute]
  return {
    id: typeof id === 'string' ? id : '',
    status: typeof status === 'string' ? status : undefined,
    keys: {
      ...(typeof login === 'string' ? { userName: login } : {}),
      ...(typeof externalId === 'string' ? { externalId } : {}),
      emails: typeof email === 'string' ? [email] : [],
    },
  }
}
