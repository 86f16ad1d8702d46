import {
  type AccountKeys,
  type Ack,
  acknowledged,
  ConnectorError,
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
  writing,
} from '#connector-sdk'
import { type Call, ownId, slack } from './web-api.ts'

/** Members of Slack, through its SCIM API. @see https://docs.slack.dev/reference/scim-api/ */

export interface Member {
  id: string
  active: boolean | undefined
  keys: AccountKeys
}

const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
/** "Best performance … fewer than 1000". */
const PAGE_SIZE = 500

export interface MemberPage {
  members: Member[]
  total: number
  response: HttpResponse
}

/** @throws ConnectorError */
export async function memberPage(
  query: { filter?: string; startIndex: number; count?: number },
  call: Call,
): Promise<MemberPage> {
  const all = { ...query, count: query.count ?? PAGE_SIZE }
  const text = Object.entries(all).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  const url = `${call.config.scimUrl}/Users?${text.join('&')}`
  const response = await slack(call).send({ method: 'GET', url, headers: SCIM })
  const body = jsonObject(response, reading('list the members', call))
  const { Resources: members, totalResults: total } = body
  if (!Array.isArray(members) || typeof total !== 'number') {
    const { evidence } = response
    throw new ConnectorError('invalid', 'no SCIM listing', { evidence })
  }
  return { members: members.map(memberOf), total, response }
}

const SCIM = { accept: 'application/scim+json, application/json' }

/** @throws ConnectorError */
export async function memberById(
  { id }: Handle,
  call: Call,
): Promise<{ member: Member | undefined; response: HttpResponse }> {
  const url = `${call.config.scimUrl}/Users/${pathSegment(id)}`
  const response = await slack(call).send({ method: 'GET', url, headers: SCIM })
  const { evidence } = response
  if (response.status === 404) {
    if (isScimError(response)) return { member: undefined, response }
    throw new ConnectorError('invalid', 'Slack is not at this address', { evidence })
  }
  const member = memberOf(jsonObject(response, reading('read the member', call)))
  if (member.id === id) return { member, response }
  throw new ConnectorError('invalid', 'Slack answered with another member', { evidence })
}

/** RFC 7644 §3.12, and the form of SCIM 1.1, which Slack also uses. */
function isScimError({ body }: HttpResponse): boolean {
  try {
    const { schemas, Errors: errors } = JSON.parse(body) as Record<string, unknown>
    return errors !== undefined || /:(core|api:messages:2\.0):?Error/.test(JSON.stringify(schemas))
  } catch {
    // No JSON: not an answer of Slack.
    return false
  }
}

/** @throws ConnectorError gone */
export async function existing(handle: Handle, call: Call) {
  const { member, response } = await memberById(handle, call)
  if (member !== undefined) return { member, evidence: response.evidence }
  throw new ConnectorError('gone', 'no such member', { evidence: response.evidence })
}

interface Found {
  member: Member
  hit: Pick<Match, 'strength' | 'matchedOn'>
  evidence: Evidence
}

/** Members who are the person by one of the keys. @throws ConnectorError */
export async function find(subject: Subject, call: Call): Promise<Found[]> {
  const { correlateBy } = call.config
  const { userName, externalId, emails } = subject
  // A user name of an identity provider is an address at Slack, whose own user names are short.
  const asked = {
    userName: [
      ['userName', userName],
      ['email', userName],
    ],
    externalId: externalId === undefined ? [] : [['externalId', externalId]],
    emails: emails.map((email) => ['email', email]),
  }
  const found = new Map<string, Found>()
  for (const [attribute, value] of correlateBy.flatMap((key) => asked[key])) {
    const filter = `${attribute} eq ${JSON.stringify(value)}`
    const { members, total, response } = await memberPage({ filter, startIndex: 1 }, call)
    const { evidence } = response
    // More than a page for one name: nothing that is not on it may be taken for absent.
    if (members.length < total) {
      throw new ConnectorError('unsupported', 'Slack does not filter', { evidence })
    }
    for (const member of members) {
      const hit = whichKey(subject, member, call)
      if (hit !== undefined && !found.has(member.id))
        found.set(member.id, { member, hit, evidence })
    }
  }
  return [...found.values()]
}

/** An address that is the user name identifies; any other address is weak. */
function whichKey(
  subject: Subject,
  { keys }: Member,
  { config: { correlateBy } }: Call,
): Found['hit'] | undefined {
  const hit = compareKeys(subject, keys, correlateBy)
  if (hit?.strength === 'exact' || !correlateBy.includes('userName')) return hit
  const asAddress = { ...subject, emails: [subject.userName] }
  const byAddress = compareKeys(asAddress, keys, ['emails'], { emailsAreExact: true })
  return byAddress === undefined ? hit : { ...byAddress, matchedOn: 'userName' }
}

/** @throws ConnectorError */
export async function correlate(subject: Subject, call: Call): Promise<Match[]> {
  const found = await find(subject, call)
  const self = found.length === 0 ? undefined : await ownId(call)
  return found.map(({ member, hit, evidence }) => ({
    handle: { facet: 'account', id: member.id },
    ...hit,
    ...protection(member, self, call),
    evidence,
  }))
}

function protection(
  { id, keys }: Member,
  self: string | undefined,
  { config }: Call,
): Pick<Match, 'protectedBecause'> {
  const names = [id, ...(keys.emails ?? [])].map((one) => one.toLowerCase())
  if (config.protectedUsers.some((one) => names.includes(one.toLowerCase()))) {
    return { protectedBecause: 'listed as protected' }
  }
  return id === self ? { protectedBecause: 'the member that this hub uses' } : {}
}

/** @throws ConnectorError */
export async function setActive(handle: Handle, active: boolean, call: Call): Promise<Ack> {
  const { member, evidence: before } = await existing(handle, call)
  if (member.active === active) return { kind: 'already', evidence: before }
  const Operations = [{ op: 'replace', path: 'active', value: active }]
  const body = JSON.stringify({ schemas: [PATCH_OP], Operations })
  if (call.dryRun) return preview(call, { method: 'PATCH', target: before.target, body })
  const response = await slack(call).send({
    method: 'PATCH',
    url: `${call.config.scimUrl}/Users/${pathSegment(member.id)}`,
    headers: { ...SCIM, 'content-type': 'application/json' },
    body,
  })
  const what = active ? 'activate the account' : 'deactivate the account'
  const evidence = acknowledged(response, writing(what, call))
  return { kind: 'done', evidence, ...(active ? {} : { undo: { active: true } }) }
}

export function seenMember({ id, active, keys }: Member, evidence: Evidence): Observation {
  const state = active === undefined ? 'unknown' : active ? 'live' : 'dead'
  return observed({ facet: 'account', id }, state, evidence, keys)
}

function memberOf(value: unknown): Member {
  const { id, active, userName, externalId, emails } = (value ?? {}) as Record<string, unknown>
  const addresses = (Array.isArray(emails) ? emails : []).map(
    (one) => (one as { value?: unknown } | null)?.value,
  )
  return {
    id: typeof id === 'string' ? id : '',
    active: typeof active === 'boolean' ? active : undefined,
    keys: {
      ...(typeof userName === 'string' ? { userName } : {}),
      ...(typeof externalId === 'string' ? { externalId } : {}),
      emails: addresses.filter((one) => typeof one === 'string'),
    },
  }
}
