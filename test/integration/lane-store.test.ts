import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Intent, type Lane, laneId, newLane } from '../../src/revocation/lane.ts'
import type { LaneEvent } from '../../src/revocation/lane-event.ts'
import { transition } from '../../src/revocation/transition.ts'
import { evidenceOf } from '../../src/storage/evidence-store.ts'
import { lanesOf, prepareLanes } from '../../src/storage/lane-models.ts'
import { laneRow } from '../../src/storage/lane-rows.ts'
import { createLaneStore } from '../../src/storage/lane-store.ts'
import { createLaneSwap } from '../../src/storage/lane-swap.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { freshDatabase } from '../support/database.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let store: ReturnType<typeof createLaneStore>
const NOW = 1_000_000

beforeAll(async () => {
  database = await freshDatabase()
  await prepareLanes(database.connection)
  store = createLaneStore(database.connection)
})
beforeEach(async () => {
  await lanesOf(database.connection).deleteMany({})
  await evidenceOf(database.connection).deleteMany({})
})
afterAll(() => database.dispose())

const keyOf = (userId: string, appId = 'crm') => {
  const key = { sourceId: 's', userId, appId }
  return { id: laneId(key), ...key }
}

const revoke = (generation: number): Intent => ({
  generation,
  op: 'revoke',
  offboardingId: `o${generation}`,
  units: [{ revocationId: `r${generation}`, facet: 'account', deadlineAt: NOW + 1 }],
  class: 2,
  wantedAt: NOW,
})

const wanted = (userId: string, priority = 2, at = NOW): Lane =>
  transition(undefined, { kind: 'wanted', key: keyOf(userId), intent: revoke(1), priority }, at)

const wantedOf = (userId: string, appId: string): Lane =>
  transition(
    undefined,
    { kind: 'wanted', key: keyOf(userId, appId), intent: revoke(1), priority: 2 },
    NOW,
  )

const claim = (
  limit: number,
  id = 'lease',
  order: 'priority' | 'age' = 'priority',
  appId = 'crm',
) =>
  store.claim({
    appId,
    lease: { id, holder: 'w', until: NOW + 1_000 },
    now: NOW + 10,
    limit,
    order,
  })

/** What aggregations the call makes of the lanes, as the server saw them. */
async function profiled<T>(call: () => Promise<T>) {
  const db = database.connection.getClient().db(database.dbName)
  await db.command({ profile: 2 })
  const result = await call()
  await db.command({ profile: 0 })
  const ns = `${database.dbName}.lanes`
  const looks = await db
    .collection('system.profile')
    .find({ ns, 'command.aggregate': { $exists: true } })
    .toArray()
  await db.collection('system.profile').drop()
  return { result, looks }
}

test('lane store, a lane with everything in it, comes back as it was', async () => {
  const lane: Lane = {
    ...wanted('ann'),
    undo: [
      {
        facet: 'account',
        handleId: 'a1',
        sealed: Buffer.from('x'),
        wrapped: Buffer.from('y'),
        failures: 0,
        notBefore: 0,
      },
    ],
  }
  expect(await store.save([lane])).toEqual([])
  expect(await store.lane(lane.id)).toEqual({ ...lane, rev: 1 })
})

test('lane store, two writers of one rev, lets one of them through', async () => {
  await store.save([wanted('ann')])
  const [lane] = [...(await store.load([keyOf('ann').id])).values()]
  const results = await Promise.all(
    Array.from({ length: 8 }, (_, priority) => store.swap(lane!, { ...lane!, priority })),
  )
  expect(results.filter((result) => result !== null)).toHaveLength(1)
  expect(await store.save([lane!])).toEqual([lane!.id])
})

test('lane store, a lost race inside a transaction, throws and stores nothing', async () => {
  await store.save([wanted('ann')])
  const stale = { ...wanted('ann'), rev: 7 }
  const { transaction } = createTransactor(database.connection)
  await expect(transaction((tx) => store.save([wanted('bob'), stale], tx))).rejects.toMatchObject({
    code: 'ERR_CONFLICT',
  })
  expect(await store.lane(keyOf('bob').id)).toBeNull()
})

test('lane store, many claimers at once, give every lane to exactly one', async () => {
  await store.save(Array.from({ length: 60 }, (_, n) => wanted(`u${n}`)))
  const batches = await Promise.all(Array.from({ length: 12 }, (_, n) => claim(10, `lease-${n}`)))
  const ids = batches.flat().map((lane) => lane.id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const [n, batch] of batches.entries()) {
    expect(batch.every((lane) => lane.lease?.id === `lease-${n}` && lane.fence === 1)).toBe(true)
  }
})

