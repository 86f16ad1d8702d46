import {
  ConnectorError,
  check,
  defineConnector,
  type Facet,
  type FacetSpec,
  foldLogin,
  type Handle,
  isLostAnswer,
  type Match,
  matchLogin,
  nothingToPutBack,
  type Observation,
} from '#connector-sdk'
import { addKeys, changeGroups, removeKeys, setLock, unsupported } from './changes.ts'
import { type LdapConfig, ldapConfig } from './config.ts'
import {
  enforcesLocks,
  everybody,
  type GroupValue,
  groupsOf,
  isLocked,
  lookOf,
  type Person,
  peopleLike,
  personById,
  shownEntry,
  sshKeys,
} from './people.ts'
import { probeBind } from './probe.ts'
import { type Call, type Session, withSession } from './session.ts'

const facts: Omit<FacetSpec, 'facet'> = {
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: true,
}
const account: FacetSpec = { ...facts, facet: 'account', before: ['ssh_key', 'membership'] }
const sshKey: FacetSpec = {
  ...facts,
  facet: 'ssh_key',
  undoNeeds: 'facts',
  before: ['membership'],
}
const membership: FacetSpec = {
  ...facts,
  facet: 'membership',
  enumerate: 'none',
  undoNeeds: 'facts',
}

/** A directory: lock, SSH keys, groups. Everybody's identifier here is the entry's own, which no rename changes. */
export default defineConnector<LdapConfig>({
  manifest: {
    id: 'ldap',
    version: '1.0.0',
    title: 'LDAP directory',
    configSchema: ldapConfig,
    secrets: {
      password: { title: 'Password of the DN that may change entries', required: true },
      witnessPassword: { title: 'Password of the DN that may only read', required: false },
    },
    facets: [account, sshKey, membership],
    limits: { concurrency: 4, timeoutMs: 20_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ sshKeyAttribute, settleSeconds, residualMinutes }) =>
    [account, ...(sshKeyAttribute === undefined ? [] : [sshKey]), membership].map((spec) => ({
      ...spec,
      observe: settleSeconds === 0 ? 'strong' : 'eventual',
      settleMs: settleSeconds * 1_000,
      residualMs: spec.facet === 'account' ? residualMinutes * 60_000 : 0,
    })),

  test: async (call) => {
    const { policyDn, sshKeyAttribute } = call.config
    return [
      await check('account.list', () =>
        withSession(call, 'list the people', async (session) => {
          const { people, complete } = await everybody(session, call)
          return `read ${people.length} entries${complete ? '' : '; others are on another server'}`
        }),
      ),
      await check('account.revoke', () =>
        withSession(call, 'read the password policy', async (session) => {
          if (policyDn === undefined) return 'not tried: a test writes nothing'
          if (await enforcesLocks(session, policyDn)) return 'the policy enforces locks'
          throw new ConnectorError(
            'invalid',
            'the policy ignores locks: set its pwdLockout to TRUE',
          )
        }),
      ),
      ...(sshKeyAttribute === undefined
        ? []
        : [await check('ssh_key.revoke', async () => 'not tried: a test writes nothing')]),
      await check('membership.revoke', async () => 'not tried: a test writes nothing'),
    ]
  },

  correlate: (subject, call) =>
    withSession(call, 'look for the person', async (session) => {
      const people = await peopleLike(session, call, subject)
      return people.flatMap((person): Match[] => {
        const isById = person.externalId !== undefined && person.externalId === subject.externalId
        const hit = isById
          ? ({ strength: 'exact', matchedOn: 'externalId' } as const)
          : matchLogin(subject, person.login, call.config)
        if (hit === undefined) return []
        const handle: Handle = { facet: 'account', id: person.id }
        const evidence = lookOf(call, 'account', shownEntry(person))
        return [{ handle, ...hit, ...protection(person, call), evidence }]
      })
    }),

  list: (facet, of, _cursor, call) =>
    withSession(call, 'list the people', async (session) => {
      const { people, complete } =
        of === 'everyone'
          ? await everybody(session, call)
          : { people: await peopleLike(session, call, of), complete: true }
      const items: Observation[] = []
      // The cookie of a paged search lives on one connection: the whole listing is one page.
      for (const person of people) {
        items.push(await observed(session, call, { facet, id: person.id }, person))
      }
      return { items, complete }
    }),

  observe: (handle, call) =>
    withSession(call, 'read the entry', async (session) =>
      observed(session, call, handle, await personById(session, call, handle.id)),
    ),

  probe: async (handle, call) => {
    const person =
      handle.facet === 'account'
        ? await withSession(call, 'read the entry', (session) =>
            personById(session, call, handle.id),
          )
        : undefined
    if (person !== undefined) return probeBind(call, handle, person)
    return { handle, state: 'unknown', at: call.now(), evidence: lookOf(call, handle.facet, {}) }
  },

  revoke: (handle, call) =>
    withSession(call, `revoke ${handle.facet}`, async (session) => {
      const person = await required(session, handle, call)
      switch (handle.facet) {
        case 'account':
          return setLock(session, call, person, true)
        case 'ssh_key':
          return removeKeys(session, call, person)
        case 'membership':
          return changeGroups(session, call, 'delete', await groupsOf(session, call, person))
        default:
          throw unsupported(handle.facet)
      }
    }),

  restore: (handle, undo, call) =>
    withSession(call, `restore ${handle.facet}`, async (session) => {
      const person = await required(session, handle, call)
      const { lock, keys, groups } = undo as {
        lock?: string[]
        keys?: string[]
        groups?: GroupValue[]
      }
      if (handle.facet === 'account' && (lock !== undefined || isLostAnswer(undo))) {
        return setLock(session, call, person, false, lock)
      }
      if (handle.facet === 'ssh_key' && keys !== undefined) {
        return addKeys(session, call, person, keys)
      }
      if (handle.facet === 'membership' && groups !== undefined) {
        return changeGroups(session, call, 'add', groups)
      }
      throw nothingToPutBack()
    }),
})

