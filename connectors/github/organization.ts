import {
  type Ack,
  type CallContext,
  ConnectorError,
  check,
  compareKeys,
  type Evidence,
  type Facet,
  type FacetSpec,
  type Handle,
  type HttpResponse,
  inTurn,
  joinEvidence,
  type Match,
  type Observation,
  type Page,
  pathSegment,
  preview,
  refusal,
  type Subject,
} from '#connector-sdk'
import { github, REST, writing } from './client.ts'
import type { OrganizationConfig } from './config.ts'
import {
  type Account,
  accountById,
  authorizations,
  identities,
  members,
  membershipOf,
  organizationUrl,
  ownId,
} from './organization-reads.ts'

type Call = CallContext<OrganizationConfig>

const membership: FacetSpec = {
  facet: 'membership',
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  // Putting somebody back sends an invitation, which they may or may not accept.
  reversible: false,
  before: ['api_token', 'ssh_key', 'oauth_grant'],
}
const credential = {
  enumerate: 'none',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: false,
} as const
export const organizationFacets: readonly FacetSpec[] = [
  membership,
  { facet: 'api_token', ...credential },
  { facet: 'ssh_key', ...credential },
  { facet: 'oauth_grant', ...credential },
]

export function facetsOf({ target }: OrganizationConfig): readonly FacetSpec[] {
  return organizationFacets
    .filter(({ facet }) => facet === 'membership' || target.credentials)
    .map((spec) =>
      // A member's name in the single sign-on is not on the listing: nobody can be found on it.
      spec.facet === 'membership' && target.correlateBy === 'saml'
        ? { ...spec, enumerate: 'partial', before: membership.before ?? [] }
        : spec,
    )
}

export async function test(call: Call) {
  const { target } = call.config
  return [
    await check('membership.list', async () => {
      const { items } = await members(undefined, call)
      return `read ${items.length} member(s)`
    }),
    await check('membership.correlate', async () => {
      if (target.correlateBy === 'login') return 'the login is taken from the identity provider'
      await identities(`quittance-check-${call.now()}`, call)
      return 'the identities of the single sign-on can be read'
    }),
    ...(await Promise.all(
      facetsOf(call.config)
        .filter(({ facet }) => facet !== 'membership')
        .map(({ facet }) =>
          check(`${facet}.observe`, async () => {
            await authorizations('quittance-check', facet, call)
            return 'authorized credentials can be read'
          }),
        ),
    )),
    { name: 'membership.revoke', ok: true, detail: 'not tried: a test writes nothing' },
  ]
}

export async function correlate(subject: Subject, call: Call): Promise<Match[]> {
  const found =
    call.config.target.correlateBy === 'saml'
      ? await bySingleSignOn(subject, call)
      : await byLogin(subject, call)
  const self = await ownId(call)
  return Promise.all(
    found.map(async ({ account, ...match }) => ({
      handle: { facet: 'membership' as const, id: account.id },
      ...match,
      ...(await protection(account, self, call)),
    })),
  )
}

type Found = Pick<Match, 'strength' | 'matchedOn' | 'evidence'> & { account: Account }
async function bySingleSignOn(subject: Subject, call: Call): Promise<Found[]> {
  const names = new Set([subject.userName, ...subject.emails])
  const found = new Map<string, Found>()
  for (const name of names) {
    for (const { identity, evidence } of await identities(name, call)) {
      const { id, login, nameId } = identity
      const hit = compareKeys(subject, { userName: nameId, emails: [nameId] }, [
        'userName',
        'emails',
      ])
      if (hit !== undefined) found.set(id, { account: { id, login }, ...hit, evidence })
    }
  }
  return [...found.values()]
}

async function byLogin({ userName, externalId }: Subject, call: Call): Promise<Found[]> {
  const keys = { userName, ...(externalId === undefined ? {} : { externalId }) }
  const found = new Map<string, Found>()
  for (const [matchedOn, name] of Object.entries(keys)) {
    // Anything else cannot be a login.
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)) continue
    const { response, member } = await membershipOf(name, call)
    if (member === undefined || member.login.toLowerCase() !== name.toLowerCase()) continue
    const { evidence } = response
    found.set(member.id, { account: member, strength: 'exact', matchedOn, evidence })
  }
  return [...found.values()]
}

