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
import {
  lookOf,
  namesAfter,
  namesLike,
  observed,
  quoted,
  type RoleGrant,
  stateOf,
  type User,
  userByName,
  usersNamed,
} from './accounts.ts'
import { type MysqlConfig, mysqlConfig } from './config.ts'
import { type Call, type Session, withSession } from './session.ts'

const facts: Omit<FacetSpec, 'facet' | 'reversible'> = {
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
}

/** A MariaDB or MySQL server: all accounts of a user name, their connections and roles. */
export default defineConnector<MysqlConfig>({
  manifest: {
    id: 'mysql',
    version: '1.0.0',
    title: 'MariaDB, MySQL',
    configSchema: mysqlConfig,
    secrets: {
      password: { title: 'Password of the user that may change users', required: true },
      witnessPassword: { title: 'Password of the user that may only look', required: false },
    },
    facets: [
      // First the lock: connections ended before it come back at once.
      { ...facts, facet: 'account', reversible: true, before: ['session', 'membership'] },
      { ...facts, facet: 'session', reversible: false, before: ['membership'] },
      { ...facts, facet: 'membership', reversible: true, undoNeeds: 'facts' },
    ],
    limits: { concurrency: 2, timeoutMs: 20_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  test: async (call) => [
    await check('account.list', () =>
      withSession(call, 'list the users', async (session) => {
        const names = await namesAfter(session, '', 1)
        return `read ${names.length} user(s) of ${session.version}`
      }),
    ),
    await check('account.anonymous', () =>
      withSession(call, 'look for anonymous accounts', async (session) => {
        const names = await namesLike(session, [''])
        if (names.length === 0) return 'there are none'
        throw new ConnectorError(
          'invalid',
          'anonymous accounts let in whoever is locked out by name',
        )
      }),
    ),
    await check('account.revoke', async () => 'not tried: a test writes nothing'),
    await check('session.observe', () =>
      withSession(call, 'look at the processes', async ({ read }) => {
        const [row] = await read('select count(*) as n from information_schema.processlist')
        return `sees ${String(row?.['n'])} process(es); those of others need PROCESS`
      }),
    ),
    await check('membership.revoke', async () => 'not tried: a test writes nothing'),
  ],

  correlate: async (subject, call) => {
    const names = loginNames(subject, call.config)
    // "Not found" is said only after a look.
    if (names.length === 0) throw new ConnectorError('invalid', 'the person has none of the keys')
    const users = await withSession(call, 'look for the user', async (session) =>
      usersNamed(session, await namesLike(session, names)),
    )
    return users.flatMap((user): Match[] => {
      const hit = matchLogin(subject, user.name, call.config)
      if (hit === undefined) return []
      const handle: Handle = { facet: 'account', id: user.name }
      return [{ handle, ...hit, ...protection(user, call), evidence: lookOf(call, user) }]
    })
  },

  list: (facet, of, cursor, call) =>
    withSession(call, 'list the users', async (session) => {
      const { pageSize } = call.config
      const names =
        of === 'everyone'
          ? await namesAfter(session, cursor ?? '', pageSize)
          : (await namesLike(session, loginNames(of, call.config))).filter((name) =>
              matchLogin(of, name, call.config),
            )
      const last = of === 'everyone' && names.length === pageSize ? names.at(-1) : undefined
      const users = await usersNamed(session, names)
      return {
        items: users.map((user) => observed(call, { facet, id: user.name }, user)),
        ...(last === undefined ? {} : { next: last }),
        complete: true,
      }
    }),

  observe: (handle, call) =>
    withSession(call, 'read the user', async (session) =>
      observed(call, handle, await userByName(session, handle.id)),
    ),

  revoke: (handle, call) =>
    withSession(call, `revoke ${handle.facet}`, async (session) => {
      const user = await required(session, handle, call)
      if (stateOf(user, handle.facet) !== 'live') {
        return { kind: 'already', evidence: lookOf(call, user) }
      }
      switch (handle.facet) {
        case 'session':
          return endSessions(session, call, user)
        case 'membership':
          return change(session, call, {
            statements: user.roles.map(
              (grant) => `revoke ${roleOf(grant)} from ${quoted(user.name, grant.host)}`,
            ),
            undo: { roles: user.roles },
          })
        default: {
          const hosts = user.accounts.flatMap(({ host, locked }) => (locked ? [] : [host]))
          return change(session, call, { statements: [lock(user, hosts, 'lock')], undo: { hosts } })
        }
      }
    }),

  restore: (handle, undo, call) =>
    withSession(call, `restore ${handle.facet}`, async (session) => {
      const user = await required(session, handle, call)
      const { hosts, roles } = undo as { hosts?: readonly string[]; roles?: readonly RoleGrant[] }
      if (handle.facet === 'account' && (hosts !== undefined || isLostAnswer(undo))) {
        const locked = hosts ?? user.accounts.flatMap((one) => (one.locked ? [one.host] : []))
        if (locked.length === 0) return { kind: 'already', evidence: lookOf(call, user) }
        return change(session, call, { statements: [lock(user, locked, 'unlock')] })
      }
      if (handle.facet === 'membership' && roles !== undefined) {
        const statements = roles.map(
          (grant) =>
            `grant ${roleOf(grant)} to ${quoted(user.name, grant.host)}${grant.admin ? ' with admin option' : ''}`,
        )
        return change(session, call, { statements })
      }
      throw nothingToPutBack()
    }),
})

const roleOf = ({ role, roleHost }: RoleGrant): string => quoted(role, roleHost)

function lock({ name }: User, hosts: readonly string[], how: 'lock' | 'unlock'): string {
  return `alter user ${hosts.map((host) => quoted(name, host)).join(', ')} account ${how}`
}

/** Each statement commits by itself: what was done before a failure is seen by the read-back. */
async function change(
  session: Session,
  call: Call,
  { statements, undo }: { statements: readonly string[]; undo?: { [key: string]: unknown } },
): Promise<Ack> {
  const target = 'users and roles'
  const body = statements.join(';\n')
  if (call.dryRun) return preview(call, { method: 'SQL', target, body })
  for (const statement of statements) await session.write(statement)
  return {
    kind: 'done',
    evidence: { method: 'SQL', target, at: call.now(), body },
    ...(undo === undefined ? {} : { undo }),
  }
}

/** A killed connection is listed for a moment more: so it is looked at again, at most ROUNDS times. */
const ROUNDS = 30

/** Looks again until nothing is left: what was about to log in when the account was locked may come late. */
async function endSessions(session: Session, call: Call, user: User): Promise<Ack> {
  const target = 'kill connection'
  if (call.dryRun) {
    return preview(call, { method: 'SQL', target, body: JSON.stringify(user.sessions) })
  }
  const ended = new Set<number>()
  let left = user.sessions
  for (let round = 0; round < ROUNDS && left.length > 0; round += 1) {
    for (const id of left.filter((one) => !ended.has(one))) {
      await kill(session, id)
      ended.add(id)
    }
    await session.read('select sleep(0.05)')
    left = (await userByName(session, user.name))?.sessions ?? []
  }
  const body = JSON.stringify({ user: user.name, ended: [...ended], left })
  return { kind: 'done', evidence: { method: 'SQL', target, at: call.now(), body } }
}

async function kill(session: Session, id: number): Promise<void> {
  try {
    await session.write(`kill connection ${id}`)
  } catch (error) {
    // 1094, no such thread: it ended by itself.
    if ((error as { errno?: unknown }).errno !== 1094) throw error
  }
}

/** @throws ConnectorError gone */
async function required(session: Session, { id }: Handle, call: Call): Promise<User> {
  const user = await userByName(session, id)
  if (user !== undefined) return user
  throw new ConnectorError('gone', 'the server knows no such user', {
    evidence: lookOf(call, undefined),
  })
}

/** Without these the server does not run, or nobody can help. */
const BUILT_IN = /^$|^root$|^mysql$|^mysql\.|^mariadb\.sys$|^debian-sys-maint$/

function protection({ name }: User, { config }: Call): Pick<Match, 'protectedBecause'> {
  const { user, witnessUser, protectedLogins } = config
  if (BUILT_IN.test(name)) return { protectedBecause: 'a user of the server itself' }
  if (name === user || name === witnessUser) return { protectedBecause: 'the hub’s own user' }
  const isListed = protectedLogins.some((one) => foldLogin(one) === foldLogin(name))
  return isListed ? { protectedBecause: 'listed as protected' } : {}
}