async function observed(
  session: Session,
  call: Call,
  handle: Handle,
  person: Person | undefined,
): Promise<Observation> {
  if (person === undefined) {
    const evidence = lookOf(call, handle.facet, { entries: 0 })
    return { handle, state: 'absent', at: evidence.at, evidence }
  }
  const { isLive, seen } = await look(session, call, handle.facet, person)
  const evidence = lookOf(call, handle.facet, seen)
  return {
    handle,
    state: isLive ? 'live' : 'dead',
    at: evidence.at,
    evidence,
    keys: {
      userName: person.login,
      ...(person.externalId === undefined ? {} : { externalId: person.externalId }),
    },
  }
}

async function look(
  session: Session,
  call: Call,
  facet: Facet,
  person: Person,
): Promise<{ isLive: boolean; seen: object }> {
  switch (facet) {
    case 'account': {
      const locked = await isLocked(session, call, person)
      return { isLive: !locked, seen: { ...shownEntry(person), locked } }
    }
    case 'ssh_key':
      return { isLive: sshKeys(person, call).length > 0, seen: shownEntry(person) }
    case 'membership': {
      const groups = await groupsOf(session, call, person)
      return { isLive: groups.length > 0, seen: { dn: person.entry.dn, groups } }
    }
    default:
      throw unsupported(facet)
  }
}

/** @throws ConnectorError gone */
async function required(session: Session, { facet, id }: Handle, call: Call): Promise<Person> {
  const person = await personById(session, call, id)
  if (person !== undefined) return person
  const evidence = lookOf(call, facet, { entries: 0 })
  throw new ConnectorError('gone', 'the directory knows no such entry', { evidence })
}

function protection({ entry, login }: Person, { config }: Call): Pick<Match, 'protectedBecause'> {
  const { bindDn, witnessBindDn, protectedLogins } = config
  const isHub = [bindDn, witnessBindDn].some((dn) => dn?.toLowerCase() === entry.dn.toLowerCase())
  if (isHub) return { protectedBecause: 'the hub’s own entry' }
  const isListed = protectedLogins.some((one) => foldLogin(one) === foldLogin(login))
  return isListed ? { protectedBecause: 'listed as protected' } : {}
}
