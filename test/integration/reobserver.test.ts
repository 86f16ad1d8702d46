import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { createReobserver } from '../../src/revocation/reobserver.ts'
import type { AppRecord } from '../../src/revocation/types.ts'
import { revocationsOf } from '../../src/storage/revocation-models.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

/** More than one batch. */
const PEOPLE = Array.from({ length: 24 }, (_, n) => `p${n}@example.com`)
const PER_SECOND = 5

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let first: Target
let second: Target
let firstApp: AppRecord
let secondApp: AppRecord
let loops: ReturnType<typeof createReobserver>[]
/** When each look at the app with a rate began, and how many were under way at most. */
let calls: number[]
let most: number

const rows = () => revocationsOf(database.connection)
const looked = (app: AppRecord, seen?: string) =>
  rows().countDocuments({
    appId: app.id,
    ...(seen === undefined ? { looked: { $exists: true } } : { 'looked.seen': seen }),
  })

function startReobserver(everyMs = 60_000) {
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const loop = createReobserver({ ...engine, log, everyMs, onRevived: async () => {} })
  loops.push(loop)
  loop.start()
  return loop
}

beforeEach(async () => {
  loops = []
  calls = []
  most = 0
  database = await freshDatabase()
  const accounts = () =>
    Object.fromEntries(PEOPLE.map((userName, n) => [`a${n}`, { userName, active: true }]))
  first = await startTarget(accounts())
  second = await startTarget(accounts())
  const rated = targetConnector({
    manifest: { id: 'rated', limits: { concurrency: 8, timeoutMs: 5_000, perSecond: 1_000 } },
  }) as Connector
  let underWay = 0
  const connectors = new Map<string, Connector>([
    [
      'target',
      targetConnector({ manifest: { limits: { concurrency: 4, timeoutMs: 1_000 } } }) as Connector,
    ],
    [
      'rated',
      {
        ...rated,
        observe: async (handle, call) => {
          calls.push(performance.now())
          underWay += 1
          most = Math.max(most, underWay)
          return await rated.observe(handle, call).finally(() => {
            underWay -= 1
          })
        },
      },
    ],
  ])
  engine = await engineOn(database.connection, { connectors })
  firstApp = await engine.register(first)
  secondApp = await engine.register(second, { connectorId: 'rated' })
  const worker = engine.startWorker()
  for (const name of PEOPLE) await engine.setActive(await engine.hire(name), false)
  await eventually(
    'all proven',
    async () => (await rows().countDocuments({ state: 'proven' })) === 2 * PEOPLE.length,
    100_000,
  )
  await worker.stop()
  rated.manifest.limits.perSecond = PER_SECOND
  calls = []
  most = 0
  // Looks are due, those of the first app before all others.
  for (const [app, at] of [
    [firstApp, 1],
    [secondApp, 2],
  ] as const) {
    await rows().updateMany({ appId: app.id }, { $set: { reobserveAt: at } })
  }
})

afterEach(async () => {
  await Promise.all(loops.map((loop) => loop.stop()))
  await engine.close()
  await first.close()
  await second.close()
  await database.dispose()
})

test('reobserver, an app that hangs with more looks than a batch, is asked once and delays no other', async () => {
  first.mood = 'hangs'
  const loop = startReobserver()
  await eventually('all looks at the other app', async () => {
    return (await looked(secondApp, 'gone')) === PEOPLE.length
  })
  await eventually('one look at the app that hangs', async () => (await looked(firstApp)) > 0)
  expect(await looked(firstApp, 'unknown')).toBe(1)
  expect(await rows().countDocuments({ appId: firstApp.id, reobserveAt: 1 })).toBe(
    PEOPLE.length - 1,
  )
  await loop.stop()

  first.mood = 'well'
  startReobserver()
  await eventually('all looks but the one that waits', async () => {
    return (await looked(firstApp, 'gone')) === PEOPLE.length - 1
  })
})

test('reobserver, three processes and an app with a rate, keep it together and look one by one', async () => {
  for (let n = 0; n < 3; n += 1) startReobserver()
  await eventually('all looks', async () => (await looked(secondApp, 'gone')) === PEOPLE.length)
  const seconds = ((calls.at(-1) ?? 0) - (calls[0] ?? 0)) / 1_000
  expect(calls.length).toBe(PEOPLE.length)
  expect(calls.length / seconds).toBeLessThan(PER_SECOND * 1.2)
  expect(most).toBeLessThanOrEqual(3)
})

test('reobserver, a paused app, is not asked until it works again, and delays no other', async () => {
  const state = (paused: boolean) =>
    database.connection.db
      ?.collection<{ _id: string }>('apps')
      .updateOne({ _id: firstApp.id }, { $set: { state: paused ? 'paused' : 'active' } })
  await state(true)
  const reads = first.reads
  startReobserver(500)
  await eventually('all looks at the other app', async () => {
    return (await looked(secondApp, 'gone')) === PEOPLE.length
  })
  expect(first.reads).toBe(reads)
  expect(await looked(firstApp)).toBe(0)
  await state(false)
  await eventually('all looks', async () => (await looked(firstApp, 'gone')) === PEOPLE.length)
})

test('reobserver, told to stop while an app hangs, leaves the look for another process', async () => {
  first.mood = 'hangs'
  const loop = startReobserver()
  await eventually('a look under way', async () => {
    return (await rows().countDocuments({ appId: firstApp.id, reobserveAt: { $gt: 1 } })) > 0
  })
  await loop.stop()
  expect(await looked(firstApp)).toBe(0)
})
