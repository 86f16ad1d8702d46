import {
  type AccountKeys,
  type Ack,
  ConnectorError,
  type CorrelationKey,
  compareKeys,
  type Evidence,
  type Handle,
  type HttpResponse,
  type Match,
  type Observation,
  observed,
  pathSegment,
  preview,
  type Subject,
} from '#connector-sdk'
import { type Call, everyPage, lookUp, write } from './client.ts'

/** A user of the account. */
export interface GoogleUser {
  id: string
  suspended: boolean | undefined
  keys: AccountKeys
}

const FIELDS = 'id,primaryEmail,suspended,externalIds,aliases,nonEditableAliases'
export const USERS_FIELDS = `fields=kind,nextPageToken,users(${FIELDS})`

export const userPath = (id: string): string => `/users/${pathSegment(id)}`

/** @see https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/get */
export async function userById(
  { id }: Handle,
  call: Call,
): Promise<{ user: GoogleUser | undefined; response: HttpResponse }> {
  // The address takes names as well, which can be given to somebody else.
  if (!/^\d+$/.test(id)) throw new ConnectorError('invalid', 'the id of a Google user is a number')
  const { body, response } = await lookUp(`${userPath(id)}?fields=${FIELDS}`, 'read the user', call)
  const user = body === undefined ? undefined : userOf(body)
  if (user === undefined || user.id === id) return { user, response }
  const { evidence } = response
  throw new ConnectorError('invalid', 'Google answered with another user', { evidence })
}

/** @throws ConnectorError gone */
export async function existing(handle: Handle, call: Call) {
  const { user, response } = await userById(handle, call)
  if (user !== undefined) return { user, evidence: response.evidence }
  throw new ConnectorError('gone', 'no such user', { evidence: response.evidence })
}

/** Users who may be the person; the keys are compared by the caller. @throws ConnectorError */
export async function candidates(
  { userName, externalId, emails }: Subject,
  call: Call,
): Promise<{ user: GoogleUser; evidence: Evidence }[]> {
  const field: Record<CorrelationKey, string> = {
    userName: 'email',
    externalId: 'externalId',
    emails: 'email',
  }
  const values = { userName: [userName], externalId: externalId ? [externalId] : [], emails }
  const found = []
  for (const key of call.config.correlateBy) {
    for (const value of values[key]) {
      const query = encodeURIComponent(`${field[key]}='${value.replaceAll(/['\\]/g, '\\$&')}'`)
      const path = `${listPath(call)}&query=${query}`
      const { items, evidence } = await everyPage(path, 'users', 'search the users', call)
      found.push(
        ...items.map((item) => ({ user: userOf(item, externalId), evidence: evidence[0] })),
      )
    }
  }
  return found
}

export const listPath = ({ config }: Call): string =>
  `/users?customer=${config.customer}&maxResults=500&${USERS_FIELDS}`

/** @throws ConnectorError */
export async function correlate(subject: Subject, call: Call): Promise<Match[]> {
  const found = new Map<string, Match>()
  for (const { user, evidence } of await candidates(subject, call)) {
    const hit = compareKeys(subject, user.keys, call.config.correlateBy)
    if (hit === undefined || found.has(user.id)) continue
    const handle: Handle = { facet: 'account', id: user.id }
    found.set(user.id, { handle, ...hit, ...protection(user, call), evidence })
  }
  return [...found.values()]
}

function protection(user: GoogleUser, { config }: Call): Pick<Match, 'protectedBecause'> {
  const name = user.keys.userName?.toLowerCase()
  if (config.protectedUsers.some((one) => one.toLowerCase() === name)) {
    return { protectedBecause: 'listed as protected' }
  }
  const own = [config.adminEmail, config.witnessAdminEmail].map((one) => one?.toLowerCase())
  return own.includes(name) ? { protectedBecause: 'the administrator that this hub uses' } : {}
}

/** @see https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/patch */
export async function setSuspended(handle: Handle, suspended: boolean, call: Call): Promise<Ack> {
  const { user, evidence: before } = await existing(handle, call)
  if (user.suspended === suspended) return { kind: 'already', evidence: before }
  const body = { suspended }
  const target = before.target
  if (call.dryRun) return preview(call, { method: 'PATCH', target, body: JSON.stringify(body) })
  const what = suspended ? 'suspend the account' : 'let the account in again'
  const evidence = await write({ method: 'PATCH', path: userPath(user.id), body }, what, call)
  return { kind: 'done', evidence, ...(suspended ? { undo: { suspended: false } } : {}) }
}

export function seenUser({ id, suspended, keys }: GoogleUser, evidence: Evidence): Observation {
  const state = suspended === undefined ? 'unknown' : suspended ? 'dead' : 'live'
  return observed({ facet: 'account', id }, state, evidence, keys)
}

/** @param wanted external id to show, where the user has it among several */
export function userOf(value: unknown, wanted?: string): GoogleUser {
  const { id, suspended, primaryEmail, externalIds, aliases, nonEditableAliases } = (value ??
    {}) as Record<string, unknown>
  const addresses = [primaryEmail, ...listOf(aliases), ...listOf(nonEditableAliases)]
  const external = listOf(externalIds).map((one) => (one as { value?: unknown } | null)?.value)
  const strings = external.filter((one) => typeof one === 'string')
  const known = strings.find((one) => one === wanted) ?? strings[0]
  return {
    id: typeof id === 'string' ? id : '',
    suspended: typeof suspended === 'boolean' ? suspended : undefined,
    keys: {
      ...(typeof primaryEmail === 'string' ? { userName: primaryEmail } : {}),
      ...(known === undefined ? {} : { externalId: known }),
      emails: addresses.filter((one) => typeof one === 'string'),
    },
  }
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
