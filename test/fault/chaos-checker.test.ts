import { expect, test } from 'vitest'
import { check, INVARIANTS, type Invariant } from '../../scripts/chaos/checker.ts'
import type { Facts } from '../../scripts/chaos/facts.ts'
import { accountIdOf } from '../../scripts/chaos/people.ts'
import { isSound } from '../../scripts/chaos/report.ts'
import { laneId, newLane } from '../../src/revocation/lane.ts'
import { stepKey } from '../../src/revocation/step-key.ts'

/** As the database and the logs would say it after a sound run; plain data that a test may falsify. */
type Loose = {
  -readonly [K in keyof Facts]: Facts[K] extends readonly (infer T)[] ? T[] : Facts[K]
}

const SOURCE = 'chaos'
const APP = '0-webhook'
const APP_ID = 'app-0'
const PID = 71

const stepOf = (userId: string, account: string, generation: number, live: boolean): string => {
  const key = { sourceId: SOURCE, userId, appId: APP_ID }
  const op = live ? ('restore' as const) : ('revoke' as const)
  const inflight = {
    ...{ revocationId: 'r', facet: 'account' as const, handleId: account, generation, op },
    ...{ fence: 1, sentAt: 0, quarantineMs: 0, undoable: true },
  }
  const current = { generation, op, units: [], class: 0 as const, wantedAt: 0 }
  return stepKey({ ...newLane({ id: laneId(key), ...key }), current, inflight }, 'account')
}

/** Person 0 left; person 1 left, came back, and left again. */
function soundRun(): Loose {
  const stories: Loose['stories'] = [
    { person: 0, userId: 'u0', kind: 'simple', acknowledged: [word(0, false, 10)] },
    {
      person: 1,
      userId: 'u1',
      kind: 'left-again',
      acknowledged: [word(1, false, 10), word(1, true, 20), word(1, false, 30)],
    },
  ]
  const cases = [
    ['o0', 'u0', 1, 'proven'],
    ['o1', 'u1', 1, 'proven'],
    ['o3', 'u1', 3, 'proven'],
  ] as const
  const facts: Loose = {
    sourceId: SOURCE,
    apps: { [APP]: { id: APP_ID, facets: 1 } },
    stories,
    users: [
      { id: 'u0', active: false, generation: 1 },
      { id: 'u1', active: false, generation: 3 },
    ],
    offboardings: cases.map(([id, userId, generation]) => ({
      ...{ id, userId, generation, state: 'closed', expected: 1 },
    })),
    revocations: cases.map(([id, userId, generation, state]) => ({
      ...{ id: `r-${id}`, offboardingId: id, userId, appId: APP_ID },
      ...{ facet: 'account', generation, state },
    })),
    lanes: [],
    entries: cases.flatMap(([id]) => [
      { eid: `offboarding.opened:${id}`, type: 'offboarding.opened' },
      { eid: `revocation.verified:r-${id}`, type: 'revocation.verified' },
      { eid: `offboarding.closed:${id}`, type: 'offboarding.closed' },
    ]),
    ledger: { waiting: 0, refused: 0, faults: [], wrongRoots: 0, checkpoints: 3 },
    snapshots: { taken: 5, broken: [] },
    target: [],
    leases: [],
  }
  write(facts, 0, 1, false, 100)
  write(facts, 1, 1, false, 200)
  write(facts, 1, 2, true, 5_000)
  write(facts, 1, 3, false, 9_000)
  return facts
}

const word = (person: number, active: boolean, at: number) => ({
  ...{ person, active, sentAt: at, at, unanswered: 0 },
})

/** A write at the application under a lease of its own. */
function write(facts: Loose, person: number, generation: number, live: boolean, at: number): void {
  const userId = `u${person}`
  const account = accountIdOf(person)
  const line = {
    ...{ at, app: APP, account, facet: 'account' as const, live, pid: PID },
    step: stepOf(userId, account, generation, live),
  }
  facts.target.push({ ...line, kind: 'asked', n: facts.target.length, mood: 'well' })
  facts.target.push({ ...line, kind: 'done', n: facts.target.length })
  const lane = laneId({ sourceId: SOURCE, userId, appId: APP_ID })
  facts.leases.push({ lane, at: at - 50, lease: { id: `l${at}`, pid: PID, until: at + 20_000 } })
  facts.leases.push({ lane, at: at + 50, lease: null })
}

