import {
  type AskedOperation,
  type ContractServer,
  type OperationAnswer,
  startContractServer,
} from '../../../test/support/contract-server.ts'

export interface FakeUser {
  id: number
  username: string
  email: string
  state: string
  identities: { provider: string; extern_uid: string }[]
}

/** Everything that the fake GitLab holds. */
export interface GitlabState {
  users: FakeUser[]
  tokens: { id: number; user_id: number; secret: string }[]
  impersonations: { id: number; user_id: number }[]
  keys: { id: number; user_id: number }[]
  gpgKeys: { id: number; user_id: number }[]
  members: {
    kind: 'group' | 'project'
    place: number
    user: number
    access_level: number
    expires_at: string | null
  }[]
  personalProjects: number[]
}

type Answer = (asked: AskedOperation) => OperationAnswer
const DOCUMENTED = 'GitLab’s own description of these is not complete: built from the documentation'

const refused = (status: number, text: string): OperationAnswer => ({
  status,
  body: { message: `${status} ${text}` },
})

/** @param who whose token it is: a witness may only read, a member is no administrator */
export function startFakeGitlab(
  state: GitlabState,
  who: (token: string) => 'admin' | 'reader' | undefined,
  origin: () => string,
): Promise<ContractServer> {
  const route =
    (handle: Answer, isWrite = false): Answer =>
    (asked) => {
      const caller = who(asked.headers['private-token'] ?? '')
      if (caller === undefined) return refused(401, 'Unauthorized')
      return isWrite && caller === 'reader' ? refused(403, 'Forbidden') : handle(asked)
    }
  const ofUser =
    (handle: (user: FakeUser, asked: AskedOperation) => OperationAnswer): Answer =>
    (asked) => {
      const user = state.users.find(({ id }) => String(id) === asked.params['id'])
      return user === undefined ? refused(404, 'User Not Found') : handle(user, asked)
    }
  /** Two to a page, whatever was asked for: servers may. */
  const paged = (path: string, all: readonly unknown[], { query }: AskedOperation) => {
    const from = Number(query.get('page') ?? 1)
    const rest = new URLSearchParams(query)
    rest.set('page', String(from + 1))
    const next = `<${origin()}/api/v4${path}?${rest}>; rel="next"`
    return {
      status: 200,
      body: all.slice((from - 1) * 2, from * 2),
      headers: all.length > from * 2 ? { link: next } : {},
    }
  }
  const move = (from: readonly string[], to: string) =>
    ofUser((user) => {
      if (user.state === 'ldap_blocked') {
        return refused(403, 'Forbidden - LDAP blocked users cannot be modified by the API')
      }
      // GitLab answers an empty 201 when there is nothing to do.
      if (!from.includes(user.state)) return { status: 201 }
      user.state = to
      return { status: 201, body: true }
    })
  const owned = (path: string, items: () => { id: number; user_id: number }[]) => ({
    [`GET /api/v4/users/{id}/${path}`]: route(
      ofUser(({ id }, asked) => {
        const own = items().filter(({ user_id }) => user_id === id)
        return paged(
          `/users/${id}/${path}`,
          own.map((one) => ({ id: one.id })),
          asked,
        )
      }),
    ),
    [`DELETE /api/v4/users/{id}/${path}/{item}`]: route(
      ofUser(({ id }, { params }) => remove(items(), (one) => one.user_id === id, params['item'])),
      true,
    ),
  })
  const memberOf = (kind: string, { params }: AskedOperation) =>
    state.members.find(
      (one) =>
        one.kind === kind &&
        String(one.place) === params['place'] &&
        String(one.user) === params['user'],
    )
  const shown = (one: GitlabState['members'][number]): object => {
    const {
      username = '',
      state: account,
      identities,
      email,
    } = state.users.find(({ id }) => id === one.user) ?? ({} as Partial<FakeUser>)
    const group_saml_identity = identities?.[0]
    const { access_level, expires_at } = one
    return {
      id: one.user,
      username,
      email,
      state: account,
      access_level,
      expires_at,
      group_saml_identity,
    }
  }
  const places = (kind: 'group' | 'project'): Record<string, Answer> => {
    const base = `/api/v4/${kind}s/{place}/members`
    const look: Answer = (asked) => {
      const member = memberOf(kind, asked)
      return member === undefined ? refused(404, 'Not found') : { status: 200, body: shown(member) }
    }
    return {
      [`GET ${base}/all/{user}`]: route(look),
      [`GET ${base}/{user}`]: route(look),
      [`GET ${base}`]: route((asked) => {
        const { place } = asked.params
        const all = state.members.filter((one) => one.kind === kind && String(one.place) === place)
        return paged(`/${kind}s/${place}/members`, all.map(shown), asked)
      }),
      [`DELETE ${base}/{user}`]: route((asked) => {
        const member = memberOf(kind, asked)
        if (member === undefined) return refused(404, 'Not found')
        if (kind === 'project' && state.personalProjects.includes(member.place)) {
          return refused(403, 'Forbidden')
        }
        state.members.splice(state.members.indexOf(member), 1)
        return { status: 204 }
      }, true),
      [`POST ${base}`]: route(({ params, body }) => {
        const {
          user_id,
          access_level,
          expires_at = null,
        } = body as {
          user_id: number
          access_level: number
          expires_at?: string
        }
        const place = Number(params['place'])
        state.members.push({ kind, place, user: user_id, access_level, expires_at })
        return { status: 201, body: { id: user_id } }
      }, true),
    }
  }
  const routes: Record<string, Answer> = {
    // What a token of the person can do, for the tests, and what the hub asks about itself.
    'GET /api/v4/user': ({ headers }) => {
      const secret = headers['private-token'] ?? ''
      if (who(secret) !== undefined) return { status: 200, body: { id: 1 } }
      const token = state.tokens.find((one) => one.secret === secret)
      const owner = state.users.find(({ id }) => id === token?.user_id)
      if (owner === undefined) return refused(401, 'Unauthorized')
      return owner.state === 'active'
        ? { status: 200, body: { id: owner.id } }
        : refused(403, 'Forbidden - Your account has been blocked.')
    },
    'GET /api/v4/users': route((asked) => {
      const { query } = asked
      const [search, username, uid] = ['search', 'username', 'extern_uid'].map((name) =>
        query.get(name)?.toLowerCase(),
      )
      const all = state.users.filter(
        (user) =>
          (search === undefined || user.email === search) &&
          (username === undefined || user.username === username) &&
          (uid === undefined ||
            user.identities.some(
              (one) => one.extern_uid === uid && one.provider === query.get('provider'),
            )),
      )
      return paged(
        '/users',
        all.map((user) => ({ ...user, is_admin: false })),
        asked,
      )
    }),
    'GET /api/v4/users/{id}': route(ofUser((user) => ({ status: 200, body: user }))),
    'POST /api/v4/users/{id}/block': route(move(['active', 'deactivated'], 'blocked'), true),
    'POST /api/v4/users/{id}/unblock': route(move(['blocked'], 'active'), true),
    'POST /api/v4/users/{id}/ban': route(move(['active'], 'banned'), true),
    'POST /api/v4/users/{id}/unban': route(move(['banned'], 'active'), true),
    'GET /api/v4/personal_access_tokens': route((asked) => {
      const own = state.tokens.filter(
        ({ user_id }) => String(user_id) === asked.query.get('user_id'),
      )
      const items = own.map(({ id, user_id }) => ({ id, user_id, active: true }))
      return paged('/personal_access_tokens', items, asked)
    }),
    'DELETE /api/v4/personal_access_tokens/{item}': route(
      ({ params }) => remove(state.tokens, () => true, params['item']),
      true,
    ),
    ...owned('impersonation_tokens', () => state.impersonations),
    ...owned('keys', () => state.keys),
    ...owned('gpg_keys', () => state.gpgKeys),
    'GET /api/v4/users/{id}/memberships': route(
      ofUser(({ id }, asked) => {
        const own = state.members.filter(({ user }) => user === id)
        const items = own.map(({ kind, place, access_level }) => ({
          source_id: place,
          source_name: 'x',
          source_type: kind === 'group' ? 'Namespace' : 'Project',
          access_level,
        }))
        return paged(`/users/${id}/memberships`, items, asked)
      }),
    ),
    'GET /api/v4/projects/{place}': route(({ params }) => {
      const isPersonal = state.personalProjects.includes(Number(params['place']))
      return { status: 200, body: { namespace: { kind: isPersonal ? 'user' : 'group' } } }
    }),
    'GET /api/v4/groups/{place}': route(({ params }) =>
      params['place'] === '10'
        ? { status: 200, body: { id: 10 } }
        : refused(404, 'Group Not Found'),
    ),
    ...places('group'),
    ...places('project'),
  }
  const beyond = Object.fromEntries(Object.keys(routes).map((name) => [name, DOCUMENTED]))
  return startContractServer({ contract: { paths: {} }, routes, beyond })
}

function remove<T extends { id: number }>(
  items: T[],
  isTheirs: (item: T) => boolean,
  id: string | undefined,
): OperationAnswer {
  const at = items.findIndex((one) => String(one.id) === id && isTheirs(one))
  if (at < 0) return refused(404, 'Not found')
  items.splice(at, 1)
  return { status: 204 }
}
