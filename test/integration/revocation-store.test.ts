import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { OnSealed } from '../../src/ledger/intake.ts'
import type { Offboarding, Revocation } from '../../src/revocation/types.ts'
import { HOUR } from '../../src/shared/clock.ts'
import { createRevocationDesk } from '../../src/storage/revocation-desk-store.ts'
import { prepareRevocations, revocationsOf } from '../../src/storage/revocation-models.ts'
import { createRevocationStore } from '../../src/storage/revocation-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { freshDatabase } from '../support/database.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let store: ReturnType<typeof createRevocationStore>
let transact: ReturnType<typeof createTransactor>['transaction']
const NOW = 1_000_000

beforeAll(async () => {
  database = await freshDatabase()
  await prepareRevocations(database.connection)
  store = createRevocationStore(database.connection)
  transact = createTransactor(database.connection).transaction
})
beforeEach(async () => {
  for (const name of ['offboardings', 'revocations', 'case_keys']) {
    await database.connection.db!.collection(name).deleteMany({})
  }
})
afterAll(() => database.dispose())

const offboarding = (id: string, count: number, generation = 1): Offboarding => ({
  id,
  sourceId: 's',
  userId: `user of ${id}`,
  generation,
  kind: 'leaver',
  cause: { kind: 'scim.patch', requestId: 'r', receivedAt: NOW },
  subject: { sourceId: 's', userId: `user of ${id}`, userName: 'ann', emails: [] },
  forCause: false,
  openedAt: NOW,
  state: 'open',
  expected: { count, root: '0'.repeat(64) },
})

const revocation = (id: string, more: Partial<Revocation> = {}): Revocation => ({
  id,
  offboardingId: 'o1',
  sourceId: 's',
  userId: 'user of o1',
  appId: 'crm',
  facet: 'account',
  generation: 1,
  class: 2,
  state: 'due',
  attempts: 0,
  openedAt: NOW,
  deadlineAt: NOW + HOUR,
  updatedAt: NOW,
  ...more,
})

const insert = (revocations: Revocation[], id = 'o1') =>
  transact((tx) =>
    store.insert(offboarding(id, revocations.length), revocations, Buffer.from('key'), tx),
  )

const sealed = (type: 'revocation.verified' | 'revocation.waived', revocationId: string) =>
  ({
    eid: `${type}:${revocationId}`,
    type,
    leaf: Buffer.alloc(0),
    references: { offboardingId: 'o1', revocationId },
    index: 7,
    leafHash: 'ab',
  }) satisfies Parameters<OnSealed>[0][number]

test('revocation store, a second case of one generation, is refused whole', async () => {
  await insert([revocation('r1')])
  const second = transact((tx) =>
    store.insert(
      { ...offboarding('o1', 1), id: 'o2' },
      [revocation('r2', { offboardingId: 'o2' })],
      Buffer.from('key'),
      tx,
    ),
  )
  await expect(second).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
  expect(await store.ofOffboarding('o2')).toEqual([])
  expect((await store.ofOffboarding('o1')).map(({ id }) => id)).toEqual(['r1'])
})

test('revocation store, a sealed proof, is proven with its place in the log', async () => {
  await insert([revocation('r1')])
  await transact((tx) => store.markSealed([sealed('revocation.verified', 'r1')], tx))
  const proven = await store.revocation('r1')
  expect(proven).toMatchObject({ state: 'proven', entry: { index: 7, leafHash: 'ab' } })
  expect(proven?.provenAt).toBeGreaterThan(NOW)
  expect(Object.keys(proven!)).not.toContain('open')
  expect((await store.closable(10)).map(({ id }) => id)).toEqual(['o1'])
})

test('revocation store, waived and proven later, counts once towards the end of its case', async () => {
  await insert([revocation('r1'), revocation('r2')])
  await transact((tx) => store.markSealed([sealed('revocation.waived', 'r1')], tx))
  await transact((tx) => store.markSealed([sealed('revocation.verified', 'r1')], tx))
  expect(await store.closable(10)).toEqual([])
  await transact((tx) => store.markSealed([sealed('revocation.verified', 'r2')], tx))
  expect(await store.closable(10)).toHaveLength(1)
})

test('revocation store, a case that closes, is begun by one process only', async () => {
  await insert([])
  const begun = await Promise.all(
    [1, 2, 3].map(() => transact((tx) => store.beginClosing([offboarding('o1', 0)], tx))),
  )
  expect(begun.filter((ours) => ours.has('o1'))).toHaveLength(1)
})

const grown = (): Parameters<typeof store.amend>[0] => ({
  offboardingId: 'o1',
  from: offboarding('o1', 1).expected,
  to: { count: 2, root: '1'.repeat(64) },
  revocations: [revocation('r2', { amendedTo: 2 })],
})

test('revocation store, a case that grows, owes what was added and closes after it', async () => {
  await insert([revocation('r1')])
  await transact((tx) => store.markSealed([sealed('revocation.verified', 'r1')], tx))
  expect(await transact((tx) => store.amend(grown(), tx))).toBe('amended')
  expect(await store.closable(10)).toEqual([])
  await transact((tx) => store.markSealed([sealed('revocation.verified', 'r2')], tx))
  const [closable] = await store.closable(10)
  expect(closable?.expected).toEqual(grown().to)
  // Whoever has read it before it grew would seal too few outcomes.
  expect(await transact((tx) => store.beginClosing([offboarding('o1', 1)], tx))).toEqual(new Set())
  expect(await transact((tx) => store.beginClosing([closable!], tx))).toEqual(new Set(['o1']))
})