const drop = <T>(items: T[], which: (item: T) => boolean): void => {
  const index = items.findIndex(which)
  expect(index).toBeGreaterThanOrEqual(0)
  items.splice(index, 1)
}
const change = <T extends object>(items: T[], index: number, more: Partial<T>): void => {
  items[index] = { ...(items[index] as T), ...more }
}

test('checker, a sound run, finds nothing', () => {
  const verdict = check(soundRun())
  expect(verdict.violations).toEqual(Object.fromEntries(INVARIANTS.map((name) => [name, []])))
  expect(isSound(verdict)).toBe(true)
  expect(verdict.counts).toMatchObject({ 'departures acknowledged': 3, offboardings: 3, proven: 3 })
})

test.each<[what: string, expected: Invariant, doctor: (facts: Loose) => void]>([
  [
    'an offboarding is missing',
    'lost: acknowledged, and no offboarding',
    (f) => drop(f.offboardings, ({ id }) => id === 'o0'),
  ],
  [
    'an offboarding too many',
    'invented: an offboarding that nobody asked for',
    (f) =>
      f.offboardings.push({ id: 'o9', userId: 'u0', generation: 2, state: 'closed', expected: 1 }),
  ],
  [
    'the person is active again',
    'the last word of the provider does not hold',
    (f) => change(f.users, 0, { active: true, generation: 2 }),
  ],
  [
    'a revocation is missing',
    'incomplete: an offboarding without all its revocations',
    (f) => drop(f.revocations, ({ id }) => id === 'r-o0'),
  ],
  [
    'a revocation waits for a person',
    'unproven at rest',
    (f) => change(f.revocations, 0, { state: 'human', reason: 'contradicted' }),
  ],
  ['a case is open', 'unproven at rest', (f) => change(f.offboardings, 0, { state: 'open' })],
  [
    'the newest revocation is superseded',
    'superseded, and nothing newer was wanted',
    (f) => change(f.revocations, 0, { state: 'superseded' }),
  ],
  [
    'a proof is sealed twice',
    'not exactly one ending in the ledger',
    (f) => f.entries.push({ eid: 'revocation.verified:r-o0', type: 'revocation.verified' }),
  ],
  [
    'a proof is not sealed',
    'not exactly one ending in the ledger',
    (f) => drop(f.entries, ({ eid }) => eid === 'revocation.verified:r-o0'),
  ],
  [
    'a case was never opened in the ledger',
    'not opened and closed in the ledger',
    (f) => drop(f.entries, ({ eid }) => eid === 'offboarding.opened:o0'),
  ],
  [
    'a root does not fit',
    'the ledger is unsound',
    (f) => {
      f.ledger = { ...f.ledger, wrongRoots: 1 }
    },
  ],
  [
    'a snapshot with one proven too many',
    'a snapshot in which proven and sealed differ',
    (f) => {
      const broken = [{ proven: 4, verified: 3, size: 9, entries: 9 }]
      f.snapshots = { taken: 5, broken }
    },
  ],
  [
    'the log of the application without the disabling',
    'the application says otherwise',
    (f) => drop(f.target, ({ kind, account }) => kind === 'done' && account === 'a0'),
  ],
  [
    'an older restore lands after the newer disabling',
    'out of order at the application',
    (f) => write(f, 1, 2, true, 9_500),
  ],
  [
    'a write with a key of no step',
    'done by nobody who was told to',
    (f) => change(f.target, 1, { step: 'somebody else' }),
  ],
  [
    'a write by a process without the lease',
    'acted without a lease',
    (f) => change(f.target, 0, { pid: PID + 1 }),
  ],
  [
    'a write after the lease was over',
    'acted without a lease',
    (f) => change(f.target, 0, { at: 60_000 }),
  ],
])('checker, %s, says so', (_what, expected, doctor) => {
  const facts = soundRun()
  doctor(facts)
  const verdict = check(facts)
  expect(verdict.violations[expected]).not.toEqual([])
  expect(isSound(verdict)).toBe(false)
})
