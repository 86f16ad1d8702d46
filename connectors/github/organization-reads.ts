import {
  type CallContext,
  ConnectorError,
  type Evidence,
  type Facet,
  type HttpResponse,
  joinEvidence,
  jsonArray,
  jsonObject,
  nextLink,
  pathSegment,
  readAll,
} from '#connector-sdk'
import { github, REST, reading } from './client.ts'
import type { OrganizationConfig } from './config.ts'
import { type Identity, identitiesAnswer, identitiesRequest } from './saml.ts'

/** What can be read of an organization and its accounts. Nothing here writes. */

type Call = CallContext<OrganizationConfig>

/** A GitHub account. The login may change, the id does not. */
export interface Account {
  id: string
  login: string
}

/** What the credentials of each kind are called in the listing of authorizations. */
const CREDENTIALS: Partial<Record<Facet, readonly string[]>> = {
  api_token: ['personal access token'],
  ssh_key: ['SSH key'],
  oauth_grant: ['OAuth app token', 'GitHub app token'],
}
const MAX_ITEMS = 10_000

/** Identities of the single sign-on with this NameID, as far as the server filters. @throws ConnectorError */
export function identities(
  name: string,
  call: Call,
): Promise<{ identity: Identity; evidence: Evidence }[]> {
  return readAll(async (after) => {
    const response = await github(call).send(identitiesRequest(call.config, name, after))
    const { items, ...rest } = identitiesAnswer(response, reading('read the identities', call))
    const { evidence } = response
    return { ...rest, items: items.map((identity) => ({ identity, evidence })) }
  }, MAX_ITEMS)
}

/** Id of the credential's own account. An app is nobody: it gets 403 here. @throws ConnectorError */
export async function ownId(call: Call): Promise<string | undefined> {
  const response = await github(call).send({
    method: 'GET',
    url: `${call.config.apiUrl}/user`,
    headers: REST,
  })
  if (response.status === 403) return undefined
  return accountOf(jsonObject(response, reading('read the own account', call)), response).id
}

/** A login can be renamed, and then taken by somebody else: accounts are kept by their number. */
export async function accountById(
  id: string,
  call: Call,
): Promise<{ account: Account | undefined; response: HttpResponse }> {
  if (!/^\d+$/.test(id)) throw new ConnectorError('invalid', 'a GitHub account id is a number')
  const url = `${call.config.apiUrl}/user/${id}`
  const response = await github(call).send({ method: 'GET', url, headers: REST })
  if (response.status === 404) return { account: undefined, response }
  const account = accountOf(jsonObject(response, reading('read the account', call)), response)
  if (account.id === id) return { account, response }
  throw new ConnectorError('invalid', 'GitHub answered with another account', {
    evidence: response.evidence,
  })
}

/** "Not found" is only believed of an organization that the credential can see. */
export async function membershipOf(
  login: string,
  call: Call,
): Promise<{ member: Account | undefined; response: HttpResponse }> {
  const url = `${organizationUrl(call)}/memberships/${pathSegment(login)}`
  const response = await github(call).send({ method: 'GET', url, headers: REST })
  if (response.status === 404) {
    const organization = await github(call).send({
      method: 'GET',
      url: organizationUrl(call),
      headers: REST,
    })
    if (organization.status === 404) {
      throw new ConnectorError('invalid', 'this credential sees no such organization', {
        evidence: organization.evidence,
      })
    }
    jsonObject(organization, reading('read the organization', call))
    return { member: undefined, response }
  }
  const { user } = jsonObject(response, reading('read the membership', call))
  return { member: accountOf(user, response), response }
}

/** One page of the members, or of the owners. @throws ConnectorError */
export async function members(
  cursor: string | undefined,
  call: Call,
  role?: 'admin',
): Promise<{ items: Account[]; next?: string; response: HttpResponse }> {
  const query = role === undefined ? '' : `role=${role}&`
  const url = `${organizationUrl(call)}/members?${query}per_page=100&page=${pageNumber(cursor)}`
  const response = await github(call).send({ method: 'GET', url, headers: REST })
  const options = reading('list the members', call)
  const items = jsonArray(response, options).map((item) => accountOf(item, response))
  const next = pageOf(nextLink(response, url))
  return { items, response, ...(next === undefined ? {} : { next }) }
}

/** Ids of the person's credentials of this kind that may use the organization. */
export async function authorizations(
  login: string,
  facet: Facet,
  call: Call,
): Promise<{ ids: number[]; evidence: Evidence }> {
  const kinds = CREDENTIALS[facet]
  if (kinds === undefined) throw new ConnectorError('unsupported', `GitHub knows no ${facet} here`)
  const read: Evidence[] = []
  const ids = await readAll(async (cursor) => {
    const url = `${organizationUrl(call)}/credential-authorizations?login=${encodeURIComponent(login)}&per_page=100&page=${pageNumber(cursor)}`
    const response = await github(call).send({ method: 'GET', url, headers: REST })
    if (response.status === 404) {
      throw new ConnectorError('invalid', 'the organization shows no authorized credentials', {
        evidence: response.evidence,
      })
    }
    read.push(response.evidence)
    const items = jsonArray(response, reading('list the authorized credentials', call)).flatMap(
      (item) => {
        const one = item as Record<string, unknown>
        // A server that ignores the filter must not lead to somebody else's keys.
        const isTheirs = String(one['login']).toLowerCase() === login.toLowerCase()
        return isTheirs && kinds.includes(String(one['credential_type']))
          ? [Number(one['credential_id'])]
          : []
      },
    )
    const next = pageOf(nextLink(response, url))
    return { items, ...(next === undefined ? {} : { next }) }
  }, MAX_ITEMS)
  const [first, ...rest] = read
  if (first === undefined) throw new ConnectorError('bug', 'no page was read')
  return { ids, evidence: joinEvidence([first, ...rest]) }
}

function accountOf(value: unknown, { evidence }: HttpResponse): Account {
  const { id, login } = (value ?? {}) as Record<string, unknown>
  if (typeof id === 'number' && typeof login === 'string') return { id: String(id), login }
  throw new ConnectorError('invalid', 'an account without id or login', { evidence })
}

export const organizationUrl = ({ config }: Call): string =>
  `${config.apiUrl}/orgs/${pathSegment(config.target.org)}`

const pageNumber = (cursor: string | undefined): number =>
  cursor === undefined ? 1 : Number(cursor)

const pageOf = (link: string | undefined): string | undefined =>
  link === undefined ? undefined : (new URL(link).searchParams.get('page') ?? undefined)
