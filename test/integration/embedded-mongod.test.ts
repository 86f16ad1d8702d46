import { afterAll, expect, test } from 'vitest'
import { inTransaction } from '../../src/storage/connection.ts'
import { createServerClock } from '../../src/storage/server-clock.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
afterAll(() => database.dispose())

test('embedded mongod, a transaction that throws, writes nothing', async () => {
  const rows = database.connection.collection('rows')
  await rows.insertOne({ kept: true })
  await expect(
    inTransaction(database.connection, async (session) => {
      await rows.insertOne({ kept: false }, { session })
      throw new RangeError('planned')
    }),
  ).rejects.toThrow(RangeError)
  expect(await rows.countDocuments()).toBe(1)
})

test('server clock, compared with the machine it runs on, differs by less than a second', async () => {
  const clock = await createServerClock(database.connection)
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000)
})
