import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { lanesOf } from '../../src/storage/lane-models.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

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