test('revocation store, an amendment too late or of an older set, changes nothing', async () => {
  await insert([revocation('r1')])
  const older = { ...grown(), from: { count: 0, root: '2'.repeat(64) } }
  expect(await transact((tx) => store.amend(older, tx))).toBe('moved')
  await transact((tx) => store.markSealed([sealed('revocation.verified', 'r1')], tx))
  await transact((tx) => store.beginClosing([offboarding('o1', 1)], tx))
  expect(await transact((tx) => store.amend(grown(), tx))).toBe('closing')
  expect(await store.ofOffboarding('o1')).toHaveLength(1)
})

test('revocation store, news of what is sealed already, changes nothing', async () => {
  await insert([revocation('r1')])
  await transact((tx) => store.markSealed([sealed('revocation.verified', 'r1')], tx))
  await transact((tx) => store.project([{ id: 'r1', at: NOW, state: 'acting', attempts: 9 }], tx))
  expect(await store.revocation('r1')).toMatchObject({ state: 'proven', attempts: 0 })
})

test('revocation store, news without a reason, takes the old reason away', async () => {
  await insert([revocation('r1', { state: 'human', reason: 'forbidden', fault: 'forbidden' })])
  await transact((tx) => store.project([{ id: 'r1', at: NOW, state: 'settling', attempts: 1 }], tx))
  const found = await store.revocation('r1')
  expect(found).toMatchObject({ state: 'settling', attempts: 1 })
  expect(found).not.toHaveProperty('reason')
  expect(found).not.toHaveProperty('fault')
})

test('revocation list, page by page, gives every row once, the earliest deadline first', async () => {
  const all = Array.from({ length: 23 }, (_, n) =>
    revocation(`r${n}`, { deadlineAt: NOW + (n % 5) * HOUR }),
  )
  await insert(all)
  const seen: Revocation[] = []
  let cursor: string | undefined
  do {
    const page = await store.list(
      { appIds: ['crm', 'mail'] },
      { limit: 4, ...(cursor === undefined ? {} : { cursor }) },
    )
    seen.push(...page.items)
    cursor = page.next
  } while (cursor !== undefined)
  expect(new Set(seen.map(({ id }) => id)).size).toBe(23)
  expect(seen.map((r) => r.deadlineAt)).toEqual(all.map((r) => r.deadlineAt).sort((a, b) => a - b))
  await expect(store.list({}, { limit: 4, cursor: 'x' })).rejects.toMatchObject({
    code: 'ERR_INVALID_CURSOR',
  })
})

test('revocation list, overdue, leaves out what is closed; the summary counts the same', async () => {
  await insert([
    revocation('late'),
    revocation('late-human', { state: 'human', reason: 'forbidden', appId: 'mail' }),
    revocation('over', { state: 'superseded' }),
    revocation('early', { deadlineAt: NOW + 9 * HOUR }),
  ])
  const now = NOW + 2 * HOUR
  const { items } = await store.list({ overdueAt: now }, { limit: 10 })
  expect(items.map(({ id }) => id)).toEqual(['late', 'late-human'])
  expect(await store.openSummary(now)).toEqual({
    open: 3,
    overdue: 2,
    human: 1,
    earliestDeadlineAt: NOW + HOUR,
    byApp: [
      { appId: 'crm', open: 2, overdue: 1, human: 0 },
      { appId: 'mail', open: 1, overdue: 1, human: 1 },
    ],
  })
})

test.each([
  { sourceId: 's', userId: 'u' },
  { appId: 'a' },
  { state: 'human' as const },
  { appId: { $in: ['a', 'b'] } },
  { facet: 'account' as const },
  { offboardingId: 'o' },
  {},
])('revocation list, filter %o, is served by an index without a sort in memory', async (filter) => {
  const plan = await revocationsOf(database.connection)
    .find(filter)
    .sort({ deadlineAt: 1, _id: 1 })
    .limit(51)
    .explain('queryPlanner')
  const text = JSON.stringify(plan['queryPlanner'].winningPlan)
  expect(text).not.toContain('COLLSCAN')
  if (!('offboardingId' in filter)) expect(text).not.toContain('"stage":"SORT"')
})

test('waivers that are over, many that were ended long ago, reads only those that were not', async () => {
  const waived = (n: number, more: object) => {
    const { id, ...row } = revocation(`w${n}`, { state: 'waived' })
    return {
      ...row,
      _id: id,
      open: false,
      waiver: { at: 0, until: NOW + n, approval: 'p', ...more },
    }
  }
  await revocationsOf(database.connection).insertMany([
    ...Array.from({ length: 500 }, (_, n) => waived(n, { endedAt: NOW + 1_000 })),
    ...[502, 501, 9_000].map((n) => waived(n, {})),
  ])
  const db = database.connection.db!
  await db.command({ profile: 2 })
  const over = await createRevocationDesk(database.connection).waiversOver(NOW + 1_000, 50)
  await db.command({ profile: 0 })
  expect(over.map(({ id }) => id)).toEqual(['w501', 'w502'])
  const [look] = await db
    .collection('system.profile')
    .find({ ns: `${database.dbName}.revocations`, 'command.find': 'revocations' })
    .toArray()
  expect(look?.['keysExamined']).toBeLessThanOrEqual(4)
  expect(look?.['hasSortStage']).toBeUndefined()
})
