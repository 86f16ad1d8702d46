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

beforeEach(async () => {
  database = await freshDatabase()
  const accounts = () =>
    Object.fromEntries(PEOPLE.map((userName, n) => [`a${n}`, { userName, active: true }]))
  well = await startTarget(accounts())
  dead = await startTarget(accounts())
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', targetConnector() as Connector]]),
  })
})

afterEach(async () => {
  await engine.close()
  await well.close()
  await dead.close()
  await database.dispose()
})

test('worker, one app that hangs, delays no other app', async () => {
  dead.mood = 'hangs'
  const deadApp = await engine.register(dead)
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
  const page = await engine.revocations.list({ appId: deadApp.id }, { limit: 100 })
  expect(page.items.some((r) => r.state === 'proven')).toBe(false)
})
