import { readFileSync } from 'node:fs'
import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import {
  type AskedOperation,
  type Contract,
  type ContractServer,
  type OperationAnswer,
  startContractServer,
} from '../../../test/support/contract-server.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'

const contract = JSON.parse(
  readFileSync(new URL('contract/openapi.json', import.meta.url), 'utf8'),
) as Contract

export interface FakeUser {
  id: string
  userPrincipalName: string
  employeeId: string | null
  mail: string | null
  accountEnabled: boolean
  onPremisesSyncEnabled: boolean | null
}

const user = (id: string, userPrincipalName: string, more: Partial<FakeUser> = {}): FakeUser => ({
  id,
  userPrincipalName,
  employeeId: `emp-${id}`,
  mail: null,
  accountEnabled: true,
  onPremisesSyncEnabled: null,
  ...more,
})

export interface EntraWorld extends KitWorld {
  users: FakeUser[]
  proxy: FaultProxy
}

const SECRETS: Record<string, string> = { hub: 'canary-doer-5d1c77', eye: 'canary-witness-90ab12' }

/** Microsoft Graph held to Microsoft's own description, behind a proxy that can misbehave. */
export async function entraWorld(config: object = {}): Promise<EntraWorld> {
  const users = [
    user('1', 'bystander1@example.com'),
    user('2', "o'hara@example.com"),
    user('7', 'jane@example.com'),
    user('8', 'twin@example.com'),
    user('9', 'twin.old@example.com', { onPremisesSyncEnabled: true }),
  ]
  const sessions = new Set(users.map(({ id }) => id))
  let origin = ''
  const server = await startGraph(users, sessions, () => origin)
  const proxy = await startFaultProxy(server.origin)
  origin = proxy.origin
  const person = { sourceId: 's', userId: 'u', emails: [] }
  // Getting a token is no change.
  const isWrite = ({ method, path }: SeenRequest): boolean =>
    method !== 'GET' && !path.startsWith('/tenant-1/')
  const isList = ({ path }: SeenRequest): boolean => path.startsWith('/users?')
  return {
    users,
    proxy,
    app: {
      id: 'app',
      connectorId: 'entra',
      config: {
        tenantId: 'tenant-1',
        clientId: 'hub',
        witnessClientId: 'eye',
        correlateBy: ['userName', 'externalId'],
        graphUrl: origin,
        loginUrl: origin,
        settleSeconds: 0,
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { clientSecret: SECRETS['hub'] ?? '', witnessClientSecret: SECRETS['eye'] ?? '' },
    subject: { ...person, userName: 'Jane@example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-9' },
    accountId: '7',
    strangerId: '999',
    isLive: (facet) =>
      facet === 'session'
        ? sessions.has('7')
        : users.some(({ id, accountEnabled }) => id === '7' && accountEnabled),
    bystandersHit: () =>
      users.filter(({ id, accountEnabled }) => id !== '7' && (!accountEnabled || !sessions.has(id)))
        .length,
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () => proxy.inject({ kind: 'answer', status: 204 }, isWrite),
      ignoreFilter: () =>
        proxy.inject({ kind: 'lie', body: () => JSON.stringify({ value: users }) }, isList),
      repeatPages: () => {
        const next = `${origin}/users?$skiptoken=same`
        const body = JSON.stringify({ value: users.slice(0, 2), '@odata.nextLink': next })
        proxy.inject({ kind: 'lie', body: () => body }, isList)
      },
    },
    cannot: { hideRows: 'the listing carries no count' },
    close: async () => {
      await proxy.close()
      await server.close()
    },
  }
}

function startGraph(
  users: FakeUser[],
  sessions: Set<string>,
  origin: () => string,
): Promise<ContractServer> {
  const error = (status: number, code: string): OperationAnswer => ({
    status,
    body: { error: { code, message: 'refused' } },
  })
  const route =
    (handle: (asked: AskedOperation) => OperationAnswer, isWrite = false) =>
    (asked: AskedOperation): OperationAnswer => {
      const client = /^Bearer access-token-of-(\w+)$/.exec(
        asked.headers['authorization'] ?? '',
      )?.[1]
      if (client === undefined) return error(401, 'InvalidAuthenticationToken')
      if (isWrite && client !== 'hub') return error(403, 'Authorization_RequestDenied')
      return handle(asked)
    }
  const ofUser = (handle: (user: FakeUser, asked: AskedOperation) => OperationAnswer) =>
    ((asked) => {
      const found = users.find(({ id }) => id === asked.params['user-id'])
      return found === undefined ? error(404, 'Request_ResourceNotFound') : handle(found, asked)
    }) satisfies (asked: AskedOperation) => OperationAnswer

  return startContractServer({
    contract,
    beyond: {
      'POST /{tenant}/oauth2/v2.0/token': 'OAuth, not Graph',
      'GET /users/next': 'an opaque address of a next page',
    },
    routes: {
      'POST /{tenant}/oauth2/v2.0/token': ({ body }) => {
        const form = new URLSearchParams(String(body))
        const client = form.get('client_id') ?? ''
        const isKnown =
          SECRETS[client] !== undefined && form.get('client_secret') === SECRETS[client]
        if (!isKnown || form.get('scope') !== `${origin()}/.default`) {
          return { status: 401, body: { error: 'invalid_client' } }
        }
        return {
          status: 200,
          body: {
            access_token: `access-token-of-${client}`,
            expires_in: 3599,
            token_type: 'Bearer',
          },
        }
      },
      'GET /users/next': route(({ query }) => pageOf(users, Number(query.get('from')), origin())),
      'GET /users': route(({ query }) => {
        const [, property, value = ''] =
          /^(userPrincipalName|employeeId|mail) eq '(.*)'$/.exec(query.get('$filter') ?? '') ?? []
        if (property === undefined) return pageOf(users, 0, origin())
        const wanted = value.replaceAll("''", "'").toLowerCase()
        const found = users.filter(
          (one) => String(one[property as keyof FakeUser]).toLowerCase() === wanted,
        )
        return { status: 200, body: { value: found } }
      }),
      'GET /users/{user-id}': route(ofUser((found) => ({ status: 200, body: found }))),
      'PATCH /users/{user-id}': route(
        ofUser((found, { body }) => {
          Object.assign(found, body)
          return { status: 204 }
        }),
        true,
      ),
      'POST /users/{user-id}/microsoft.graph.revokeSignInSessions': route(
        ofUser(({ id }) => {
          sessions.delete(id)
          return { status: 200, body: { value: true } }
        }),
        true,
      ),
    },
  })
}

/** Two to a page, whatever was asked for: servers may. */
function pageOf(users: readonly FakeUser[], from: number, origin: string): OperationAnswer {
  const isMore = users.length > from + 2
  return {
    status: 200,
    body: {
      value: users.slice(from, from + 2),
      ...(isMore ? { '@odata.nextLink': `${origin}/users/next?from=${from + 2}` } : {}),
    },
  }
}
