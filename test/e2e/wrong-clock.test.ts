import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { HOUR, MINUTE } from '../../src/shared/clock.ts'
import { startHub } from '../support/hub.ts'

const hub = await startHub({ ROLE: 'web' })
afterEach(() => {
  vi.useRealTimers()
})
afterAll(() => hub.stop())

test('a departure, taken in by a host whose clock is an hour ahead, was received when the database says', async () => {
  const source = await hub.client.createSource('okta')
  const userId = await source.createUser('ann')
  const before = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now: before + HOUR })
  await source.patch(`/Users/${userId}`, { op: 'replace', path: 'active', value: false })
  vi.useRealTimers()
  const db = hub.database.connection.getClient().db(hub.database.dbName)
  const offboarding = await db.collection('offboardings').findOne({ userId })
  expect(offboarding?.['cause'].receivedAt).toBeLessThan(before + 30 * MINUTE)
})
