import { laneId, newLane } from '../../src/revocation/lane.ts'
import { stepKey } from '../../src/revocation/step-key.ts'
import type { Facts } from './facts.ts'
import type { LeaseChange } from './lease-history.ts'
import { accountIdOf, personOf } from './people.ts'
import type { PersonStory } from './provider.ts'
import type { TargetLine } from './target-log.ts'

/** What may never happen; each is counted, and the first few are told. */
export const INVARIANTS = [
  'lost: acknowledged, and no offboarding',
  'invented: an offboarding that nobody asked for',
  'the last word of the provider does not hold',
  'incomplete: an offboarding without all its revocations',
  'unproven at rest',
  'superseded, and nothing newer was wanted',
  'not exactly one ending in the ledger',
  'not opened and closed in the ledger',
  'the ledger is unsound',
  'a snapshot in which proven and sealed differ',
  'the application says otherwise',
  'out of order at the application',
  'done by nobody who was told to',
  'acted without a lease',
] as const
export type Invariant = (typeof INVARIANTS)[number]

export interface Verdict {
  counts: Record<string, number>
  violations: Record<Invariant, string[]>
}

/** A stamp of the database and one of an application may differ by so much: both machines are this one. */
const CLOCK_MS = 150
/** A key names how many writes of its step were answered before; more than this would be a fault of its own. */
const MOST_ANSWERED = 60

/** Judges a run by what its parts say independently of each other. Pure. */
export function check(facts: Facts): Verdict {
  const violations = Object.fromEntries(INVARIANTS.map((name) => [name, [] as string[]])) as Record<
    Invariant,
    string[]
  >
  const counts: Record<string, number> = {}
  const add = (name: Invariant, what: string): void => void violations[name].push(what)
  checkPromises(facts, counts, add)
  checkRevocations(facts, counts, add)
  checkLedger(facts, counts, add)
  checkTargets(facts, counts, add)
  checkLeases(facts, counts, add)
  return { counts, violations }
}

type Add = (name: Invariant, what: string) => void
type Counts = Record<string, number>

const byKey = <T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> => {
  const map = new Map<string, T[]>()
  for (const row of rows) {
    const known = map.get(key(row))
    if (known === undefined) map.set(key(row), [row])
    else known.push(row)
  }
  return map
}

/** Departures that were certainly acknowledged: where requests crossed each other, at least one was. */
export function departuresOf({ kind, acknowledged }: PersonStory): number {
  if (kind === 'races' || kind === 'repeated') return 1
  let departed = 0
  let active = true
  for (const word of acknowledged) {
    if (active && !word.active) departed += 1
    active = word.active
  }
  return departed
}

function checkPromises(facts: Facts, counts: Counts, add: Add): void {
  const users = new Map(facts.users.map((user) => [user.id, user]))
  const cases = byKey(facts.offboardings, ({ userId }) => userId)
  let acknowledged = 0
  let certain = 0
  for (const story of facts.stories) {
    const who = `person ${story.person} (${story.kind})`
    const user = users.get(story.userId)
    const opened = cases.get(story.userId) ?? []
    const departures = departuresOf(story)
    acknowledged += story.acknowledged.filter(({ active }) => !active).length
    certain += departures
    if (user === undefined) {
      add('lost: acknowledged, and no offboarding', `${who}: the user is gone`)
      continue
    }
    if (opened.length < departures) {
      add('lost: acknowledged, and no offboarding', `${who}: ${opened.length} of ${departures}`)
    }
    // Each change of employment is one generation, and every second one is a departure.
    const wanted = Array.from({ length: Math.ceil(user.generation / 2) }, (_, i) => 2 * i + 1)
    const found = opened.map(({ generation }) => generation).sort((a, b) => a - b)
    const simple = story.kind === 'simple' || story.kind === 'repeated'
    if (JSON.stringify(wanted) !== JSON.stringify(found) || (simple && found.length !== 1)) {
      add(
        'invented: an offboarding that nobody asked for',
        `${who}: generation ${user.generation}, cases of ${found}`,
      )
    }
    const last = story.acknowledged.at(-1)
    // An older request that nobody answered may be carried out later than a newer one: that is the provider's doing.
    const mayCross = story.acknowledged.some((w) => w.active !== last?.active && w.unanswered > 0)
    if (last !== undefined && !mayCross && user.active !== last.active) {
      add('the last word of the provider does not hold', `${who}: active is ${user.active}`)
    }
  }
  counts['people'] = facts.stories.length
  counts['deactivations acknowledged'] = acknowledged
  counts['departures acknowledged'] = certain
  counts['offboardings'] = facts.offboardings.length
}

