import {
  ConnectorError,
  type Evidence,
  type Facet,
  type Handle,
  type Observation,
} from '#connector-sdk'
import type { Call, Session } from './session.ts'

/** A membership as `pg_auth_members` keeps it; the last two options since PostgreSQL 16. */
export interface Membership {
  role: string
  grantedBy: string | null
  admin_option: boolean
  inherit_option?: boolean
  set_option?: boolean
}

/** A role with all that is looked at. */
export interface Role {
  /** Stable: a role may be renamed. */
  oid: string
  name: string
  canLogin: boolean
  /** Made by initdb, or named `pg_…`. */
  isBuiltIn: boolean
  isHub: boolean
  sessions: readonly { pid: number }[]
  memberships: readonly Membership[]
  /** Database → number of objects that the role owns there; they stay. */
  owned: Readonly<Record<string, number>>
  /** Prepared transactions, which nothing ends but their commit or rollback. */
  prepared: number
}

/** The catalogue tables behind a Role, for evidence. */
const TABLES = 'pg_roles, pg_stat_activity, pg_auth_members, pg_shdepend, pg_prepared_xacts'

const ROLE = `
select r.oid::text as oid, r.rolname as name, r.rolcanlogin as "canLogin",
  (r.oid < 16384 or r.rolname like 'pg\\_%') as "isBuiltIn",
  (r.rolname in (current_user, session_user)) as "isHub",
  (select coalesce(json_agg(json_build_object('pid', a.pid, 'database', a.datname, 'since', a.backend_start)), '[]')
     from pg_stat_activity a where a.usesysid = r.oid and a.pid <> pg_backend_pid()) as sessions,
  (select coalesce(json_agg(to_jsonb(m) || jsonb_build_object('role', g.rolname, 'grantedBy', b.rolname)), '[]')
     from pg_auth_members m join pg_roles g on g.oid = m.roleid left join pg_roles b on b.oid = m.grantor
     where m.member = r.oid) as memberships,
  (select coalesce(json_object_agg(o.name, o.n), '{}') from (
     select coalesce(d.datname, '(all)') as name, count(*)::int as n
       from pg_shdepend s left join pg_database d on d.oid = s.dbid
       where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid and s.deptype = 'o' group by 1) o) as owned,
  (select count(*)::int from pg_prepared_xacts p where p.owner = r.rolname) as prepared
from pg_roles r`

/** @param names folded @returns every role with one of these names, in any case */
export async function rolesNamed(session: Session, names: readonly string[]): Promise<Role[]> {
  return (await session.read(`${ROLE} where lower(r.rolname) = any($1)`, [
    names,
  ])) as unknown as Role[]
}

/** @returns undefined when no role has this oid, or it is none */
export async function roleByOid(session: Session, oid: string): Promise<Role | undefined> {
  if (!/^[1-9][0-9]{0,9}$/.test(oid)) return undefined
  const [role] = await session.read(`${ROLE} where r.oid::bigint = $1::bigint`, [oid])
  return role as Role | undefined
}

/** The roles behind `after`, in the order of their oids; built-in ones are nobody's. */
export async function rolesAfter(session: Session, after: string, limit: number): Promise<Role[]> {
  return (await session.read(
    `${ROLE} where r.oid::bigint > $1::bigint and r.oid >= 16384 order by r.oid limit $2`,
    [after, limit],
  )) as unknown as Role[]
}

/** @throws ConnectorError unsupported for other facets */
export function stateOf(role: Role, facet: Facet): 'live' | 'dead' {
  const isLive = (): boolean => {
    switch (facet) {
      case 'account':
        return role.canLogin
      case 'session':
        return role.sessions.length > 0
      case 'membership':
        return role.memberships.length > 0
      default:
        throw new ConnectorError('unsupported', `PostgreSQL knows no ${facet}`)
    }
  }
  return isLive() ? 'live' : 'dead'
}

/** What was read, as evidence; `undefined` stands for a role that is not there. */
export function lookOf(call: Call, role: Role | undefined): Evidence {
  return {
    method: 'SELECT',
    target: TABLES,
    at: call.now(),
    body: JSON.stringify(role ?? { roles: 0 }),
  }
}

/** @returns `absent` when there is no such role */
export function observed(call: Call, handle: Handle, role: Role | undefined): Observation {
  const evidence = lookOf(call, role)
  const state = role === undefined ? 'absent' : stateOf(role, handle.facet)
  const keys = role === undefined ? {} : { keys: { userName: role.name } }
  return { handle, state, at: evidence.at, evidence, ...keys }
}

/** A name as SQL writes it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
