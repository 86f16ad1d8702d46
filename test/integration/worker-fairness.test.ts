import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

const PEOPLE = Array.from({ length: 20 }, (_, n) => `p${n}@example.com`)

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let well: Target
let dead: Target
let slow: Target
let limited: Target

beforeEach(async () => {
  database = await freshDatabase()
  const accounts = () =>
    Object.fromEntries(PEOPLE.map((userName, n) => [`a${n}`, { userName, active: true }]))
  well = await startTarget(accounts())
  dead = await startTarget(accounts())
  slow = await startTarget(accounts())
  limited = await startTarget(accounts())
  const once = { id: 'limited', limits: { concurrency: 4, timeoutMs: 2_000, perSecond: 1 } }
  engine = await engineOn(database.connection, {
    connectors: new Map([
      ['target', targetConnector() as Connector],
      ['limited', targetConnector({ manifest: once }) as Connector],
    ]),
  })
})

afterEach(async () => {
  await engine.close()
  await well.close()
  await dead.close()
  await slow.close()
  await limited.close()
  await database.dispose()
})

test('worker, an app that hangs, a slow one and one with a rate of 1/s, delay no other app', async () => {
  dead.mood = 'hangs'
  slow.delayMs = 700
  const deadApp = await engine.register(dead)
  const slowApp = await engine.register(slow)
  const limitedApp = await engine.register(limited, { connectorId: 'limited' })
  const wellApp = await engine.register(well)
  const users = []
  for (const name of PEOPLE) users.push(await engine.hire(name))
  engine.startWorker()
  for (const user of users) await engine.setActive(user, false)
  const began = Date.now()
  await eventually('all proven in the app that works', async () => {
    const page = await engine.revocations.list({ appId: wellApp.id }, { limit: 100 })
    return page.items.length === PEOPLE.length && page.items.every((r) => r.state === 'proven')
  })
  // The dead app's first time-outs (2 s each, 4 at once) alone would have taken ten seconds.
  expect(Date.now() - began).toBeLessThan(8_000)
  const provenIn = async (appId: string) =>
    (await engine.revocations.list({ appId, state: 'proven' }, { limit: 100 })).items.length
  expect(await provenIn(deadApp.id)).toBe(0)
  // At work all the while, each at its own pace.
  expect(await provenIn(slowApp.id)).toBeLessThan(PEOPLE.length)
  expect(await provenIn(limitedApp.id)).toBeLessThan(PEOPLE.length / 2)
  await eventually('the slow one is served, too', async () => slow.writes.length > 0)
  await eventually('and the one with a rate', async () => limited.reads > 0)
})
