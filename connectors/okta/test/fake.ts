import { readFileSync } from 'node:fs'
import {
  type AskedOperation,
  type Contract,
  type ContractServer,
  type OperationAnswer,
  startContractServer,
} from '../../../test/support/contract-server.ts'

const contract = JSON.parse(
  readFileSync(new URL('contract/openapi.json', import.meta.url), 'utf8'),
) as Contract

export interface FakeUser {
  id: string
  status: string
  profile: { login: string; email: string; employeeNumber: string }
}

/** Everything that the fake organization holds. */
export interface OktaState {
  users: FakeUser[]
  /** Access tokens of open sessions → user id. */
  sessions: Map<string, string>
  consents: { id: string; userId: string; status: string }[]
  refreshTokens: { id: string; userId: string; clientId: string; status: string }[]
  apiTokens: { id: string; userId: string }[]
  groups: { id: string; type: string; members: Set<string> }[]
  apps: { id: string; users: Map<string, 'USER' | 'GROUP'> }[]
  factors: Set<string>
}

type Answer = (asked: AskedOperation) => OperationAnswer

const SUMMARIES: Record<string, string> = {
  E0000001: 'Api validation failed',
  E0000006: 'You do not have permission to perform the requested action',
  E0000007: 'Not found: Resource not found',
  E0000011: 'Invalid token provided',
  E0000038: "This operation is not allowed in the user's current status.",
}
/** @see https://developer.okta.com/docs/reference/error-codes/ */
const error = (status: number, errorCode: string): OperationAnswer => ({
  status,
  body: {
    errorCode,
    errorSummary: SUMMARIES[errorCode],
    errorLink: errorCode,
    errorId: 'oae1',
    errorCauses: [],
  },
})

/**
 * @param who tells who sends this authorization; the witness may not write
 * @param origin of the address under which callers know it
 */