test('lane store, privileged people among many, are claimed first; by age the oldest is', async () => {
  await store.save([
    ...Array.from({ length: 30 }, (_, n) => wanted(`n${n}`, 3, NOW - 5_000 + n)),
    wanted('vip', 0),
  ])
  expect((await claim(1, 'a')).map((lane) => lane.userId)).toEqual(['vip'])
  const [oldest] = await claim(1, 'b', 'age')
  expect(Number(oldest?.userId.slice(1))).toBeLessThan(3)
})

test('lane store, a stale worker, can store nothing after the reap', async () => {
  await store.save([wanted('ann')])
  const [mine] = await claim(1)
  const reaped = transition(mine!, { kind: 'reaped' }, NOW + 2_000)
  const free = await store.swap(mine!, reaped)
  const late: LaneEvent = {
    kind: 'judged',
    revocationId: 'r1',
    judgement: { kind: 'verified', verdict: { grade: 'B', kind: 'dead', at: NOW } },
    jitter: 0,
    lease: mine!.lease!.id,
    fence: mine!.fence,
  }
  expect(await store.swap(mine!, transition(mine!, late, NOW + 2_001))).toBeNull()
  expect(transition(free!, late, NOW + 2_001)).toBe(free)
})

test('lane store, twenty thousand lanes that back off, are skipped by the claim and the scheduler', async () => {
  const lanes = lanesOf(database.connection)
  const { id: _, ...base } = wanted('x')
  await lanes.insertMany(
    Array.from({ length: 20_000 }, (__, n) => ({
      ...base,
      _id: `b${n}`,
      userId: `b${n}`,
      rev: 1,
      priority: 0,
      dueAt: NOW + 60_000 + n,
      waits: true,
      news: false,
      want: null,
      current: null,
      lease: null,
      inflight: null,
      heldUntil: null,
      quarantine: null,
    })),
  )
  await store.save(Array.from({ length: 5 }, (__, n) => wanted(`u${n}`)))
  const plan = await lanes
    .find({ waits: true, appId: 'crm', dueAt: { $lte: NOW } })
    .sort({ priority: 1, dueAt: 1 })
    .limit(15)
    .explain('executionStats')
  expect(plan['executionStats'].totalKeysExamined).toBeLessThanOrEqual(10)
  expect(JSON.stringify(plan['queryPlanner'].winningPlan)).not.toMatch(/"stage":"(SORT|COLLSCAN)"/)
  expect(await store.nextDue(['crm', 'none'])).toEqual(new Map([['crm', NOW]]))
})

test('lane store, the next due times of 1,200 apps, come in one message from one index entry of each', async () => {
  const lanes = lanesOf(database.connection)
  const ids = Array.from({ length: 1_200 }, (_, n) => `app${n}`)
  await lanes.insertMany(
    Array.from({ length: 3_000 }, (_, n) => {
      const lane = wantedOf(`u${n}`, ids[n % 300] as string)
      return laneRow({ ...lane, dueAt: NOW + 60_000 - n }, 1)
    }),
  )
  const { result, looks } = await profiled(() => store.nextDue(ids))
  expect(result).toEqual(new Map(ids.slice(0, 300).map((id, n) => [id, NOW + 57_300 - n])))
  expect(looks).toMatchObject([{ docsExamined: 0, cursorExhausted: true }])
  expect(looks[0]?.['keysExamined']).toBeLessThanOrEqual(ids.length)
})

test('lane store, claims of several apps behind lanes that back off, examine ten keys an app', async () => {
  const lanes = lanesOf(database.connection)
  const { id: _, ...base } = wanted('x')
  await lanes.insertMany(
    Array.from({ length: 2_000 }, (__, n) => ({
      ...laneRow({ ...newLane(keyOf(`b${n}`, `app${n % 2}`)), ...base, appId: `app${n % 2}` }, 1),
      _id: `b${n}`,
      priority: 0,
      dueAt: NOW + 60_000 + n,
    })),
  )
  await store.save([0, 1].flatMap((app) => [1, 2, 3].map((n) => wantedOf(`u${n}`, `app${app}`))))
  const { result: claims, looks } = await profiled(() =>
    Promise.all([0, 1].map((app) => claim(5, `l${app}`, 'priority', `app${app}`))),
  )
  expect(claims.map((own) => own.map((lane) => lane.appId))).toEqual([
    ['app0', 'app0', 'app0'],
    ['app1', 'app1', 'app1'],
  ])
  expect(looks.length).toBeGreaterThan(0)
  for (const look of looks) {
    expect(look['keysExamined']).toBeLessThanOrEqual(20)
    expect(look['hasSortStage']).toBeUndefined()
  }
})

