import type { Facet } from '../../../src/connector-sdk/contract.ts'
import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import {
  type FakeAccount,
  type FakeCredential,
  type FakeGithub,
  type FakeUser,
  identities,
  startFakeGithub,
} from './fake.ts'

const account = (id: number, login: string, more: Partial<FakeAccount> = {}): FakeAccount => ({
  id,
  login,
  role: 'member',
  membership: 'active',
  nameId: `${login}@example.com`,
  ...more,
})
const accounts: FakeAccount[] = [
  account(1, 'hub-owner', { role: 'admin' }),
  account(2, 'second-owner', { role: 'admin' }),
  account(7, 'jane'),
  account(8, 'twin'),
  account(9, 'emp-9', { nameId: 'twin@example.com' }),
]
const TYPES = {
  api_token: 'personal access token',
  ssh_key: 'SSH key',
  oauth_grant: 'OAuth app token',
} as const
const credentials: FakeCredential[] = [
  { id: 71, login: 'jane', type: 'personal access token' },
  { id: 72, login: 'jane', type: 'SSH key' },
  { id: 73, login: 'jane', type: 'personal access token' },
  { id: 74, login: 'jane', type: 'OAuth app token' },
  { id: 81, login: 'twin', type: 'SSH key' },
]
const users: FakeUser[] = [
  { id: 'scim-1', userName: 'bystander1@example.com', externalId: 'emp-1', active: true },
  { id: 'scim-7', userName: 'jane@example.com', externalId: 'emp-7', active: true },
  { id: 'scim-8', userName: 'twin@example.com', externalId: 'emp-8', active: true },
  { id: 'scim-9', userName: 'twin.old@example.com', externalId: 'emp-9', active: true },
]

export interface GithubWorld extends KitWorld {
  github: FakeGithub
  proxy: FaultProxy
}
export type Kind = 'saml' | 'login' | 'enterprise'

/** A fake held to GitHub's own description, behind a proxy that can misbehave. */
export async function githubWorld(kind: Kind, config: object = {}): Promise<GithubWorld> {
  const tokens = { doer: 'canary-doer-5d1c77', witness: 'canary-witness-90ab12' }
  const github = await startFakeGithub({ accounts, credentials, users, tokens })
  const proxy = await startFaultProxy(github.origin)
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const isWrite = ({ method }: SeenRequest): boolean => method === 'PATCH' || method === 'DELETE'
  const isLogin = kind === 'login'
  const target =
    kind === 'enterprise'
      ? { kind, enterprise: 'example' }
      : { kind: 'organization', org: 'example-inc', correlateBy: kind }
  const isLive = (facet: Facet): boolean => {
    if (facet === 'account') return github.users.some(({ id, active }) => id === 'scim-7' && active)
    if (facet === 'membership') {
      return github.accounts.some(({ id, membership }) => id === 7 && membership !== undefined)
    }
    const type = TYPES[facet as keyof typeof TYPES]
    return github.credentials.some((one) => one.login === 'jane' && one.type === type)
  }
  return {
    github,
    proxy,
    app: {
      id: 'app',
      connectorId: 'github',
      config: { apiUrl: proxy.origin, target, ...config },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { token: tokens.doer, witnessToken: tokens.witness },
    subject: { ...person, userName: isLogin ? 'Jane' : 'Jane@example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: isLogin ? 'nobody' : 'nobody@example.com' },
    twins: {
      ...person,
      userName: isLogin ? 'twin' : 'twin@example.com',
      externalId: 'emp-9',
    },
    accountId: kind === 'enterprise' ? 'scim-7' : '7',
    strangerId: kind === 'enterprise' ? 'scim-999' : '999',
    isLive,
    bystandersHit: () =>
      github.accounts.filter(({ id, membership }) => id !== 7 && membership === undefined).length +
      github.users.filter(({ id, active }) => id !== 'scim-7' && !active).length +
      (github.credentials.some(({ id }) => id === 81) ? 0 : 1),
    // The writes are the same however people are found: once is enough.
    ...(isLogin ? {} : { wire: { seen: proxy.seen, inject: proxy.inject, isWrite } }),
    tricks: {
      lie: () =>
        proxy.inject(
          {
            kind: 'answer',
            status: kind === 'enterprise' ? 200 : 204,
            body: kind === 'enterprise' ? '{}' : '',
          },
          isWrite,
        ),
      ...(isLogin
        ? {}
        : {
            ignoreFilter: () =>
              proxy.inject({ kind: 'lie', body: () => everybody(kind, github) }, ({ path }) =>
                path.includes(kind === 'enterprise' ? 'filter=' : '/graphql'),
              ),
          }),
      ...(kind === 'enterprise'
        ? {
            repeatPages: () =>
              proxy.inject(
                { kind: 'lie', body: () => listOf(github.users.slice(0, 2), 5) },
                isList,
              ),
            hideRows: () =>
              proxy.inject(
                {
                  kind: 'lie',
                  body: ({ path }) =>
                    listOf(path.includes('startIndex=1&') ? github.users.slice(0, 2) : [], 5),
                },
                isList,
              ),
          }
        : {
            repeatPages: () =>
              proxy.inject(
                {
                  kind: 'answer',
                  status: 200,
                  headers: { link: '</orgs/example-inc/members?page=2>; rel="next"' },
                  body: JSON.stringify(github.accounts.slice(0, 2)),
                },
                isList,
              ),
          }),
    },
    cannot: {
      wire: 'the same requests as with single sign-on',
      ignoreFilter: 'a login is asked for by its path',
      hideRows: 'the listing of members carries no count',
    },
    close: async () => {
      await proxy.close()
      await github.close()
    },
  }
}

const isList = ({ method, path }: SeenRequest): boolean =>
  method === 'GET' && /\/(members|Users)\?/.test(path)

function everybody(kind: Kind, github: FakeGithub): string {
  if (kind === 'enterprise') return listOf(github.users, github.users.length)
  const nodes = github.accounts.map(({ id, login, nameId }) => ({
    samlIdentity: { nameId },
    user: { databaseId: id, login },
  }))
  return JSON.stringify(identities(nodes))
}

const listOf = (some: readonly FakeUser[], totalResults: number): string =>
  JSON.stringify({ totalResults, Resources: some })
