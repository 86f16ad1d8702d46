import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLease, LEASE_MS } from '../../src/ledger/lease.ts'
import { createLedgerStore, prepareLedger } from '../../src/storage/ledger-store.ts'
import { freshDatabase } from '../support/database.ts'
import { ORIGIN } from '../support/ledger.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
beforeAll(async () => {
  database = await freshDatabase()
  await prepareLedger(database.connection)
})
afterAll(() => database.dispose())

test('lease, looked after in every half of it, is nobody else’s at any moment', async () => {
  const store = createLedgerStore(database.connection, ORIGIN)
  let now = 1_000_000
  const leaseOf = (holder: string) =>
    createLease({ store, task: 'sealing', holder, clock: { now: () => now } })
  const [mine, theirs] = [leaseOf('a'), leaseOf('b')]
  expect(await mine.hold()).toBe('new-term')
  for (let look = 0; look < 8; look += 1) {
    // A timer may ring a moment early or late.
    now += LEASE_MS / 2 + (look % 2 === 0 ? -2 : 2)
    expect(await theirs.hold()).toBe('away')
    expect(await mine.hold()).toBe('held')
    // The look after this one may come as late as that.
    now += LEASE_MS / 2 + 1_000
    expect(await theirs.hold()).toBe('away')
    now -= LEASE_MS / 2 + 1_000
  }
})
