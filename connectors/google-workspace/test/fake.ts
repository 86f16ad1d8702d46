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
  primaryEmail: string
  suspended: boolean
  externalIds: { value: string; type: string }[]
  aliases: string[]
}

/** Everything that the fake account holds. */
export interface GoogleState {
  users: FakeUser[]
  /** Cookies of open sessions → user id. */
  sessions: Map<string, string>
  tokens: { userId: string; clientId: string }[]
  asps: { userId: string; codeId: number }[]
  /** User id → backup codes. */
  codes: Map<string, string[]>
  groups: { id: string; members: Map<string, string> }[]
  roles: { roleAssignmentId: string; roleId: string; assignedTo: string }[]
}

type Answer = (asked: AskedOperation) => OperationAnswer

/** @see https://developers.google.com/workspace/admin/directory/v1/guides/troubleshoot-error-codes */
export const error = (status: number, reason: string, message = reason): OperationAnswer => ({
  status,
  body: { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } },
})

/**
 * @param who tells whose access token this is; scopes are checked as Google does
 */
export function startFakeGoogle(
  state: GoogleState,
  who: (authorization: string) => readonly string[] | undefined,
  more: Record<string, Answer>,
): Promise<ContractServer> {
  /** One of the scopes is enough. */
  const route =
    (scopes: readonly string[], handle: Answer): Answer =>
    (asked) => {
      const granted = who(asked.headers['authorization'] ?? '')
      if (granted === undefined) return error(401, 'authError', 'Invalid Credentials')
      const isAllowed = scopes.some((scope) =>
        granted.includes(`https://www.googleapis.com/auth/admin.directory.${scope}`),
      )
      return isAllowed ? handle(asked) : error(403, 'forbidden', 'Not Authorized to access this')
    }
  const ofUser =
    (handle: (user: FakeUser, asked: AskedOperation) => OperationAnswer, from: 'path' | 'query') =>
    (asked: AskedOperation): OperationAnswer => {
      const key = from === 'path' ? asked.params['userKey'] : asked.query.get('userKey')
      const user = state.users.find(({ id, primaryEmail }) => id === key || primaryEmail === key)
      const message = 'Resource Not Found: userKey'
      return user === undefined ? error(404, 'notFound', message) : handle(user, asked)
    }
  const own = (handle: (user: FakeUser, asked: AskedOperation) => OperationAnswer): Answer =>
    ofUser(handle, 'path')
  const kind = (name: string): string => `admin#directory#${name}`
  const listOf = (name: string, field: string, items: readonly object[]): OperationAnswer => ({
    status: 200,
    // Google leaves out what is empty.
    body: { kind: kind(name), ...(items.length === 0 ? {} : { [field]: items }) },
  })
  const D = '/admin/directory/v1'
  const U = `${D}/users/{userKey}`
  const R = `${D}/customer/{customer}/roleassignments`
  const users = ['user', 'user.readonly']
  const security = ['user.security']

  return startContractServer({
    contract,
    beyond: {
      'POST /token': 'OAuth, not the Admin SDK',
      'GET /mail': 'what a session of the person can do, for the tests',
    },
    routes: {
      ...more,
      'GET /mail': ({ headers }) => {
        const userId = state.sessions.get(headers['cookie'] ?? '')
        return userId === undefined ? { status: 401 } : { status: 200, body: { userId } }
      },
      [`GET ${D}/users`]: route(users, ({ query }) => {
        const [, field, quoted] = /^(email|externalId)='(.*)'$/.exec(query.get('query') ?? '') ?? []
        const value = quoted?.replaceAll(/\\(.)/g, '$1')
        const all = state.users.filter(
          (user) =>
            value === undefined ||
            (field === 'email'
              ? [user.primaryEmail, ...user.aliases].includes(value.toLowerCase())
              : user.externalIds.some((one) => one.value === value)),
        )
        const from = Number(query.get('pageToken') ?? 0)
        const answer = listOf('users', 'users', all.slice(from, from + 2))
        if (all.length <= from + 2) return answer
        return { ...answer, body: { ...(answer.body as object), nextPageToken: String(from + 2) } }
      }),
      [`GET ${U}`]: route(
        users,
        own((user) => ({ status: 200, body: user })),
      ),
      [`PATCH ${U}`]: route(
        ['user'],
        own((user, { body }) => {
          Object.assign(user, body)
          return { status: 200, body: user }
        }),
      ),
      [`POST ${U}/signOut`]: route(
        security,
        own(({ id }) => {
          for (const [cookie, userId] of state.sessions) {
            if (userId === id) state.sessions.delete(cookie)
          }
          return { status: 200 }
        }),
      ),
      [`GET ${U}/tokens`]: route(
        security,
        own(({ id }) =>
          listOf(
            'tokenList',
            'items',
            state.tokens
              .filter(({ userId }) => userId === id)
              .map(({ clientId }) => ({ clientId })),
          ),
        ),
      ),
      [`DELETE ${U}/tokens/{clientId}`]: route(
        security,
        own(({ id }, { params }) => {
          const at = state.tokens.findIndex(
            (one) => one.userId === id && one.clientId === params['clientId'],
          )
          if (at < 0) return error(404, 'notFound')
          state.tokens.splice(at, 1)
          return { status: 200 }
        }),
      ),
      [`GET ${U}/asps`]: route(
        security,
        own(({ id }) =>
          listOf(
            'aspList',
            'items',
            state.asps.filter(({ userId }) => userId === id).map(({ codeId }) => ({ codeId })),
          ),
        ),
      ),
      [`DELETE ${U}/asps/{codeId}`]: route(
        security,
        own(({ id }, { params }) => {
          const at = state.asps.findIndex(
            (one) => one.userId === id && String(one.codeId) === params['codeId'],
          )
          if (at < 0) return error(404, 'notFound')
          state.asps.splice(at, 1)
          return { status: 200 }
        }),
      ),
      [`GET ${U}/verificationCodes`]: route(
        security,
        own(({ id }, { query }) =>
          listOf(
            'verificationCodesList',
            'items',
            (state.codes.get(id) ?? []).map((verificationCode) =>
              query.get('fields')?.includes('items(userId)')
                ? { userId: id }
                : { userId: id, verificationCode },
            ),
          ),
        ),
      ),
      [`POST ${U}/verificationCodes/invalidate`]: route(
        security,
        own(({ id }) => {
          state.codes.delete(id)
          return { status: 200 }
        }),
      ),
      [`GET ${D}/groups`]: route(
        ['group', 'group.readonly'],
        ofUser(
          ({ id }) =>
            listOf(
              'groups',
              'groups',
              state.groups.filter(({ members }) => members.has(id)).map((one) => ({ id: one.id })),
            ),
          'query',
        ),
      ),
      [`GET ${D}/groups/{groupKey}/members/{memberKey}`]: route(
        ['group.member', 'group.member.readonly'],
        ({ params }) => {
          const { groupKey, memberKey = '' } = params
          const role = state.groups.find(({ id }) => id === groupKey)?.members.get(memberKey)
          return role === undefined ? error(404, 'notFound') : { status: 200, body: { role } }
        },
      ),
      [`DELETE ${D}/groups/{groupKey}/members/{memberKey}`]: route(
        ['group.member'],
        ({ params }) => {
          const { groupKey, memberKey = '' } = params
          const isGone = state.groups.find(({ id }) => id === groupKey)?.members.delete(memberKey)
          return isGone ? { status: 200 } : error(404, 'notFound')
        },
      ),
      [`POST ${D}/groups/{groupKey}/members`]: route(['group.member'], ({ params, body }) => {
        const { id, role = 'MEMBER' } = body as { id: string; role?: string }
        const members = state.groups.find((one) => one.id === params['groupKey'])?.members
        if (members?.has(id)) return error(409, 'duplicate', 'Member already exists.')
        members?.set(id, role)
        return { status: 200, body: { id, role } }
      }),
      [`GET ${R}`]: route(['rolemanagement', 'rolemanagement.readonly'], ({ query }) => {
        const key = query.get('userKey')
        const all = state.roles.filter(({ assignedTo }) => key === null || assignedTo === key)
        return listOf('roleAssignments', 'items', all)
      }),
      [`DELETE ${R}/{roleAssignmentId}`]: route(['rolemanagement'], ({ params }) => {
        const id = params['roleAssignmentId']
        const at = state.roles.findIndex(({ roleAssignmentId }) => roleAssignmentId === id)
        if (at < 0) return error(404, 'notFound')
        state.roles.splice(at, 1)
        return { status: 200 }
      }),
      [`POST ${R}`]: route(['rolemanagement'], ({ body }) => {
        const { roleId, assignedTo } = body as { roleId: string; assignedTo: string }
        const role = { roleAssignmentId: `a${state.roles.length + 9}`, roleId, assignedTo }
        state.roles.push(role)
        return { status: 200, body: role }
      }),
    },
  })
}