test('lane store, a lane whose holders die one after the other, is shown to a person and holds up no other', async () => {
  await store.save([wanted('poison')])
  let now = NOW + 10
  for (let deaths = 0; deaths < 5; deaths += 1) {
    const [lane] = await store.claim({
      appId: 'crm',
      lease: { id: `lease-${deaths}`, holder: `w${deaths}`, until: now + 1_000 },
      now,
      limit: 1,
      order: 'priority',
    })
    now += 1_001
    const [over] = await store.expired(now, 10)
    expect(over?.id).toBe(lane?.id)
    expect(await store.swap(over!, transition(over!, { kind: 'reaped' }, now))).not.toBeNull()
  }
  const lane = await store.lane(keyOf('poison').id)
  expect(lane?.work[0]).toMatchObject({ state: 'human', reason: 'connector-bug' })
  expect(lane?.dueAt).toBe(now + 3_600_000)
  await store.save([wanted('ann', 2, now)])
  const next = { id: 'next', holder: 'w', until: now + 1_000 }
  const claimed = await store.claim({ appId: 'crm', lease: next, now, limit: 5, order: 'priority' })
  expect(claimed.map(({ userId }) => userId)).toEqual(['ann'])
})

test('lane store, leases that ran out and lanes with news, are found', async () => {
  await store.save([wanted('ann'), { ...newLane(keyOf('bob')), dirty: true }])
  await claim(1)
  expect(await store.expired(NOW + 999, 10)).toEqual([])
  expect(await store.expired(NOW + 1_000, 10)).toHaveLength(1)
  expect((await store.dirty(10)).map((lane) => lane.id)).toEqual([keyOf('bob').id])
})

const sealed = (id: string) => ({
  id,
  offboardingId: 'o1',
  revocationId: 'r1',
  sealed: Buffer.from(`evidence ${id}`),
})
const evidenceIds = async () =>
  (await evidenceOf(database.connection).find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id)

test.each([
  ['MongoDB 8', undefined],
  ['an older MongoDB', async () => false],
])(
  'lane store, %s, keeps evidence with the step that names it, once, whoever was faster',
  async (_name, oneMessage) => {
    const swap = createLaneSwap(database.connection, oneMessage)
    await store.save([wanted('ann'), wanted('bob'), wanted('cat')])
    const [ann, bob, cat] = (await claim(3)).sort((a, b) => (a.userId < b.userId ? -1 : 1))
    const later = (lane: Lane | undefined): { before: Lane; after: Lane } => ({
      before: lane!,
      after: { ...lane!, attempts: 7 },
    })
    // Somebody moved Bob since he was read; Cat's evidence is there, from an attempt that was never answered.
    await store.swap(bob!, { ...bob!, attempts: 3 })
    await evidenceOf(database.connection).insertOne({
      _id: 'e4',
      offboardingId: 'o1',
      revocationId: 'r1',
      sealed: Buffer.from('evidence e4'),
    })
    const kept = await Promise.all([
      swap({ ...later(ann), evidence: [sealed('e1'), sealed('e2')] }),
      swap({ ...later(bob), evidence: [sealed('e3')] }),
      swap({ ...later(cat), evidence: [sealed('e4')] }),
    ])
    expect(kept.map((lane) => lane?.attempts)).toEqual([7, undefined, 7])
    expect(await evidenceIds()).toEqual(['e1', 'e2', 'e3', 'e4'])
    expect((await store.lane(bob!.id))?.attempts).toBe(3)
    expect(await store.lane(ann!.id)).toEqual(kept[0])
  },
)

test('lane store, news among some lanes, is of no others', async () => {
  await store.save(
    ['ann', 'bob', 'cat'].map((name) => ({ ...newLane(keyOf(name)), dirty: name !== 'cat' })),
  )
  const among = [keyOf('bob').id, keyOf('cat').id]
  expect((await store.dirty(10, among)).map(({ id }) => id)).toEqual([keyOf('bob').id])
  expect(await store.dirty(10)).toHaveLength(2)
})

test('swaps in transactions, of the same lanes in other orders by two processes, let one of them through at once', async () => {
  const transactor = createTransactor(database.connection)
  const ids = Array.from({ length: 150 }, (_, n) => `u${n}`)
  await store.save(ids.map((id) => wanted(id)))
  for (let round = 0; round < 5; round += 1) {
    const lanes = await Promise.all(ids.map((id) => store.lane(laneId(keyOf(id)))))
    const swaps = lanes.flatMap((before) => {
      const nudged = before && transition(before, { kind: 'nudged' }, NOW + 1 + round)
      return before === null || nudged === null
        ? []
        : [{ before, after: { ...nudged, priority: round } }]
    })
    const triesOf = async (mine: typeof swaps): Promise<number> => {
      let tries = 0
      await transactor.transaction(async (tx) => {
        tries += 1
        await store.swapAll(mine, tx)
      })
      return tries
    }
    const tries = await Promise.all([triesOf(swaps), triesOf(swaps.toReversed())])
    expect(Math.min(...tries)).toBe(1)
  }
})
