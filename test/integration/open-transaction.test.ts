import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { createHold } from '../../src/revocation/hold.ts'
import type { Lane } from '../../src/revocation/lane.ts'
import { createReaper } from '../../src/revocation/reaper.ts'
import { evidenceOf } from '../../src/storage/evidence-store.ts'
import { lanesOf } from '../../src/storage/lane-models.ts'
import { createLaneSwap } from '../../src/storage/lane-swap.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

const LEASE_MS = 60_000

// What a killed process leaves behind: a transaction that nobody ends, with rows that nobody else can change until the
// server gives it up.

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let target: Target

beforeEach(async () => {
  database = await freshDatabase()
  target = await startTarget({
    a1: { userName: 'ann@example.com', active: true },
    b1: { userName: 'bob@example.com', active: true },
  })
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', targetConnector() as Connector]]),
  })
  await engine.register(target)
})

afterEach(async () => {
  await engine.close()
  await target.close()
  await database.dispose()
})

/** @returns ends the transaction, as the server does after a while */
async function leaveOpen(collection: string, filter: object): Promise<() => Promise<void>> {
  const client = database.connection.getClient()
  const session = client.startSession()
  session.startTransaction()
  const rows = client.db(database.dbName).collection(collection)
  const { matchedCount } = await rows.updateOne(filter, { $set: { touched: 1 } }, { session })
  expect(matchedCount).toBe(1)
  return async () => {
    await session.abortTransaction()
    await session.endSession()
  }
}

const isProven = async (userId: string): Promise<boolean> =>
  (await engine.of(userId))[0]?.state === 'proven'

test('claim, the most urgent lane in the open transaction of a dead process, goes on with the others', async () => {
  const users = [await engine.hire('ann@example.com'), await engine.hire('bob@example.com')]
  for (const user of users) await engine.setActive(user, false)
  const [ann, bob] = users
  await lanesOf(database.connection).updateOne({ userId: ann as string }, { $set: { priority: 0 } })
  const [lane] = await engine.lanes.ofUsers('okta', users)
  const giveUp = await leaveOpen('lanes', { userId: ann })
  const now = engine.clock.now()
  const claim = (id: string) =>
    engine.lanes.claim({
      appId: lane?.appId ?? '',
      lease: { id, holder: 'w', until: now + 60_000 },
      now,
      limit: 1,
      order: 'priority',
    })
  try {
    expect(await claim('first')).toEqual([])
    expect((await claim('second')).map(({ userId }) => userId)).toEqual([bob])
  } finally {
    await giveUp()
  }
})

/** The lanes of Ann and Bob, on lease. */
async function leased(): Promise<{ ann: Lane; bob: Lane }> {
  const users = [await engine.hire('ann@example.com'), await engine.hire('bob@example.com')]
  for (const user of users) await engine.setActive(user, false)
  const [first] = await engine.lanes.ofUsers('okta', users)
  const now = engine.clock.now()
  const lanes = await engine.lanes.claim({
    appId: first?.appId ?? '',
    lease: { id: 'lease', holder: 'w', until: now + LEASE_MS },
    now,
    limit: 2,
    order: 'priority',
  })
  const [ann, bob] = users.map((user) => lanes.find(({ userId }) => userId === user))
  return { ann: ann!, bob: bob! }
}

test.each([
  ['MongoDB 8', undefined],
  ['an older MongoDB', async () => false],
])(
  'swap on %s, one lane of a batch in the open transaction of a dead process, keeps the others and is kept when that is given up',
  async (_name, oneMessage) => {
    const { ann, bob } = await leased()
    const swap = createLaneSwap(database.connection, oneMessage)
    const lanes = {
      ...engine.lanes,
      swap: (before: Lane, after: Lane, evidence: Parameters<typeof swap>[0]['evidence'] = []) =>
        swap({ before, after, evidence }),
    }
    const holdOf = (lane: Lane) =>
      createHold(lane, { lanes, clock: engine.clock, leaseMs: LEASE_MS, since: performance.now() })
    const looked = async (lane: Lane) => {
      const hold = holdOf(lane)
      const revocationId = lane.work[0]?.revocationId ?? ''
      const sealed = { offboardingId: 'o', revocationId, sealed: Buffer.from('seen') }
      const evidence = hold.keep({ id: `of ${lane.userId}`, ...sealed })
      return await hold.say({
        kind: 'looked',
        revocationId,
        handleId: 'h',
        state: 'live',
        evidence,
      })
    }
    const giveUp = await leaveOpen('lanes', { userId: ann.userId })
    let annsLook: Promise<Lane>
    try {
      annsLook = looked(ann)
      annsLook.catch(() => {})
      expect((await looked(bob)).work[0]?.handleId).toBe('h')
      // Known by now: nothing waits for it at all.
      await expect(lanes.swap(ann, { ...ann, attempts: 7 })).rejects.toMatchObject({
        code: 'ERR_STORAGE_UNAVAILABLE',
      })
    } finally {
      await giveUp()
    }
    expect((await annsLook).work[0]?.handleId).toBe('h')
    const kept = await evidenceOf(database.connection).find().sort({ _id: 1 }).toArray()
    expect(kept.map(({ _id }) => _id)).toEqual([ann, bob].map((l) => `of ${l.userId}`).sort())
  },
)

test('reaper, an expired lease in the open transaction of a dead process, takes the others back', async () => {
  const { ann, bob } = await leased()
  const rows = lanesOf(database.connection)
  await rows.updateOne({ _id: ann.id }, { $set: { 'lease.until': 1 } })
  await rows.updateOne({ _id: bob.id }, { $set: { 'lease.until': 2 } })
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const { lanes, clock } = engine
  const reaper = createReaper({ lanes, clock, log, onReaped: () => {} })
  const leaseOf = async (lane: Lane) => (await lanes.lane(lane.id))?.lease
  const giveUp = await leaveOpen('lanes', { userId: ann.userId })
  reaper.start()
  try {
    await eventually('the other one is taken back', async () => (await leaseOf(bob)) === undefined)
    expect(await leaseOf(ann)).toBeDefined()
  } finally {
    await giveUp()
  }
  await eventually('taken back', async () => (await leaseOf(ann)) === undefined)
  await reaper.stop()
})

test('worker, a lane in the open transaction of a dead process, goes on with it when that is given up', async () => {
  const [ann, bob] = [await engine.hire('ann@example.com'), await engine.hire('bob@example.com')]
  await engine.setActive(ann, false)
  await engine.setActive(bob, false)
  const giveUp = await leaveOpen('lanes', { userId: ann })
  const worker = engine.startWorker()
  try {
    await eventually('the other one is proven', () => isProven(bob))
    expect(await lanesOf(database.connection).findOne({ userId: ann })).toMatchObject({
      lease: null,
    })
  } finally {
    await giveUp()
  }
  await eventually('proof', () => isProven(ann))
  await worker.stop()
})

test('intake, a person in the open transaction of a dead process, changes them when that is given up', async () => {
  const ann = await engine.hire('ann@example.com')
  const giveUp = await leaveOpen('users', {})
  const leaving = engine.setActive(ann, false)
  const bob = await engine.hire('bob@example.com')
  await engine.setActive(bob, false)
  expect(await engine.of(bob)).toHaveLength(1)
  expect(await engine.of(ann)).toHaveLength(0)
  await giveUp()
  await leaving
  expect(await engine.of(ann)).toHaveLength(1)
})