async function protection(
  { id, login }: Account,
  self: string | undefined,
  call: Call,
): Promise<Pick<Match, 'protectedBecause'>> {
  const listed = call.config.protectedLogins.map((one) => one.toLowerCase())
  if (listed.includes(login.toLowerCase())) return { protectedBecause: 'listed as protected' }
  if (id === self) return { protectedBecause: 'the account that this hub uses' }
  const { items: owners } = await members(undefined, call, 'admin')
  const isLast = owners.length === 1 && owners[0]?.id === id
  return isLast ? { protectedBecause: 'the last owner of the organization' } : {}
}

export async function list(
  facet: Facet,
  of: Subject | 'everyone',
  cursor: string | undefined,
  call: Call,
): Promise<Page<Observation>> {
  if (facet !== 'membership') throw new ConnectorError('unsupported', `no listing of ${facet}`)
  if (of !== 'everyone') {
    const matches = await correlate(of, call)
    return {
      items: matches.map(({ handle, evidence }) => listed(handle.id, evidence)),
      complete: true,
    }
  }
  const { items, next, response } = await members(cursor, call)
  const isLogin = call.config.target.correlateBy === 'login'
  return {
    items: items.map(({ id, login }) => ({
      ...listed(id, response.evidence),
      keys: isLogin ? { userName: login, externalId: login } : {},
    })),
    ...(next === undefined ? {} : { next }),
    complete: true,
  }
}

function listed(id: string, evidence: Evidence): Observation {
  return { handle: { facet: 'membership', id }, state: 'live', at: evidence.at, evidence }
}

export async function revoke(handle: Handle, call: Call): Promise<Ack> {
  const { account, response } = await accountById(handle.id, call)
  if (account === undefined) {
    throw new ConnectorError('gone', 'GitHub knows no such account', {
      evidence: response.evidence,
    })
  }
  return handle.facet === 'membership'
    ? leave(account, call)
    : removeCredentials(account, handle.facet, call)
}

async function leave({ login }: Account, call: Call): Promise<Ack> {
  const { member, response: before } = await membershipOf(login, call)
  if (member === undefined) return { kind: 'already', evidence: before.evidence }
  if (call.dryRun) return preview(call, { method: 'DELETE', target: before.evidence.target })
  const url = `${organizationUrl(call)}/memberships/${pathSegment(login)}`
  const response = await github(call).send({ method: 'DELETE', url, headers: REST })
  return { kind: 'done', evidence: deleted(response, 'remove the member', call) }
}

async function removeCredentials(account: Account, facet: Facet, call: Call): Promise<Ack> {
  const { ids, evidence } = await authorizations(account.login, facet, call)
  if (ids.length === 0) return { kind: 'already', evidence }
  const base = `${organizationUrl(call)}/credential-authorizations`
  if (call.dryRun) {
    return preview(call, { method: 'DELETE', target: evidence.target, body: ids.join(', ') })
  }
  const removed = await inTurn(ids, async (id) => {
    const response = await github(call).send({
      method: 'DELETE',
      url: `${base}/${id}`,
      headers: REST,
    })
    return deleted(response, 'remove a credential', call)
  })
  return { kind: 'done', evidence: joinEvidence([evidence, ...removed]) }
}

/** @throws ConnectorError */
function deleted(response: HttpResponse, what: string, call: Call): Evidence {
  if (response.status === 204) return response.evidence
  if (response.status >= 400) throw refusal(response, writing(what, call))
  throw new ConnectorError('invalid', `could not ${what}: HTTP ${response.status} instead of 204`, {
    effect: 'unknown',
    evidence: response.evidence,
  })
}

export async function observe(handle: Handle, call: Call): Promise<Observation> {
  const { account, response } = await accountById(handle.id, call)
  const seen = (state: Observation['state'], evidence: Evidence): Observation => ({
    handle,
    state,
    at: evidence.at,
    evidence,
  })
  if (account === undefined) return seen('absent', response.evidence)
  if (handle.facet === 'membership') {
    const { member, response: answer } = await membershipOf(account.login, call)
    // An invitation that is open can be accepted: as good as a membership.
    return seen(member === undefined ? 'absent' : 'live', answer.evidence)
  }
  const { ids, evidence } = await authorizations(account.login, handle.facet, call)
  return seen(ids.length === 0 ? 'dead' : 'live', evidence)
}
