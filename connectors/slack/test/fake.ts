import {
  type AskedOperation,
  type ContractServer,
  type OperationAnswer,
  startContractServer,
} from '../../../test/support/contract-server.ts'

export interface FakeMember {
  id: string
  userName: string
  externalId: string
  email: string
  active: boolean
}

/** Everything that the fake organization holds. */
export interface SlackState {
  members: FakeMember[]
  sessions: { session_id: number; user_id: string; team_id: string; cookie: string }[]
}

type Answer = (asked: AskedOperation) => OperationAnswer
const DOCUMENTED = 'Slack publishes no description of this: it is built from the documentation'

/** @see https://docs.slack.dev/reference/scim-api/ */
const scimError = (status: number, detail: string): OperationAnswer => ({
  status,
  body: {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    detail,
    status: String(status),
  },
})

/** @param who whose token it is, and whether it may write */
export function startFakeSlack(
  state: SlackState,
  who: (authorization: string) => { userId: string; isWriter: boolean } | undefined,
): Promise<ContractServer> {
  const scim =
    (handle: Answer, isWrite = false): Answer =>
    (asked) => {
      const caller = who(asked.headers['authorization'] ?? '')
      if (caller === undefined) return scimError(401, 'invalid_authentication')
      return isWrite && !caller.isWriter ? scimError(403, 'not_allowed') : handle(asked)
    }
  const ofMember =
    (handle: (member: FakeMember, asked: AskedOperation) => OperationAnswer): Answer =>
    (asked) => {
      const member = state.members.find(({ id }) => id === asked.params['id'])
      return member === undefined ? scimError(404, 'user_not_found') : handle(member, asked)
    }
  const resource = ({ email, ...member }: FakeMember): object => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    ...member,
    emails: [{ value: email, primary: true }],
  })
  /** The Web API: always 200, with `ok`. */
  const web =
    (handle: (form: URLSearchParams, callerId: string) => object, isWrite = false): Answer =>
    ({ headers, body }) => {
      const caller = who(headers['authorization'] ?? '')
      const refused = (error: string): OperationAnswer => ({
        status: 200,
        body: { ok: false, error },
      })
      if (caller === undefined) return refused('invalid_auth')
      if (isWrite && !caller.isWriter) return refused('missing_scope')
      return { status: 200, body: handle(new URLSearchParams(String(body ?? '')), caller.userId) }
    }
  const routes: Record<string, Answer> = {
    'GET /client': ({ headers }) =>
      state.sessions.some(({ cookie }) => cookie === headers['cookie'])
        ? { status: 200, body: {} }
        : { status: 401 },
    'GET /scim/v2/Users': scim(({ query }) => {
      const [, attribute, quoted] = /^(\w+) eq (".*")$/.exec(query.get('filter') ?? '') ?? []
      const wanted = quoted === undefined ? undefined : String(JSON.parse(quoted)).toLowerCase()
      const all = state.members.filter(
        (member) => wanted === undefined || member[attribute as 'email']?.toLowerCase() === wanted,
      )
      const from = Number(query.get('startIndex') ?? 1)
      // Two to a page, whatever was asked for: servers may.
      const items = all.slice(from - 1, from + 1)
      return {
        status: 200,
        body: {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
          totalResults: all.length,
          itemsPerPage: items.length,
          startIndex: from,
          Resources: items.map(resource),
        },
      }
    }),
    'GET /scim/v2/Users/{id}': scim(
      ofMember((member) => ({ status: 200, body: resource(member) })),
    ),
    'PATCH /scim/v2/Users/{id}': scim(
      ofMember((member, { body }) => {
        const { schemas, Operations } = body as {
          schemas?: string[]
          Operations?: { op: string; path: string; value: unknown }[]
        }
        if (schemas?.[0] !== 'urn:ietf:params:scim:api:messages:2.0:PatchOp') {
          return scimError(400, 'invalid_schema')
        }
        for (const { op, path, value } of Operations ?? []) {
          if (op !== 'replace' || path !== 'active' || typeof value !== 'boolean') {
            return scimError(400, 'invalid_operation')
          }
          member.active = value
        }
        return { status: 200, body: resource(member) }
      }),
      true,
    ),
    'POST /api/auth.test': web((_, user_id) => ({ ok: true, user_id })),
    'POST /api/admin.users.session.reset': web((form) => {
      const userId = form.get('user_id')
      if (!state.members.some(({ id }) => id === userId)) {
        return { ok: false, error: 'user_not_found' }
      }
      if (userId === 'UOWNER') return { ok: false, error: 'cannot_reset_primary_owner' }
      state.sessions = state.sessions.filter(({ user_id }) => user_id !== userId)
      return { ok: true }
    }, true),
    'POST /api/admin.users.session.list': web((form) => {
      const [user, team] = [form.get('user_id'), form.get('team_id')]
      // "If you pass a user_id, you'll need to pass a team_id as well."
      if ((user === null) !== (team === null)) return { ok: false, error: 'invalid_arguments' }
      const all = state.sessions.filter(
        ({ user_id, team_id }) => user === null || (user_id === user && team_id === team),
      )
      const from = Number(form.get('cursor') ?? 0)
      const next_cursor = all.length > from + 2 ? String(from + 2) : ''
      const active_sessions = all
        .slice(from, from + 2)
        .map(({ cookie: _, ...session }) => ({ ...session, created: { os: 'Linux' } }))
      return { ok: true, active_sessions, response_metadata: { next_cursor } }
    }),
  }
  const beyond = Object.fromEntries(Object.keys(routes).map((route) => [route, DOCUMENTED]))
  return startContractServer({ contract: { paths: {} }, routes, beyond })
}
