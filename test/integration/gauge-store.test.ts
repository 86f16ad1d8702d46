import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Revocation } from '../../src/revocation/types.ts'
import { prepareDeliveries } from '../../src/storage/alert-delivery-store.ts'
import { createAlertStore, prepareAlerts } from '../../src/storage/alert-store.ts'
import { createGaugeStore } from '../../src/storage/gauge-store.ts'
import { lanesOf, prepareLanes } from '../../src/storage/lane-models.ts'
import type { LaneRow } from '../../src/storage/lane-rows.ts'
import {
  prepareRevocations,
  type RevocationRow,
  revocationsOf,
} from '../../src/storage/revocation-models.ts'
import { createRevocationReader } from '../../src/storage/revocation-reader.ts'
import { freshDatabase } from '../support/database.ts'

const NOW = 1_000_000
let database: Awaited<ReturnType<typeof freshDatabase>>
let gauges: ReturnType<typeof createGaugeStore>

const row = (
  n: number,
  more: Partial<Revocation> & Pick<RevocationRow, 'open'>,
): RevocationRow => ({
  _id: `r${n}`,
  offboardingId: 'o',
  sourceId: 's',
  userId: `u${n}`,
  appId: n % 2 === 0 ? 'crm' : 'erp',
  facet: 'account',
  generation: 1,
  class: 2,
  state: 'due',
  attempts: 0,
  openedAt: NOW - 100 * n,
  deadlineAt: NOW + 10,
  updatedAt: NOW,
  ...more,
})

beforeAll(async () => {
  database = await freshDatabase()
  const { connection } = database
  await Promise.all(
    [prepareRevocations, prepareLanes, prepareAlerts, prepareDeliveries].map((prepare) =>
      prepare(connection),
    ),
  )
  gauges = createGaugeStore(connection)
  await revocationsOf(connection).insertMany([
    row(1, { open: true }),
    row(2, { open: true, deadlineAt: NOW - 1 }),
    row(3, { open: true, class: 0, state: 'human', deadlineAt: NOW - 2 }),
    // Its outcome is known and waits for the seal: nobody owes it any more.
    row(4, { open: true, state: 'waived', deadlineAt: NOW - 3 }),
    row(5, { open: false, state: 'proven', deadlineAt: NOW - 4 }),
  ])
})
afterAll(() => database.dispose())

test('gauges of what is open, of several classes and states, count what is owed', async () => {
  const open = await gauges.open(NOW)
  expect(open.sort((a, b) => a.class - b.class)).toEqual([
    {
      class: 0,
      open: 1,
      overdue: 1,
      human: 1,
      firstOpenedAt: NOW - 300,
      firstDeadlineAt: NOW - 2,
    },
    {
      class: 2,
      open: 2,
      overdue: 1,
      human: 0,
      firstOpenedAt: NOW - 200,
      firstDeadlineAt: NOW - 1,
    },
  ])
})

test('sums of all that is open, for metrics and for the summary, read an index and no row', async () => {
  const db = database.connection.getClient().db(database.connection.name)
  await db.command({ profile: 2 })
  await gauges.open(NOW)
  await createRevocationReader(database.connection).openSummary(NOW)
  await revocationsOf(database.connection).find({ class: 2 }).toArray()
  await db.command({ profile: 0 })
  const seen = await db
    .collection('system.profile')
    .find({ ns: `${database.connection.name}.revocations`, op: { $in: ['command', 'query'] } })
    .sort({ ts: 1 })
    .toArray()
  expect(seen.map(({ docsExamined }) => docsExamined)).toEqual([0, 0, 5])
})

test('gauges of lanes, of which one is due and one is leased, have the age of the oldest', async () => {
  expect(await gauges.lanes(NOW)).toEqual({ due: 0, leased: 0, oldestDueAt: null })
  const rows: Partial<LaneRow>[] = [
    { _id: 'a', waits: true, dueAt: NOW - 50 },
    { _id: 'b', waits: true, dueAt: NOW + 50 },
    { _id: 'c', waits: false, dueAt: NOW - 90, lease: { id: 'l', holder: 'h', until: NOW } },
  ]
  await lanesOf(database.connection).insertMany(rows as LaneRow[])
  expect(await gauges.lanes(NOW)).toEqual({ due: 1, leased: 1, oldestDueAt: NOW - 50 })
  await lanesOf(database.connection).deleteMany({})
})

test('gauges of alerts, resolved ones among them, count those of each rule that are not', async () => {
  const alerts = createAlertStore(database.connection)
  const finding = { rule: 'storm', about: {}, facts: {} } as const
  for (const key of ['1', '2', '3']) await alerts.raise({ ...finding, key }, NOW)
  await alerts.acknowledge('storm:1', 'ann', NOW)
  await alerts.resolve(['storm:3'], NOW)
  expect(await gauges.alerts()).toEqual([{ rule: 'storm', count: 2 }])
})

test('gauges of deliveries, waiting, done and given up, count the first and the last', async () => {
  const rows = ['waiting', 'delivered', 'dead', 'dead'].map((state) => ({ state }))
  await database.connection
    .getClient()
    .db(database.connection.name)
    .collection('alert_deliveries')
    .insertMany(rows)
  expect(await gauges.deliveries()).toEqual({ waiting: 1, undelivered: 2 })
})
