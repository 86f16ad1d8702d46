import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { createEscalator, type Escalation } from '../../src/revocation/escalator.ts'
import type { Revocation } from '../../src/revocation/types.ts'
import { HOUR } from '../../src/shared/clock.ts'
import { createRevocationDesk } from '../../src/storage/revocation-desk-store.ts'
import { revocationsOf } from '../../src/storage/revocation-models.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let target: Target
let revived: Revocation[]
let fault: Error | undefined

beforeEach(async () => {
  database = await freshDatabase()
  revived = []
  fault = undefined
  target = await startTarget({ a1: { userName: 'ann@example.com', active: true } })
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', targetConnector() as Connector]]),
    onRevived: async (revocation) => {
      if (fault !== undefined) throw fault
      revived.push(revocation)
    },
  })
  await engine.register(target)
})

afterEach(async () => {
  await engine.close()
  await target.close()
  await database.dispose()
})

const rows = () => revocationsOf(database.connection)

test('escalator, two processes at each level, tells each level once and in order', async () => {
  const ann = await engine.hire('ann@example.com')
  await engine.setActive(ann, false)
  const [revocation] = await engine.of(ann)
  const { openedAt, deadlineAt } = revocation!
  const told: Escalation[] = []
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  for (const share of [0.3, 0.5, 0.8, 1]) {
    const clock = { now: () => Math.ceil(openedAt + (deadlineAt - openedAt) * share) }
    const { watch, transactor } = engine
    const record = async (escalation: Escalation): Promise<void> => {
      told.push(escalation)
    }
    const both = [1, 2].map(() => createEscalator({ watch, transactor, clock, log, record }))
    for (const loop of both) loop.start()
    await Promise.all(both.map((loop) => loop.stop()))
  }
  expect(told.map(({ level, audience }) => [level, audience])).toEqual([
    [50, 'owner'],
    [80, 'admin'],
    [100, 'executive'],
  ])
})

test('escalator, one alert that cannot be kept, holds up no other and is tried again', async () => {
  const users = [await engine.hire('ann@example.com'), await engine.hire('bob@example.com')]
  for (const user of users) await engine.setActive(user, false)
  const [first, second] = (await Promise.all(users.map((user) => engine.of(user)))).flat()
  const told: string[] = []
  let tries = 0
  const loop = createEscalator({
    watch: engine.watch,
    transactor: engine.transactor,
    clock: { now: () => second!.deadlineAt },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    record: async ({ revocation }) => {
      if (revocation.id === first!.id) {
        tries += 1
        throw new Error('not kept')
      }
      told.push(revocation.id)
    },
  })
  loop.start()
  await eventually('a second try', () => tries >= 2)
  await loop.stop()
  expect(told).toEqual([second!.id])
  const waiting = await engine.watch.escalating(Number.MAX_SAFE_INTEGER, 10)
  expect(waiting.map(({ revocation }) => revocation.id)).toEqual([first!.id])
})

test('escalator, a verified revocation that waits for its seal, is not told late', async () => {
  const ann = await engine.hire('ann@example.com')
  await engine.setActive(ann, false)
  const late = () => engine.watch.escalating(Number.MAX_SAFE_INTEGER, 10)
  expect(await late()).toHaveLength(1)
  await rows().updateMany({}, { $set: { state: 'verified' } })
  expect(await late()).toEqual([])
})

test('reobserver, an account that came back after the proof, is noticed; a dead one is looked at again', async () => {
  const ann = await engine.hire('ann@example.com')
  const worker = engine.startWorker()
  await engine.setActive(ann, false)
  const proven = await eventually('proof', async () => {
    const [revocation] = await engine.of(ann)
    return revocation?.state === 'proven' ? revocation : undefined
  })
  await worker.stop()
  const scheduled = await rows().findOne({ _id: proven.id })
  expect(scheduled?.reobserveAt).toBe(proven.provenAt! + HOUR)

  const desk = createRevocationDesk(database.connection)
  await engine.transactor.transaction((tx) => desk.lookAgain(proven.id, Date.now(), tx))
  const asked = engine.startWorker()
  const looked = await eventually('a look that somebody asked for', async () => {
    const row = await rows().findOne({ _id: proven.id })
    return row?.looked === undefined ? undefined : row
  })
  expect(looked).toMatchObject({ looked: { seen: 'gone' }, reobserveAt: scheduled?.reobserveAt })
  await asked.stop()

  // An hour goes by.
  const provenAt = proven.provenAt! - HOUR
  await rows().updateOne({ _id: proven.id }, { $set: { provenAt, reobserveAt: 0 } })
  const second = engine.startWorker()
  const again = await eventually('a second look', async () => {
    const row = await rows().findOne({ _id: proven.id })
    return row?.reobserved === 1 ? row : undefined
  })
  expect(again.reobserveAt).toBe(provenAt + 24 * HOUR)
  expect(revived).toEqual([])
  await second.stop()

  target.accounts.get('a1')!.active = true
  await rows().updateOne({ _id: proven.id }, { $set: { reobserveAt: 0 } })
  engine.startWorker()
  await eventually('the alarm', () => revived.length === 1)
  expect(revived[0]).toMatchObject({ id: proven.id, state: 'proven' })
  expect(engine.lines.some((line) => line.level === 'error')).toBe(true)
})

test('reobserver, one look whose finding cannot be kept, holds up no other of the round', async () => {
  const ann = await engine.hire('ann@example.com')
  target.accounts.set('b1', { userName: 'bob@example.com', active: true })
  const bob = await engine.hire('bob@example.com')
  const worker = engine.startWorker()
  const proven = async (userId: string) => {
    await engine.setActive(userId, false)
    return await eventually('proof', async () => {
      const [revocation] = await engine.of(userId)
      return revocation?.state === 'proven' ? revocation : undefined
    })
  }
  const first = await proven(ann)
  const second = await proven(bob)
  await worker.stop()
  target.accounts.get('a1')!.active = true
  await rows().updateOne({ _id: first.id }, { $set: { reobserveAt: 0 } })
  await rows().updateOne({ _id: second.id }, { $set: { reobserveAt: 1 } })
  fault = new Error('not kept')
  engine.startWorker()
  const looked = await eventually('the look at the second one', async () => {
    const row = await rows().findOne({ _id: second.id })
    return row?.looked === undefined ? undefined : row
  })
  expect(looked.looked?.seen).toBe('gone')
  const waiting = await rows().findOne({ _id: first.id })
  expect(waiting?.looked).toBeUndefined()
  expect(waiting?.reobserveAt).toBeGreaterThan(1)
  const messages = engine.lines.map(({ message }) => message)
  expect(messages).toContain('a look at what was proven failed')
  expect(messages).not.toContain('a round failed; it is tried again')
})
