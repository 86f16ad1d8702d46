import { afterAll, expect, test } from 'vitest'
import { createHeartbeatRecorder } from '../../src/auth/heartbeat-recorder.ts'
import {
  createHeartbeatStore,
  prepareHeartbeats,
} from '../../src/storage/source-heartbeat-store.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
afterAll(() => database.dispose())
await prepareHeartbeats(database.connection)
const store = createHeartbeatStore(database.connection)

test('heartbeat store, many processes at once, lose no call', async () => {
  const recorders = Array.from({ length: 8 }, () =>
    createHeartbeatRecorder({ store, clock: { now: () => 1_000 }, onFailed: () => {} }),
  )
  for (const recorder of recorders) {
    for (let i = 0; i < 5; i++) {
      const tolerated = ['a.b']
      recorder.heard({ sourceId: 'many', changed: i === 0, status: i === 1 ? 400 : 200, tolerated })
    }
  }
  await Promise.all(recorders.map((recorder) => recorder.flush()))
  expect(await store.heartbeat('many')).toEqual({
    sourceId: 'many',
    lastCallAt: 1_000,
    lastChangeAt: 1_000,
    hours: [{ at: 0, calls: 40, changes: 8, errors: 8 }],
    tolerated: { 'a.b': 40 },
  })
  expect(await store.heartbeat('nobody')).toBeNull()
  expect(await store.all()).toHaveLength(1)
})

test('heartbeat recorder, while nothing can be written, keeps what it heard', async () => {
  let now = 0
  let away = true
  const failures: unknown[] = []
  const recorder = createHeartbeatRecorder({
    store: { add: (beat) => (away ? Promise.reject(new Error('away')) : store.add(beat)) },
    clock: { now: () => now },
    onFailed: (error) => failures.push(error),
  })
  recorder.heard({ sourceId: 'kept', changed: false, status: 200 })
  await recorder.flush()
  now = 60_000
  recorder.heard({ sourceId: 'kept', changed: true, status: 404 })
  away = false
  await recorder.stop()
  expect(failures).toHaveLength(1)
  expect(await store.heartbeat('kept')).toMatchObject({
    lastCallAt: 60_000,
    hours: [{ calls: 2, changes: 1, errors: 0 }],
  })
})