export function startFakeOkta(
  state: OktaState,
  who: (authorization: string) => { isWriter: boolean; userId?: string } | undefined,
  origin: () => string,
  more: Record<string, Answer> = {},
): Promise<ContractServer> {
  const route =
    (handle: Answer, isWrite = false): Answer =>
    (asked) => {
      const caller = who(asked.headers['authorization'] ?? '')
      if (caller === undefined) return error(401, 'E0000011')
      return isWrite && !caller.isWriter ? error(403, 'E0000006') : handle(asked)
    }
  const userNamed = (name = ''): FakeUser | undefined =>
    state.users.find(({ id, profile }) => id === name || profile.login === name.toLowerCase())
  const ofUser =
    (handle: (user: FakeUser, asked: AskedOperation) => OperationAnswer): Answer =>
    (asked) => {
      const user = userNamed(asked.params['userId'])
      return user === undefined ? error(404, 'E0000007') : handle(user, asked)
    }
  /** Two to a page, whatever was asked for: servers may. */
  const paged = (path: string, all: readonly unknown[], { query }: AskedOperation) => {
    const from = Number(query.get('after') ?? 0)
    const rest = new URLSearchParams(query)
    rest.set('after', String(from + 2))
    const own = `<${origin()}${path}>; rel="self"`
    const next = `<${origin()}${path}?${rest}>; rel="next"`
    return {
      status: 200,
      body: all.slice(from, from + 2),
      headers: { link: all.length > from + 2 ? `${own}, ${next}` : own },
    }
  }
  const move = (from: readonly string[], to: string, code: string) =>
    ofUser((user) => {
      if (!from.includes(user.status)) return error(code === 'E0000001' ? 400 : 403, code)
      user.status = to
      return { status: 200, body: undefined }
    })
  const base = '/api/v1/users/{userId}'

  return startContractServer({
    contract,
    beyond: {
      'GET /api/v1/api-tokens': 'newer than the description',
      'DELETE /api/v1/api-tokens/{apiTokenId}': 'newer than the description',
      'GET /oauth2/v1/userinfo': 'what a session of the person can do, for the tests',
      'POST /oauth2/v1/token': 'the authorization server',
    },
    routes: {
      ...more,
      'GET /oauth2/v1/userinfo': ({ headers }) => {
        const userId = state.sessions.get(headers['authorization']?.slice('Bearer '.length) ?? '')
        return userId === undefined ? { status: 401 } : { status: 200, body: { sub: userId } }
      },
      'GET /api/v1/users': route((asked) => {
        const { query } = asked
        const [, attribute, value] =
          /^profile\.(\w+) eq (".*")$/.exec(query.get('search') ?? '') ?? []
        const all =
          value === undefined
            ? // "This operation omits users that have a status of DEPROVISIONED."
              state.users.filter(({ status }) => status !== 'DEPROVISIONED')
            : state.users.filter(
                ({ profile }) => profile[attribute as 'login'] === JSON.parse(value),
              )
        return paged('/api/v1/users', all, asked)
      }),
      [`GET ${base}`]: route((asked) => {
        if (asked.params['userId'] !== 'me') {
          return ofUser((user) => ({ status: 200, body: user }))(asked)
        }
        const self = userNamed(who(asked.headers['authorization'] ?? '')?.userId)
        return self === undefined ? error(404, 'E0000007') : { status: 200, body: self }
      }),
      [`POST ${base}/lifecycle/suspend`]: route(move(['ACTIVE'], 'SUSPENDED', 'E0000001'), true),
      [`POST ${base}/lifecycle/unsuspend`]: route(move(['SUSPENDED'], 'ACTIVE', 'E0000038'), true),
      [`POST ${base}/lifecycle/deactivate`]: route(
        move(
          ['ACTIVE', 'SUSPENDED', 'LOCKED_OUT', 'PASSWORD_EXPIRED', 'STAGED'],
          'DEPROVISIONED',
          'E0000038',
        ),
        true,
      ),
      [`POST ${base}/lifecycle/activate`]: route((asked) => {
        const moved = move(['STAGED', 'DEPROVISIONED'], 'PROVISIONED', 'E0000038')(asked)
        return moved.status === 200 ? { status: 200, body: {} } : moved
      }, true),
      [`POST ${base}/lifecycle/reset_factors`]: route(
        ofUser(({ id }) => {
          state.factors.delete(id)
          return { status: 200 }
        }),
        true,
      ),
      [`DELETE ${base}/sessions`]: route(
        ofUser(({ id }, { query }) => {
          if (query.get('oauthTokens') !== 'true') return { status: 204 }
          for (const [token, userId] of state.sessions) {
            if (userId === id) state.sessions.delete(token)
          }
          return { status: 204 }
        }),
        true,
      ),
      [`GET ${base}/grants`]: route(
        ofUser(({ id }, asked) =>
          paged(
            `/api/v1/users/${id}/grants`,
            state.consents.filter(({ userId }) => userId === id),
            asked,
          ),
        ),
      ),
      [`DELETE ${base}/grants`]: route(
        ofUser(({ id }) => {
          for (const one of state.consents) if (one.userId === id) one.status = 'REVOKED'
          return { status: 204 }
        }),
        true,
      ),
      [`GET ${base}/clients`]: route(
        ofUser(({ id }) => {
          const own = state.refreshTokens.filter(({ userId }) => userId === id)
          const clients = [...new Set(own.map(({ clientId }) => clientId))]
          return { status: 200, body: clients.map((client_id) => ({ client_id })) }
        }),
      ),
      [`GET ${base}/clients/{clientId}/tokens`]: route(
        ofUser(({ id }, asked) => {
          const { clientId } = asked.params
          const own = state.refreshTokens.filter(
            (one) => one.userId === id && one.clientId === clientId,
          )
          return paged(`/api/v1/users/${id}/clients/${clientId}/tokens`, own, asked)
        }),
      ),
      [`DELETE ${base}/clients/{clientId}/tokens`]: route(
        ofUser(({ id }, { params }) => {
          for (const one of state.refreshTokens) {
            if (one.userId === id && one.clientId === params['clientId']) one.status = 'REVOKED'
          }
          return { status: 204 }
        }),
        true,
      ),
      'GET /api/v1/api-tokens': route((asked) =>
        paged('/api/v1/api-tokens', state.apiTokens, asked),
      ),
      'DELETE /api/v1/api-tokens/{apiTokenId}': route(({ params }) => {
        const at = state.apiTokens.findIndex(({ id }) => id === params['apiTokenId'])
        if (at < 0) return error(404, 'E0000007')
        state.apiTokens.splice(at, 1)
        return { status: 204 }
      }, true),
      [`GET ${base}/groups`]: route(
        ofUser(({ id }) => ({
          status: 200,
          body: state.groups
            .filter(({ members }) => members.has(id))
            .map((group) => ({ id: group.id, type: group.type })),
        })),
      ),
      'DELETE /api/v1/groups/{groupId}/users/{userId}': route(
        ofUser(({ id }, { params }) => {
          const group = state.groups.find((one) => one.id === params['groupId'])
          if (group === undefined) return error(404, 'E0000007')
          if (group.type !== 'OKTA_GROUP') return error(403, 'E0000006')
          group.members.delete(id)
          return { status: 204 }
        }),
        true,
      ),
      'PUT /api/v1/groups/{groupId}/users/{userId}': route(
        ofUser(({ id }, { params }) => {
          state.groups.find((one) => one.id === params['groupId'])?.members.add(id)
          return { status: 204 }
        }),
        true,
      ),
      'GET /api/v1/apps': route((asked) => {
        const userId = /^user\.id eq "(\w+)"$/.exec(asked.query.get('filter') ?? '')?.[1] ?? ''
        const own = state.apps.flatMap(({ id, users }) => {
          const scope = users.get(userId)
          return scope === undefined ? [] : [{ id, _embedded: { user: { id: userId, scope } } }]
        })
        return paged('/api/v1/apps', own, asked)
      }),
      'DELETE /api/v1/apps/{appId}/users/{userId}': route(
        ofUser(({ id }, { params }) => {
          const app = state.apps.find((one) => one.id === params['appId'])
          return app?.users.delete(id) ? { status: 204 } : error(404, 'E0000007')
        }),
        true,
      ),
      'POST /api/v1/apps/{appId}/users': route(({ params, body }) => {
        const { id } = body as { id: string }
        state.apps.find((one) => one.id === params['appId'])?.users.set(id, 'USER')
        return { status: 200, body: { id, scope: 'USER' } }
      }, true),
    },
  })
}
