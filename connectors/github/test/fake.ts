import { readFileSync } from 'node:fs'
import {
  type AskedOperation,
  type Contract,
  type ContractException,
  type ContractServer,
  type OperationAnswer,
  startContractServer,
} from '../../../test/support/contract-server.ts'

const stored = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`contract/${name}`, import.meta.url), 'utf8'))
const contract = stored('openapi.json') as Contract
const exceptions = stored('exceptions.json') as ContractException[]

export interface FakeAccount {
  id: number
  login: string
  nameId?: string
  role: 'admin' | 'member'
  /** Absent: not a member. */
  membership?: 'active' | 'pending'
}
export interface FakeCredential {
  id: number
  login: string
  type: 'personal access token' | 'SSH key' | 'OAuth app token' | 'GitHub app token'
}
export interface FakeUser {
  id: string
  userName: string
  externalId?: string
  active: boolean
}

export interface FakeGithub extends ContractServer {
  accounts: FakeAccount[]
  credentials: FakeCredential[]
  users: FakeUser[]
}

const url = (path: string): string => `https://api.github.com${path}`

function simpleUser({ id, login }: FakeAccount): object {
  const of = url(`/users/${login}`)
  const urls = Object.fromEntries(
    [
      'followers_url',
      'following_url',
      'gists_url',
      'starred_url',
      'subscriptions_url',
      'organizations_url',
      'repos_url',
      'events_url',
      'received_events_url',
    ].map((name) => [name, `${of}/${name}`]),
  )
  return {
    login,
    id,
    node_id: `U_${id}`,
    avatar_url: url('/avatar'),
    gravatar_id: '',
    url: of,
    html_url: `https://github.com/${login}`,
    ...urls,
    type: 'User',
    site_admin: false,
  }
}

const publicUser = (account: FakeAccount): object => ({
  ...simpleUser(account),
  name: null,
  company: null,
  blog: null,
  location: null,
  email: null,
  hireable: null,
  bio: null,
  public_repos: 0,
  public_gists: 0,
  followers: 0,
  following: 0,
  created_at: '2020-01-01T00:00:00Z',
  updated_at: '2020-01-01T00:00:00Z',
})

const notFound = (): OperationAnswer => ({ status: 404, body: { message: 'Not Found' } })

