import type { Facet } from '../../../src/connector-sdk/contract.ts'
import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { type FakeUser, type GitlabState, startFakeGitlab } from './fake.ts'

const user = (id: number, username: string): FakeUser => ({
  id,
  username,
  email: `${username}@example.com`,
  state: 'active',
  identities: [{ provider: 'saml', extern_uid: `emp-${id}` }],
})
const member = (place: number, who: number, access_level = 30, expires_at: string | null = null) =>
  ({ kind: 'group', place, user: who, access_level, expires_at }) as const

const fresh = (): GitlabState => ({
  users: [user(1, 'hub'), user(2, 'other'), user(7, 'jane'), user(8, 'twin'), user(9, 'twin.old')],
  tokens: [
    { id: 71, user_id: 7, secret: 'glpat-of-jane' },
    { id: 72, user_id: 7, secret: 'glpat-of-jane-2' },
    { id: 73, user_id: 7, secret: 'glpat-of-jane-3' },
    { id: 81, user_id: 8, secret: 'glpat-of-twin' },
  ],
  impersonations: [
    { id: 1, user_id: 7 },
    { id: 2, user_id: 8 },
  ],
  keys: [
    { id: 1, user_id: 7 },
    { id: 2, user_id: 8 },
  ],
  gpgKeys: [
    { id: 1, user_id: 7 },
    { id: 2, user_id: 8 },
  ],
  members: [
    member(10, 1, 50),
    member(10, 7, 40, '2999-12-31'),
    member(10, 8),
    member(10, 9),
    member(11, 7),
    { kind: 'project', place: 20, user: 7, access_level: 50, expires_at: null },
    { kind: 'project', place: 21, user: 7, access_level: 30, expires_at: null },
  ],
  personalProjects: [20],
})

export interface GitlabWorld extends KitWorld {
  gitlab: GitlabState
  proxy: FaultProxy
  /** What a call with a token of the person is answered. */
  useToken(token: string): Promise<number>
}
export type Kind = 'instance' | 'group'

const TOKENS = { doer: 'glpat-canary-doer-5d1c77', witness: 'glpat-canary-witness-90ab12' }

/** GitLab as its documentation has it, behind a proxy that can misbehave. */
export async function gitlabWorld(
  kind: Kind,
  config: object = {},
  target: object = {},
): Promise<GitlabWorld> {
  const gitlab = fresh()
  let origin = ''
  const who = (token: string) =>
    token === TOKENS.doer ? 'admin' : token === TOKENS.witness ? 'reader' : undefined
  const server = await startFakeGitlab(gitlab, who, () => origin)
  const proxy = await startFaultProxy(server.origin)
  origin = proxy.origin
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const isWrite = ({ method }: SeenRequest): boolean => method !== 'GET'
  const isList = ({ method, path }: SeenRequest): boolean =>
    method === 'GET' && /\/(users|groups\/10\/members)\?/.test(path)
  const has = (items: readonly { user_id: number }[], id: number): boolean =>
    items.some(({ user_id }) => user_id === id)
  const isIn = (id: number): boolean =>
    gitlab.members.some(
      ({ kind: one, place, user: whose }) =>
        whose === id && place !== 20 && (kind === 'instance' || (one === 'group' && place === 10)),
    )
  const isLive = (facet: Facet, id = 7): boolean => {
    switch (facet) {
      case 'account':
        return gitlab.users.some((one) => one.id === id && one.state === 'active')
      case 'api_token':
        return has(gitlab.tokens, id) || has(gitlab.impersonations, id)
      case 'ssh_key':
        return has(gitlab.keys, id)
      case 'signing_key':
        return has(gitlab.gpgKeys, id)
      default:
        return isIn(id)
    }
  }
  const everyFacet = ['account', 'api_token', 'ssh_key', 'signing_key', 'membership'] as const
  return {
    gitlab,
    proxy,
    useToken: async (token) => {
      const headers = { 'private-token': token }
      return (await fetch(`${server.origin}/api/v4/user`, { headers })).status
    },
    app: {
      id: 'app',
      connectorId: 'gitlab',
      config: {
        url: origin,
        target: kind === 'instance' ? { kind, ...target } : { kind, group: '10', ...target },
        correlateBy: ['email', 'identity'],
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { token: TOKENS.doer, witnessToken: TOKENS.witness },
    subject: { ...person, userName: 'Jane@example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-9' },
    accountId: '7',
    strangerId: '999',
    isLive,
    bystandersHit: () => everyFacet.filter((facet) => !isLive(facet, 8)).length,
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () => proxy.inject({ kind: 'answer', status: 204 }, isWrite),
      ignoreFilter: () =>
        proxy.inject({ kind: 'lie', body: () => JSON.stringify(gitlab.users) }, isList),
      repeatPages: () =>
        proxy.inject(
          {
            kind: 'answer',
            status: 200,
            headers: { link: '</api/v4/same?page=2>; rel="next"' },
            body: JSON.stringify(gitlab.users.slice(0, 2)),
          },
          ({ method }) => method === 'GET',
        ),
    },
    cannot: { hideRows: 'the listing carries no count' },
    close: async () => {
      await proxy.close()
      await server.close()
    },
  }
}
