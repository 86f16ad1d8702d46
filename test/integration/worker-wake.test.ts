import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Listening } from '../../src/revocation/wake.ts'
import { connect } from '../../src/storage/connection.ts'
import { createLaneWake } from '../../src/storage/lane-wake.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let target: Target
let engine: Engine
const warnings: string[] = []
/** Those of the workers. */
const ears: Listening[] = []
const log = {
  info: () => {},
  warn: (_: object, text: string) => warnings.push(text),
  error: () => {},
}

beforeEach(async () => {
  database = await freshDatabase()
  target = await startTarget({ a1: { userName: 'ann@example.com', active: true } })
  warnings.length = 0
  ears.length = 0
})
afterEach(async () => {
  await engine.close()
  await target.close()
  await database.dispose()
})

const started = async (
  wakeOn = database.connection,
): Promise<{ userId: string; wake: ReturnType<typeof createLaneWake> }> => {
  const wake = createLaneWake(wakeOn, log)
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', targetConnector()]]),
    wake: {
      ring: wake.ring,
      listen: (onRung) => {
        const ear = wake.listen(onRung)
        ears.push(ear)
        return ear
      },
    },
  })
  await engine.register(target)
  const userId = await engine.hire('ann@example.com')
  return { userId, wake }
}

const revoked = () => eventually('the account is revoked', async () => target.writes.length === 1)

test('worker, work that another process commits, is heard of at once', async () => {
  const { userId } = await started()
  engine.startWorker()
  await eventually('the worker listens', async () => ears[0]?.hears())
  await engine.setActive(userId, false)
  // The next poll would be in ten minutes.
  await revoked()
})

test('worker, a stream that is killed, finds the work by polling', async () => {
  const other = await connect(database.uri, database.dbName)
  const { userId } = await started(other)
  engine.startWorker()
  await other.close()
  await engine.setActive(userId, false)
  await revoked()
  await eventually('it is said', async () => warnings.length > 0)
})

test('lane wake, a stream that ends, is opened again and rings for what was missed', async () => {
  const { wake } = await started()
  let rung = 0
  const ear = wake.listen(() => {
    rung += 1
  })
  await eventually('the stream is open', async () => ear.hears() && rung === 1)
  wake.ring()
  await eventually('the ring is heard', async () => rung > 1)
  await database.connection.dropCollection('lane_wakes')
  await eventually('the stream has ended', async () => !ear.hears())
  rung = 2
  await eventually('the stream is open again', async () => ear.hears() && rung > 2)
  await ear.stop()
})

test('lane wake, two who listen in one process, hear over one stream until the last has stopped', async () => {
  const { wake } = await started()
  const rung = { first: 0, second: 0 }
  const first = wake.listen(() => {
    rung.first += 1
  })
  await eventually('the stream is open', async () => first.hears())
  const second = wake.listen(() => {
    rung.second += 1
  })
  await eventually('who comes later is told at once', async () => rung.second === 1)
  await first.stop()
  wake.ring()
  await eventually('the other one still hears', async () => rung.second > 1)
  expect(rung.first).toBe(1)
  await second.stop()
  expect(second.hears()).toBe(false)
})