/** @param tokens who may ask; the witness may not write */
export async function startFakeGithub({
  tokens,
  ...seed
}: Pick<FakeGithub, 'accounts' | 'credentials' | 'users'> & {
  tokens: { doer: string; witness: string }
}): Promise<FakeGithub> {
  const state = structuredClone(seed)
  const isTold = ({ headers }: AskedOperation, isWrite: boolean): boolean =>
    [`Bearer ${tokens.doer}`, ...(isWrite ? [] : [`Bearer ${tokens.witness}`])].includes(
      headers['authorization'] ?? '',
    ) && headers['x-github-api-version'] === '2022-11-28'
  const route =
    (handle: (asked: AskedOperation) => OperationAnswer, isWrite = false) =>
    (asked: AskedOperation): OperationAnswer =>
      isTold(asked, isWrite) ? handle(asked) : { status: 403, body: { message: 'Forbidden' } }

  const byLogin = (login = ''): FakeAccount | undefined =>
    state.accounts.find((one) => one.login.toLowerCase() === login.toLowerCase())
  /** Two to a page, whatever was asked for: servers may. */
  const paged = <T>(
    { query }: AskedOperation,
    path: string,
    all: readonly T[],
  ): { items: T[]; headers: Record<string, string> } => {
    const page = Number(query.get('page') ?? 1)
    const rest = new URLSearchParams(query)
    rest.set('page', String(page + 1))
    const hasMore = all.length > page * 2
    return {
      items: all.slice((page - 1) * 2, page * 2),
      headers: hasMore
        ? { link: `<${path}?${rest}>; rel="next", <${path}?page=9>; rel="last"` }
        : {},
    }
  }
  const scimUser = ({ id, userName, externalId, active }: FakeUser): object => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    id,
    userName,
    externalId: externalId ?? '',
    active,
    emails: [{ value: userName }],
    meta: { resourceType: 'User' },
  })
  const isOrg = ({ params }: AskedOperation): boolean => params['org'] === 'example-inc'

  const server = await startContractServer({
    contract,
    exceptions,
    beyond: { 'POST /graphql': 'GraphQL is not in OpenAPI' },
    routes: {
      'GET /user': route(() => ({
        status: 200,
        body: publicUser(state.accounts[0] as FakeAccount),
      })),
      'GET /user/{account_id}': route(({ params }) => {
        const account = state.accounts.find(({ id }) => String(id) === params['account_id'])
        return account === undefined ? notFound() : { status: 200, body: publicUser(account) }
      }),
      'GET /orgs/{org}': route((asked) =>
        isOrg(asked) ? { status: 200, body: organization } : notFound(),
      ),
      'GET /orgs/{org}/members': route((asked) => {
        const role = asked.query.get('role') ?? 'all'
        const all = state.accounts.filter(
          (one) => one.membership === 'active' && (role === 'all' || one.role === role),
        )
        const { items, headers } = paged(asked, '/orgs/example-inc/members', all)
        return { status: 200, body: items.map(simpleUser), headers }
      }),
      'GET /orgs/{org}/memberships/{username}': route((asked) => {
        const account = byLogin(asked.params['username'])
        if (account?.membership === undefined || !isOrg(asked)) return notFound()
        const { membership, role } = account
        return {
          status: 200,
          body: {
            url: url('/m'),
            state: membership,
            role,
            organization_url: url('/orgs/example-inc'),
            organization: organizationSimple,
            user: simpleUser(account),
          },
        }
      }),
      'DELETE /orgs/{org}/memberships/{username}': route((asked) => {
        const account = byLogin(asked.params['username'])
        if (account?.membership === undefined) return notFound()
        delete account.membership
        return { status: 204 }
      }, true),
      'GET /orgs/{org}/credential-authorizations': route((asked) => {
        const login = asked.query.get('login')?.toLowerCase()
        const all = state.credentials.filter((one) => one.login.toLowerCase() === login)
        const { items, headers } = paged(asked, '/orgs/example-inc/credential-authorizations', all)
        const shown = items.map((one) => ({
          login: one.login,
          credential_id: one.id,
          credential_type: one.type,
          credential_authorized_at: '2026-01-01T00:00:00Z',
          credential_accessed_at: null,
          authorized_credential_id: one.id,
        }))
        return { status: 200, body: shown, headers }
      }),
      'DELETE /orgs/{org}/credential-authorizations/{credential_id}': route(({ params }) => {
        const at = state.credentials.findIndex(({ id }) => String(id) === params['credential_id'])
        if (at < 0) return notFound()
        state.credentials.splice(at, 1)
        return { status: 204 }
      }, true),
      'POST /graphql': route(({ body }) => {
        const { userName } = (body as { variables: { userName: string } }).variables
        const nodes = state.accounts
          .filter(({ nameId }) => nameId?.toLowerCase() === userName.toLowerCase())
          .map(({ id, login, nameId }) => ({
            samlIdentity: { nameId },
            user: { databaseId: id, login },
          }))
        return { status: 200, body: identities([...nodes, null]) }
      }),
      'GET /scim/v2/enterprises/{enterprise}/Users': route(({ query }) => {
        const [, attribute, value] =
          /^(userName|externalId) eq (".*")$/.exec(query.get('filter') ?? '') ?? []
        const all =
          value === undefined
            ? state.users
            : state.users.filter((user) =>
                attribute === 'userName'
                  ? user.userName.toLowerCase() === JSON.parse(value).toLowerCase()
                  : user.externalId === JSON.parse(value),
              )
        const from = Number(query.get('startIndex') ?? 1)
        const items = all.slice(from - 1, from + 1)
        return {
          status: 200,
          body: {
            schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
            totalResults: all.length,
            Resources: items.map(scimUser),
            startIndex: from,
            itemsPerPage: items.length,
          },
        }
      }),
      'GET /scim/v2/enterprises/{enterprise}/Users/{scim_user_id}': route(({ params }) => {
        const user = state.users.find(({ id }) => id === params['scim_user_id'])
        return user === undefined ? notFound() : { status: 200, body: scimUser(user) }
      }),
      'PATCH /scim/v2/enterprises/{enterprise}/Users/{scim_user_id}': route(({ params, body }) => {
        const user = state.users.find(({ id }) => id === params['scim_user_id'])
        if (user === undefined) return notFound()
        const { Operations } = body as { Operations: { path: string; value: boolean }[] }
        for (const { path, value } of Operations) if (path === 'active') user.active = value
        return { status: 200, body: scimUser(user) }
      }, true),
    },
  })
  return { ...server, ...state }
}

/** What GraphQL answers; also for tricks. */
export function identities(nodes: readonly unknown[], next?: string): object {
  const pageInfo = { hasNextPage: next !== undefined, endCursor: next ?? null }
  const externalIdentities = { nodes, pageInfo }
  return { data: { organization: { samlIdentityProvider: { externalIdentities } } } }
}

const organizationSimple = {
  login: 'example-inc',
  id: 1,
  node_id: 'O_1',
  url: url('/orgs/example-inc'),
  repos_url: url('/r'),
  events_url: url('/e'),
  hooks_url: url('/h'),
  issues_url: url('/i'),
  members_url: url('/m'),
  public_members_url: url('/p'),
  avatar_url: url('/a'),
  description: null,
}
const organization = {
  ...organizationSimple,
  has_organization_projects: true,
  has_repository_projects: true,
  public_repos: 0,
  public_gists: 0,
  followers: 0,
  following: 0,
  html_url: 'https://github.com/example-inc',
  type: 'Organization',
  created_at: '2020-01-01T00:00:00Z',
  updated_at: '2020-01-01T00:00:00Z',
  archived_at: null,
}
