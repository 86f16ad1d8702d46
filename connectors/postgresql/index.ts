import {
  type Ack,
  ConnectorError,
  check,
  defineConnector,
  type FacetSpec,
  foldLogin,
  type Handle,
  isLostAnswer,
  loginNames,
  type Match,
  matchLogin,
  nothingToPutBack,
  preview,
} from '#connector-sdk'
import { type PostgresqlConfig, postgresqlConfig } from './config.ts'
import {
  lookOf,
  type Membership,
  observed,
  quoted,
  type Role,
  roleByOid,
  rolesAfter,
  rolesNamed,
} from './roles.ts'
import { type Call, type Session, withSession } from './session.ts'

const facts: Omit<FacetSpec, 'facet' | 'reversible'> = {
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
}

/** A PostgreSQL server: login, open sessions, memberships. Each role's identifier here is its oid. */
export default defineConnector<PostgresqlConfig>({
  manifest: {
    id: 'postgresql',
    version: '1.0.0',
    title: 'PostgreSQL',
    configSchema: postgresqlConfig,
    secrets: {
      password: { title: 'Password of the role that may change roles', required: true },
      witnessPassword: { title: 'Password of the role that may only look', required: false },
    },
    facets: [
      // First the login: sessions ended before it come back at once.
      { ...facts, facet: 'account', reversible: true, before: ['session', 'membership'] },
      { ...facts, facet: 'session', reversible: false, before: ['membership'] },
      { ...facts, facet: 'membership', reversible: true, undoNeeds: 'facts' },
    ],
    limits: { concurrency: 2, timeoutMs: 20_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  test: async (call) => {
    const may = (name: string, sql: string, missing: string) =>
      check(name, () =>
        withSession(call, 'look at the hub’s own rights', async ({ read }) => {
          const [row] = await read(`select ${sql} as may`)
          if (row?.['may'] === true) return 'granted; not tried: a test writes nothing'
          throw new ConnectorError('forbidden', missing)
        }),
      )
    return [
      await check('account.list', () =>
        withSession(call, 'list the roles', async (session) => {
          const roles = await rolesAfter(session, '0', 1)
          return `read ${roles.length} role(s) of PostgreSQL ${Math.floor(session.version / 10_000)}`
        }),
      ),
      await may(
        'account.revoke',
        '(select rolsuper or rolcreaterole from pg_roles where rolname = current_user)',
        'the role needs CREATEROLE, and since PostgreSQL 16 ADMIN OPTION on each role',
      ),
      await may(
        'session.revoke',
        "pg_has_role(current_user, 'pg_signal_backend', 'usage')",
        'the role needs pg_signal_backend',
      ),
      await may(
        'membership.revoke',
        '(select rolsuper or rolcreaterole from pg_roles where rolname = current_user)',
        'the role needs ADMIN OPTION on the groups',
      ),
    ]
  },

  correlate: async (subject, call) => {
    const names = loginNames(subject, call.config)
    // "Not found" is said only after a look.
    if (names.length === 0) throw new ConnectorError('invalid', 'the person has none of the keys')
    const roles = await withSession(call, 'look for the role', (session) =>
      rolesNamed(session, names),
    )
    return roles.flatMap((role): Match[] => {
      const hit = matchLogin(subject, role.name, call.config)
      if (hit === undefined) return []
      const handle: Handle = { facet: 'account', id: role.oid }
      return [{ handle, ...hit, ...protection(role, call), evidence: lookOf(call, role) }]
    })
  },

  list: async (facet, of, cursor, call) => {
    const { pageSize } = call.config
    const roles = await withSession(call, 'list the roles', (session) =>
      of === 'everyone'
        ? rolesAfter(session, cursor ?? '0', pageSize)
        : rolesNamed(session, loginNames(of, call.config)),
    )
    const theirs =
      of === 'everyone' ? roles : roles.filter(({ name }) => matchLogin(of, name, call.config))
    const last = of === 'everyone' && roles.length === pageSize ? roles.at(-1) : undefined
    return {
      items: theirs.map((role) => observed(call, { facet, id: role.oid }, role)),
      ...(last === undefined ? {} : { next: last.oid }),
      complete: true,
    }
  },

  observe: (handle, call) =>
    withSession(call, 'read the role', async (session) =>
      observed(call, handle, await roleByOid(session, handle.id)),
    ),

  revoke: (handle, call) => {
    switch (handle.facet) {
      case 'account':
        return setLogin(handle, false, call)
      case 'session':
        return endSessions(handle, call)
      case 'membership':
        return revokeMemberships(handle, call)
      default:
        throw new ConnectorError('unsupported', `PostgreSQL knows no ${handle.facet}`)
    }
  },

  restore: async (handle, undo, call) => {
    const couldLogin = isLostAnswer(undo) || undo['canLogin'] === true
    if (handle.facet === 'account' && couldLogin) return setLogin(handle, true, call)
    const { memberships } = undo as { memberships?: readonly Membership[] }
    if (handle.facet === 'membership' && memberships !== undefined) {
      return grantMemberships(handle, memberships, call)
    }
    throw nothingToPutBack()
  },
})

function protection(role: Role, { config }: Call): Pick<Match, 'protectedBecause'> {
  const { user, witnessUser, protectedLogins } = config
  if (role.isBuiltIn) return { protectedBecause: 'a role of the server itself' }
  if (role.isHub || role.name === user || role.name === witnessUser) {
    return { protectedBecause: 'the hub’s own role' }
  }
  const isListed = protectedLogins.some((one) => foldLogin(one) === foldLogin(role.name))
  return isListed ? { protectedBecause: 'listed as protected' } : {}
}

/** @throws ConnectorError gone */
async function required(session: Session, { id }: Handle, call: Call): Promise<Role> {
  const role = await roleByOid(session, id)
  if (role !== undefined) return role
  throw new ConnectorError('gone', 'the server knows no such role', {
    evidence: lookOf(call, undefined),
  })
}

function setLogin(handle: Handle, canLogin: boolean, call: Call): Promise<Ack> {
  const what = canLogin ? 'allow the login' : 'forbid the login'
  return withSession(call, what, async (session) => {
    const role = await required(session, handle, call)
    if (role.canLogin === canLogin) return { kind: 'already', evidence: lookOf(call, role) }
    return inTransaction(session, call, handle, role, {
      statements: [`alter role ${quoted(role.name)} ${canLogin ? 'login' : 'nologin'}`],
      undo: canLogin ? undefined : { canLogin: true },
    })
  })
}

/** Looks again until nothing is left: what was about to log in when the login was forbidden may come late. */
function endSessions(handle: Handle, call: Call): Promise<Ack> {
  return withSession(call, 'end the sessions', async (session) => {
    const role = await required(session, handle, call)
    if (role.sessions.length === 0) return { kind: 'already', evidence: lookOf(call, role) }
    const sql =
      'select pid, pg_terminate_backend(pid, 1000) as ended from pg_stat_activity where usesysid = $1::oid and pid <> pg_backend_pid()'
    const target = 'pg_terminate_backend of all pids of the role'
    if (call.dryRun)
      return preview(call, { method: 'SELECT', target, body: JSON.stringify(role.sessions) })
    const ended: unknown[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const rows = await session.write(sql, [handle.id])
      if (rows.length === 0) break
      ended.push(...rows)
    }
    const body = JSON.stringify({ role: role.name, ended })
    return { kind: 'done', evidence: { method: 'SELECT', target, at: call.now(), body } }
  })
}

/** Each round waits up to a second for each backend. What is left after that, the read-back shows. */
const ROUNDS = 5

function revokeMemberships(handle: Handle, call: Call): Promise<Ack> {
  return withSession(call, 'revoke the memberships', async (session) => {
    const role = await required(session, handle, call)
    const { memberships } = role
    if (memberships.length === 0) return { kind: 'already', evidence: lookOf(call, role) }
    const statements = memberships.map(
      (membership) =>
        `revoke ${quoted(membership.role)} from ${quoted(role.name)}${grantor(session, membership)}`,
    )
    return inTransaction(session, call, handle, role, { statements, undo: { memberships } })
  })
}

function grantMemberships(
  handle: Handle,
  memberships: readonly Membership[],
  call: Call,
): Promise<Ack> {
  return withSession(call, 'grant the memberships again', async (session) => {
    const role = await required(session, handle, call)
    const statements = memberships.map((membership) => {
      const { admin_option: admin, inherit_option: inherit, set_option: set } = membership
      const options =
        session.version >= GRANTORS
          ? ` with admin ${admin}, inherit ${inherit ?? true}, set ${set ?? true}`
          : admin
            ? ' with admin option'
            : ''
      return `grant ${quoted(membership.role)} to ${quoted(role.name)}${options}${grantor(session, membership)}`
    })
    return inTransaction(session, call, handle, role, { statements, undo: undefined })
  })
}

/** Since this version each grantor's grant is a row of its own, and is revoked by name. */
const GRANTORS = 160_000

function grantor({ version }: Session, { grantedBy }: Membership): string {
  return version >= GRANTORS && grantedBy !== null ? ` granted by ${quoted(grantedBy)}` : ''
}

/** All statements or none, and only if the name still belongs to the oid at the end: a rename could slip in between. */
async function inTransaction(
  session: Session,
  call: Call,
  { id }: Handle,
  role: Role,
  { statements, undo }: { statements: readonly string[]; undo: Ack['undo'] },
): Promise<Ack> {
  const body = statements.join(';\n')
  const target = 'role catalogue'
  if (call.dryRun) return preview(call, { method: 'SQL', target, body })
  await session.write('begin')
  for (const statement of statements) await session.write(statement)
  const [same] = await session.read('select 1 from pg_roles where oid = $1::oid and rolname = $2', [
    id,
    role.name,
  ])
  if (same === undefined) {
    await session.write('rollback')
    throw new ConnectorError('conflict', 'the role was renamed in between')
  }
  await session.write('commit')
  return {
    kind: 'done',
    evidence: { method: 'SQL', target, at: call.now(), body },
    ...(undo === undefined ? {} : { undo }),
  }
}
