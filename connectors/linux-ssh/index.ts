import {
  type Ack,
  ConnectorError,
  check,
  defineConnector,
  type Evidence,
  type FacetSpec,
  foldLogin,
  type Handle,
  isConnectorError,
  isLostAnswer,
  loginNames,
  type Match,
  matchLogin,
  nothingToPutBack,
  type Observation,
  preview,
} from '#connector-sdk'
import { type LinuxSshConfig, linuxSshConfig } from './config.ts'
import { type Call, type Host, withHost } from './host.ts'
import {
  DEFAULT_BEFORE,
  type HostUser,
  observed,
  parseUsers,
  stateOf,
  USER_NAME,
  undoOf,
} from './host-user.ts'

const facts: Omit<FacetSpec, 'facet' | 'reversible'> = {
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
}

/** A Linux host: account, processes, SSH keys, groups and sudo. What may be done there is in quittance-host.sh. */
export default defineConnector<LinuxSshConfig>({
  manifest: {
    id: 'linux-ssh',
    version: '1.0.0',
    title: 'Linux host over SSH',
    configSchema: linuxSshConfig,
    secrets: {
      privateKey: { title: 'Private key of the user that may act', required: true },
      witnessPrivateKey: { title: 'Private key of the user that may only look', required: false },
    },
    facets: [
      // First the account: processes that are killed before it come back with the next login.
      {
        ...facts,
        facet: 'account',
        reversible: true,
        before: ['session', 'ssh_key', 'membership'],
      },
      { ...facts, facet: 'session', reversible: false, before: ['ssh_key', 'membership'] },
      { ...facts, facet: 'ssh_key', reversible: true, before: ['membership'] },
      { ...facts, facet: 'membership', reversible: true, undoNeeds: 'facts' },
    ],
    limits: { concurrency: 2, timeoutMs: 30_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  test: async (call) => [
    await check('account.list', () =>
      withHost(call, async (host) => {
        const users = parseUsers((await host.run('list')).stdout)
        return `read ${users.length} user(s)`
      }),
    ),
    ...(await Promise.all(
      ['account', 'session', 'ssh_key', 'membership'].map((facet) =>
        check(`${facet}.revoke`, async () => 'not tried: a test writes nothing'),
      ),
    )),
  ],

  correlate: async (subject, call) => {
    const names = loginNames(subject, call.config).filter((name) => USER_NAME.test(name))
    // "Not found" is said only after a look; a name that no user can have needs none.
    if (loginNames(subject, call.config).length === 0) {
      throw new ConnectorError('invalid', 'the person has none of the keys')
    }
    return withHost(call, async (host) => {
      const matches: Match[] = []
      for (const name of names) {
        const found = await read(host, name)
        const hit = matchLogin(subject, name, call.config)
        if (found.user === undefined || hit === undefined) continue
        const handle: Handle = { facet: 'account', id: name }
        matches.push({ handle, ...hit, ...protection(found.user, call), evidence: found.evidence })
      }
      return matches
    })
  },

  list: (facet, of, _cursor, call) =>
    withHost(call, async (host) => {
      const { stdout, evidence } = await host.run('list')
      const users = parseUsers(stdout)
      const theirs =
        of === 'everyone' ? users : users.filter(({ name }) => matchLogin(of, name, call.config))
      // One command shows all: there are no pages.
      return {
        items: theirs.map((user) => observed({ facet, id: user.name }, user, evidence)),
        complete: true,
      }
    }),

  observe: (handle, call) =>
    withHost(call, async (host) => {
      const { user, evidence } = await read(host, handle.id)
      if (user !== undefined) return observed(handle, user, evidence)
      return { handle, state: 'absent', at: evidence.at, evidence }
    }),

  /** PAM is asked to let the person in, as root may. It refuses an expired account whatever the credential. */
  probe: (handle, call) =>
    withHost(call, async (host): Promise<Observation> => {
      const { stdout, evidence } = await host.run(`probe ${checked(handle.id)}`)
      const isAccount = handle.facet === 'account'
      const isExpired = /^login=refused$/m.test(stdout) && /expired/i.test(stdout)
      const isAllowed = /^login=allowed$/m.test(stdout)
      const state = !isAccount ? 'unknown' : isAllowed ? 'live' : isExpired ? 'dead' : 'unknown'
      return { handle, state, at: evidence.at, evidence }
    }),

  revoke: (handle, call) =>
    withHost(call, async (host): Promise<Ack> => {
      const user = await required(host, handle)
      if (stateOf(user.user, handle.facet) === 'dead')
        return { kind: 'already', evidence: user.evidence }
      const undo = undoOf(user.user, handle.facet)
      const ack = await write(host, call, `revoke ${handle.facet} ${checked(handle.id)}`)
      return undo === undefined || call.dryRun ? ack : { ...ack, undo }
    }),

  restore: (handle, undo, call) =>
    withHost(call, async (host) => {
      await required(host, handle)
      const before = isLostAnswer(undo) ? DEFAULT_BEFORE[handle.facet] : undo['before']
      if (typeof before !== 'string' || !/^[a-zA-Z0-9_.,-]+$/.test(before)) {
        throw nothingToPutBack()
      }
      return write(host, call, `restore ${handle.facet} ${checked(handle.id)} ${before}`)
    }),
})

/** @returns no user when the host knows none */
async function read(
  host: Host,
  name: string,
): Promise<{ user: HostUser | undefined; evidence: Evidence }> {
  try {
    const { stdout, evidence } = await host.run(`read ${checked(name)}`)
    const [user] = parseUsers(stdout)
    if (user?.name === name) return { user, evidence }
    throw new ConnectorError('unsupported', 'quittance-host answers about somebody else', {
      evidence,
    })
  } catch (error) {
    if (isConnectorError(error) && error.fault === 'gone' && error.evidence !== undefined) {
      return { user: undefined, evidence: error.evidence }
    }
    throw error
  }
}

/** @throws ConnectorError gone */
async function required(
  host: Host,
  { id }: Handle,
): Promise<{ user: HostUser; evidence: Evidence }> {
  const { user, evidence } = await read(host, id)
  if (user !== undefined) return { user, evidence }
  throw new ConnectorError('gone', 'there is no such user', { evidence })
}

async function write(host: Host, call: Call, command: string): Promise<Ack> {
  if (call.dryRun) return preview(call, { method: 'SSH', target: 'quittance-host', body: command })
  const { evidence } = await host.run(command, { writes: true })
  return { kind: 'done', evidence }
}

/** @throws ConnectorError invalid: nothing else ever stands in a command */
function checked(name: string): string {
  if (USER_NAME.test(name)) return name
  throw new ConnectorError('invalid', 'this is no user name')
}

function protection(
  { name, isPerson }: HostUser,
  { config }: Call,
): Pick<Match, 'protectedBecause'> {
  const { user, witnessUser, protectedLogins } = config
  if (!isPerson) return { protectedBecause: 'not the account of a person' }
  if (name === user || name === witnessUser) return { protectedBecause: 'the hub’s own user' }
  const isListed = protectedLogins.some((one) => foldLogin(one) === foldLogin(name))
  return isListed ? { protectedBecause: 'listed as protected' } : {}
}
