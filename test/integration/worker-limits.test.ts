import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector, Manifest } from '../../src/connector-sdk/contract.ts'
import { lanesOf } from '../../src/storage/lane-models.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

const PEOPLE = Array.from({ length: 24 }, (_, n) => `p${n}@example.com`)
const WORKERS = 3

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let target: Target
/** When each call onto the app began, and how many were under way at most. */
let calls: number[]
let most: number

async function start(limits: Manifest['limits'], people = PEOPLE): Promise<void> {
  const plain = targetConnector({ manifest: { limits } }) as Connector
  let underWay = 0
  calls = []
  most = 0
  const counted = async <T>(call: () => Promise<T>): Promise<T> => {
    calls.push(performance.now())
    underWay += 1
    most = Math.max(most, underWay)
    try {
      return await call()
    } finally {
      underWay -= 1
    }
  }
  const connector: Connector = {
    ...plain,
    correlate: (subject, call) => counted(() => plain.correlate(subject, call)),
    observe: (handle, call) => counted(() => plain.observe(handle, call)),
    revoke: (handle, call) => counted(() => plain.revoke(handle, call)),
  }
  engine = await engineOn(database.connection, { connectors: new Map([['target', connector]]) })
  await engine.register(target)
  const users = []
  for (const name of people) users.push(await engine.hire(name))
  for (const user of users) await engine.setActive(user, false)
}

const allProven = (people = PEOPLE) =>
  eventually(
    'all proven',
    async () => {
      const page = await engine.revocations.list({ state: 'proven' }, { limit: 100 })
      return page.items.length === people.length
    },
    40_000,
  )

beforeEach(async () => {
  database = await freshDatabase()
  target = await startTarget(
    Object.fromEntries(PEOPLE.map((userName, n) => [`a${n}`, { userName, active: true }])),
  )
})

afterEach(async () => {
  await engine.close()
  await target.close()
  await database.dispose()
})

test('worker, three workers and an app that bears two calls, never makes a third at once', async () => {
  await start({ concurrency: 2, timeoutMs: 5_000 })
  target.delayMs = 10
  for (let n = 0; n < WORKERS; n += 1) engine.startWorker(`w${n}`)
  await allProven()
  expect(most).toBe(2)
})

test('worker, three workers and an app that bears two slow calls, claims what it can do and little more', async () => {
  const people = PEOPLE.slice(0, 6)
  await start({ concurrency: 2, timeoutMs: 5_000 }, people)
  target.delayMs = 400
  for (let n = 0; n < WORKERS; n += 1) engine.startWorker(`w${n}`)
  await allProven(people)
  // Each claim raises the fence, also one that is given back; every 100 ms would be a hundred of them.
  const lanes = await lanesOf(database.connection).find().toArray()
  const claims = lanes.reduce((sum, { fence }) => sum + fence, 0)
  expect(claims).toBeLessThan(people.length * 4)
  expect(most).toBe(2)
})

test('worker, three workers and an app with a rate, keep it together', async () => {
  const perSecond = 40
  await start({ concurrency: 8, timeoutMs: 5_000, perSecond })
  for (let n = 0; n < WORKERS; n += 1) engine.startWorker(`w${n}`)
  await allProven()
  const seconds = ((calls.at(-1) ?? 0) - (calls[0] ?? 0)) / 1_000
  expect(calls.length).toBeGreaterThanOrEqual(PEOPLE.length * 4)
  // Three processes with a rate each would have made up to 120.
  expect(calls.length / seconds).toBeLessThan(perSecond * 1.2)
})
