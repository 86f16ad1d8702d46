import { afterAll, expect, test } from 'vitest'
import { recordLeases } from '../../scripts/chaos/lease-history.ts'
import { connect } from '../../src/storage/connection.ts'
import { freshDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { takeFailPoint } from '../support/fail-point.ts'

const APP = 'lease-history'
const database = await freshDatabase()
const connection = await connect(`${database.uri}&appName=${APP}`, database.dbName)
const failPoint = await takeFailPoint(database.connection)
const lanes = database.connection
  .getClient()
  .db(database.dbName)
  .collection<{ _id: string }>('lanes')

afterAll(async () => {
  await failPoint.giveBack()
  await connection.close()
  await database.dispose()
})

test('lease history, whose stream fails before it has seen anything, misses no lease', async () => {
  const failing = { failCommands: ['getMore', 'aggregate'], errorCode: 112, appName: APP }
  await failPoint.set({ times: 20 }, failing)
  const history = await recordLeases(connection)
  const lease = { id: 'l1', holder: 'host/71/w', until: 1_000 }
  await lanes.insertOne({ _id: 'lane', lease } as { _id: string })
  await failPoint.set('off')
  await lanes.updateOne({ _id: 'lane' }, { $set: { 'lease.until': 2_000 } })
  await eventually('the longer lease', () =>
    history.changes.some((one) => one.lease?.until === 2_000),
  )
  await history.close()
  expect(history.changes.map((one) => [one.lane, one.lease])).toEqual([
    ['lane', { id: 'l1', pid: 71, until: 1_000 }],
    ['lane', { id: 'l1', pid: 71, until: 2_000 }],
  ])
})