function checkRevocations(facts: Facts, counts: Counts, add: Add): void {
  const users = new Map(facts.users.map((user) => [user.id, user]))
  const units = byKey(facts.revocations, ({ offboardingId }) => offboardingId)
  const full = Object.values(facts.apps).reduce((sum, { facets }) => sum + facets, 0)
  for (const { id, expected, state } of facts.offboardings) {
    const own = units.get(id) ?? []
    const different = new Set(own.map(({ appId, facet }) => `${appId}/${facet}`)).size
    if (expected !== full || own.length !== full || different !== full) {
      add(
        'incomplete: an offboarding without all its revocations',
        `${id}: expects ${expected}, has ${own.length}, ${different} different, of ${full}`,
      )
    }
    if (state !== 'closed') add('unproven at rest', `offboarding ${id} is ${state}`)
  }
  for (const { id, state, reason, userId, generation } of facts.revocations) {
    if (state === 'superseded') {
      if ((users.get(userId)?.generation ?? 0) <= generation) {
        add('superseded, and nothing newer was wanted', `${id} of generation ${generation}`)
      }
    } else if (state !== 'proven') {
      add('unproven at rest', `revocation ${id} is ${state}${reason ? ` (${reason})` : ''}`)
    }
  }
  for (const { id, state, op, undo } of facts.lanes) {
    if (state !== 'idle') add('unproven at rest', `lane ${id} is ${state}`)
    else if (op === 'restore' && undo > 0) add('unproven at rest', `lane ${id} was not put back`)
  }
  counts['revocations expected'] = facts.offboardings.reduce((sum, o) => sum + o.expected, 0)
  counts['revocations'] = facts.revocations.length
  counts['proven'] = facts.revocations.filter(({ state }) => state === 'proven').length
  counts['superseded'] = facts.revocations.filter(({ state }) => state === 'superseded').length
}

function checkLedger(facts: Facts, counts: Counts, add: Add): void {
  const { ledger, entries } = facts
  const seen = byKey(entries, ({ eid }) => eid)
  const count = (eid: string): number => seen.get(eid)?.length ?? 0
  for (const { id, state } of facts.revocations) {
    const verified = count(`revocation.verified:${id}`)
    const superseded = count(`revocation.superseded:${id}`)
    const fits = state === 'proven' ? verified === 1 : state === 'superseded' && superseded === 1
    if (verified + superseded !== 1 || !fits) {
      add(
        'not exactly one ending in the ledger',
        `${id} is ${state}: ${verified} verified, ${superseded} superseded`,
      )
    }
  }
  for (const { id } of facts.offboardings) {
    const opened = count(`offboarding.opened:${id}`)
    const closed = count(`offboarding.closed:${id}`)
    if (opened !== 1 || closed !== 1) {
      add('not opened and closed in the ledger', `${id}: opened ${opened}, closed ${closed}`)
    }
  }
  const ours = (type: string): number => entries.filter((entry) => entry.type === type).length
  if (ours('revocation.verified') + ours('revocation.superseded') !== facts.revocations.length) {
    add('not exactly one ending in the ledger', 'entries and revocations differ in number')
  }
  for (const fault of ledger.faults) add('the ledger is unsound', fault)
  if (seen.size !== entries.length) add('the ledger is unsound', 'an entry twice')
  if (ledger.waiting > 0) add('the ledger is unsound', `${ledger.waiting} entries wait`)
  if (ledger.refused > 0) add('the ledger is unsound', `${ledger.refused} entries refused`)
  if (ledger.wrongRoots > 0) add('the ledger is unsound', `${ledger.wrongRoots} wrong roots`)
  if (ledger.checkpoints === 0) add('the ledger is unsound', 'no checkpoint')
  for (const s of facts.snapshots.broken) {
    add('a snapshot in which proven and sealed differ', JSON.stringify(s))
  }
  counts['ledger entries'] = entries.length
  counts['checkpoints'] = ledger.checkpoints
  counts['snapshots'] = facts.snapshots.taken
}

type Done = Extract<TargetLine, { kind: 'done' }>

