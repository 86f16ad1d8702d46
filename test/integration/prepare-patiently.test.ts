import { afterAll, beforeAll, expect, test } from 'vitest'
import { HubError } from '../../src/shared/errors.ts'
import { preparePatiently } from '../../src/storage/prepare-patiently.ts'
import { freshDatabase } from '../support/database.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>

beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(() => database.dispose())

/** As a call that ends before its index is built. */
const slow = (times: number) => {
  let left = times
  return async (): Promise<void> => {
    if (left-- > 0) throw new HubError('ERR_STORAGE_UNAVAILABLE', 'storage is away; try again')
  }
}

test('preparing, longer than a call may last on a server that answers, goes on and says so once', async () => {
  let told = 0
  const onWait = (): void => {
    told += 1
  }
  await preparePatiently(database.connection, slow(2), { onWait })
  expect(told).toBe(1)
})

test('preparing, without an end, is given up after an hour', async () => {
  let hours = 0
  const clock = { now: () => 3_600_000 * hours++ }
  await expect(preparePatiently(database.connection, slow(9), { clock })).rejects.toThrow(
    'storage is away',
  )
})

test('preparing, on a fault that is no lack of time, fails at once', async () => {
  let tries = 0
  const refused = async (): Promise<void> => {
    tries += 1
    throw new HubError('ERR_MASTER_KEY', 'another key')
  }
  await expect(preparePatiently(database.connection, refused)).rejects.toThrow('another key')
  expect(tries).toBe(1)
})

test('preparing, on a server that does not answer, fails instead of waiting', async () => {
  const gone = await freshDatabase()
  await gone.dispose()
  await gone.connection.close()
  await expect(preparePatiently(gone.connection, slow(1))).rejects.toThrow('storage is away')
})
