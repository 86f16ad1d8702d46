import {
  ConnectorError,
  type Evidence,
  type Facet,
  type Handle,
  type Observation,
} from '#connector-sdk'
import type { Call, Row, Session } from './session.ts'

/** A role that `user`@`host` may take on. MySQL's roles have a host as well. */
export interface RoleGrant {
  host: string
  role: string
  roleHost?: string
  admin: boolean
}

/** All accounts with one user name. `jane`@`%` and `jane`@`10.%` are two accounts of one person. */
export interface User {
  name: string
  accounts: readonly { host: string; locked: boolean }[]
  /** Of connections, also of accounts that were dropped meanwhile. */
  sessions: readonly number[]
  roles: readonly RoleGrant[]
}

/** Where the two servers keep their users. Roles are no accounts of people. */
const ACCOUNTS = {
  mariadb:
    "select User as name, Host as host, coalesce(json_value(Priv, '$.account_locked'), 0) = 1 as locked from mysql.global_priv where coalesce(json_value(Priv, '$.is_role'), 0) <> 1",
  mysql:
    "select user as name, host as host, account_locked = 'Y' as locked from mysql.user where 1 = 1",
} as const

const ROLES = {
  mariadb:
    "select User as name, Host as host, Role as role, Admin_option = 'Y' as admin from mysql.roles_mapping where User in (?) and not (User <> '' and Host = '')",
  mysql:
    "select TO_USER as name, TO_HOST as host, FROM_USER as role, FROM_HOST as roleHost, WITH_ADMIN_OPTION = 'Y' as admin from mysql.role_edges where TO_USER in (?)",
} as const

/** @param names folded @returns the user names that are one of these, in any case */
export async function namesLike(
  { read, flavour }: Session,
  names: readonly string[],
): Promise<string[]> {
  const rows = await read(
    `select distinct name from (${ACCOUNTS[flavour]}) as a where lower(convert(name using utf8mb4)) in (?)`,
    [[...names]],
  )
  return rows.map(({ name }) => String(name))
}

/** The user names behind `after`, in order. */
export async function namesAfter(
  { read, flavour }: Session,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await read(
    `select distinct name from (${ACCOUNTS[flavour]}) as a where name > ? order by name limit ?`,
    [after, limit],
  )
  return rows.map(({ name }) => String(name))
}

/** Accounts, sessions and roles of each name, in this order; of a name that is not there, nothing. */
export async function usersNamed(
  { read, flavour }: Session,
  names: readonly string[],
): Promise<User[]> {
  if (names.length === 0) return []
  const accounts = await read(`${ACCOUNTS[flavour]} having name in (?)`, [[...names]])
  const roles = await read(ROLES[flavour], [[...names]])
  const sessions = await read(
    'select id, user as name from information_schema.processlist where user in (?) and id <> connection_id()',
    [[...names]],
  )
  // The server may compare without regard to case; user names differ by it.
  const of = (rows: readonly Row[], wanted: string): readonly Row[] =>
    rows.filter(({ name }) => String(name) === wanted)
  return names.map((name) => ({
    name,
    accounts: of(accounts, name).map(({ host, locked }) => ({
      host: String(host),
      locked: Number(locked) === 1,
    })),
    sessions: of(sessions, name).map(({ id }) => Number(id)),
    roles: of(roles, name).map(({ host, role, roleHost, admin }) => ({
      host: String(host),
      role: String(role),
      ...(roleHost === undefined ? {} : { roleHost: String(roleHost) }),
      admin: Number(admin) === 1,
    })),
  }))
}

/** @returns undefined when there is neither an account nor a session of this name */
export async function userByName(session: Session, name: string): Promise<User | undefined> {
  const [user] = await usersNamed(session, [name])
  return user === undefined || user.accounts.length + user.sessions.length === 0 ? undefined : user
}

/** @throws ConnectorError unsupported for other facets */
export function stateOf(user: User, facet: Facet): Observation['state'] {
  switch (facet) {
    case 'account':
      // Dropped, with sessions that go on: there is no account any more.
      if (user.accounts.length === 0) return 'absent'
      return user.accounts.every(({ locked }) => locked) ? 'dead' : 'live'
    case 'session':
      return user.sessions.length > 0 ? 'live' : 'dead'
    case 'membership':
      return user.roles.length > 0 ? 'live' : 'dead'
    default:
      throw new ConnectorError('unsupported', `MySQL knows no ${facet}`)
  }
}

/** What was read, as evidence; `undefined` stands for a user that is not there. */
export function lookOf(call: Call, user: User | undefined): Evidence {
  return {
    method: 'SELECT',
    target: 'accounts, roles and processes of the user',
    at: call.now(),
    body: JSON.stringify(user ?? { accounts: 0, sessions: 0 }),
  }
}

/** @returns `absent` when there is no such user */
export function observed(call: Call, handle: Handle, user: User | undefined): Observation {
  const evidence = lookOf(call, user)
  const state = user === undefined ? 'absent' : stateOf(user, handle.facet)
  const keys = user === undefined ? {} : { keys: { userName: user.name } }
  return { handle, state, at: evidence.at, evidence, ...keys }
}

/** An account or a role as SQL writes it. Backticks hold under every sql_mode; backslashes in strings do not. */
export function quoted(name: string, host?: string): string {
  const one = (text: string): string => `\`${text.replaceAll('`', '``')}\``
  return host === undefined ? one(name) : `${one(name)}@${one(host)}`
}
