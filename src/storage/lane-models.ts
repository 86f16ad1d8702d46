import type { Connection, mongo } from 'mongoose'
import { translated } from './errors.ts'
import type { LaneRow } from './lane-rows.ts'

/**
 * The collection of lanes. Lanes are written whole, by one function and by compare-and-swap, so they need no
 * schema of the mapper's: the type of `transition` is the schema.
 */
export function lanesOf(connection: Connection): mongo.Collection<LaneRow> {
  return connection
    .getClient()
    .db(connection.name)
    .collection<LaneRow>('lanes', { ignoreUndefined: true, promoteBuffers: true })
}

const INDEXES: mongo.IndexDescription[] = [
  // Claims: most urgent first. Rows that wait behind a back-off are skipped, not read.
  {
    key: { appId: 1, priority: 1, dueAt: 1 },
    name: 'claim_by_priority',
    partialFilterExpression: { waits: true },
  },
  // Claims by age, and the earliest due time of each app.
  {
    key: { appId: 1, dueAt: 1 },
    name: 'claim_by_age',
    partialFilterExpression: { waits: true },
  },
  {
    key: { 'lease.until': 1 },
    name: 'expired_leases',
    partialFilterExpression: { 'lease.until': { $gt: 0 } },
  },
  {
    key: { appId: 1, 'lease.until': 1 },
    name: 'leased_of_app',
    partialFilterExpression: { 'lease.until': { $gt: 0 } },
  },
  { key: { news: 1 }, name: 'news', partialFilterExpression: { news: true } },
  // Is anything due at all? One index entry, however many apps there are.
  { key: { dueAt: 1 }, name: 'due', partialFilterExpression: { waits: true } },
  { key: { sourceId: 1, userId: 1 }, name: 'of_user' },
  // Who else is linked to an account that is to be put back?
  {
    key: { appId: 1, 'links.handleId': 1 },
    name: 'of_account',
    partialFilterExpression: { 'links.handleId': { $gt: '' } },
  },
  // What an app refuses to put back; nearly always there is none.
  {
    key: { 'undo.stuck': 1 },
    name: 'stuck',
    partialFilterExpression: { 'undo.stuck': { $gt: '' } },
  },
]

/** Creates the collection and its indexes. Safe to repeat; run it before the first request. */
export async function prepareLanes(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('lanes')
    await connection.createCollection('app_paces')
    await lanesOf(connection).createIndexes(INDEXES)
  })
}