function checkTargets(facts: Facts, counts: Counts, add: Add): void {
  const asked = facts.target.filter((line) => line.kind === 'asked')
  const done = facts.target.filter((line): line is Done => line.kind === 'done')
  const users = new Map(facts.users.map((user) => [user.id, user]))
  const places = byKey(done, ({ app, account, facet }) => `${app}/${account}/${facet}`)
  for (const [place, lines] of places) checkOrder(facts, place, lines, users, add)
  for (const { person, userId } of facts.stories) {
    const active = users.get(userId)?.active ?? false
    for (const app of Object.keys(facts.apps)) {
      const last = places.get(`${app}/${accountIdOf(person)}/account`)?.at(-1)
      if ((last?.live ?? true) !== active) {
        add(
          'the application says otherwise',
          `${app}: the account of person ${person} is ${active ? 'dead' : 'live'}`,
        )
      }
      const session = places.get(`${app}/${accountIdOf(person)}/session`)?.at(-1)
      if (app.endsWith('sessions') && !active && session?.live !== false) {
        add('the application says otherwise', `${app}: a session of person ${person} is live`)
      }
    }
  }
  counts['writes asked'] = asked.length
  counts['writes done'] = done.length
  for (const { mood } of asked) counts[`… ${mood}`] = (counts[`… ${mood}`] ?? 0) + 1
}

/** The same thing done twice is harmless; an older one after an opposite newer one is not. */
function checkOrder(
  facts: Facts,
  place: string,
  lines: readonly Done[],
  users: ReadonlyMap<string, { generation: number }>,
  add: Add,
): void {
  const newest = { true: 0, false: 0 }
  for (const line of lines) {
    const generation = generationOf(facts, line, users)
    if (generation === undefined) {
      add('done by nobody who was told to', `${place} by process ${line.pid}`)
      continue
    }
    const opposite = newest[`${!line.live}`]
    if (opposite > generation) {
      add(
        'out of order at the application',
        `${place}: ${line.live ? 'on' : 'off'} of generation ${generation} after ${opposite}`,
      )
    }
    const own = `${line.live}` as const
    newest[own] = Math.max(newest[own], generation)
  }
}

/** Finds the generation whose idempotency key this is. */
function generationOf(
  facts: Facts,
  { app, account, facet, live, step }: Done,
  users: ReadonlyMap<string, { generation: number }>,
): number | undefined {
  const userId = facts.stories[personOf(account) ?? -1]?.userId
  const appId = facts.apps[app]?.id
  if (userId === undefined || appId === undefined) return undefined
  const key = { sourceId: facts.sourceId, userId, appId }
  const lane = newLane({ id: laneId(key), ...key })
  const op = live ? ('restore' as const) : ('revoke' as const)
  const last = users.get(userId)?.generation ?? 0
  for (let generation = live ? 2 : 1; generation <= last; generation += 2) {
    for (let answered = 0; answered < MOST_ANSWERED; answered += 1) {
      const mark = { facet, handleId: account, failures: 0, answered, notBefore: 0 }
      const candidate = stepKey(
        {
          ...lane,
          current: { generation, op, units: [], class: 0, wantedAt: 0 },
          inflight: {
            ...{ revocationId: 'r', facet, handleId: account, generation, op },
            ...{ fence: 0, sentAt: 0, quarantineMs: 0, undoable: false },
          },
          undo: [mark],
          work: [
            {
              ...{ ...mark, revocationId: 'r', state: 'acting', attempts: 1 },
              ...{ contradictions: 0, seenLive: true },
            },
          ],
        },
        facet,
      )
      if (candidate === step) return generation
    }
  }
  return undefined
}

/** Was there a lease of that process at that time? */
function checkLeases(facts: Facts, counts: Counts, add: Add): void {
  const history = byKey(facts.leases, ({ lane }) => lane)
  const userIds = facts.stories.map(({ userId }) => userId)
  for (const line of facts.target) {
    if (line.kind !== 'asked') continue
    const userId = userIds[personOf(line.account) ?? -1] ?? ''
    const appId = facts.apps[line.app]?.id ?? ''
    const lane = laneId({ sourceId: facts.sourceId, userId, appId })
    if (!isHeld(history.get(lane) ?? [], line)) {
      add(
        'acted without a lease',
        `${line.app}: ${line.live ? 'on' : 'off'} for ${line.account} by process ${line.pid} at ${line.at}`,
      )
    }
  }
  counts['leases'] = new Set(facts.leases.flatMap(({ lease }) => (lease ? [lease.id] : []))).size
}

function isHeld(
  changes: readonly LeaseChange[],
  { pid, at }: { pid: number; at: number },
): boolean {
  return changes.some(({ at: from, lease }, i) => {
    if (lease === null || lease.pid !== pid) return false
    const until = Math.min(lease.until, changes[i + 1]?.at ?? lease.until)
    return from - CLOCK_MS <= at && at <= until + CLOCK_MS
  })
}
