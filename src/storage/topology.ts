import mongoose, { type Connection, type mongo } from 'mongoose'
import { translated } from './errors.ts'

/** What the database server says of itself. `undefined`: this user may not ask. */
export interface ServerFacts {
  version: string
  kind: 'replica set' | 'mongos'
  /** Members that vote, and those that hold data and can be reached. */
  voting: number | undefined
  healthy: number | undefined
  /** Is a majority write on disk when it is acknowledged? */
  journaled: boolean | undefined
  /** Seconds for which what a killed process left open holds its rows. */
  transactionLifetimeSeconds: number | undefined
  /** Milliseconds by which this machine's clock is ahead of the server's, within half a round trip. */
  aheadMs: number
  roundTripMs: number
  /** Bytes on the server's disk. */
  disk: { free: number; total: number } | undefined
}

/** @param now this machine's clock, in ms */
export async function serverFacts(connection: Connection, now: () => number): Promise<ServerFacts> {
  const client = connection.getClient()
  const admin = client.db('admin')
  const hello = await nearestHello(admin, now)
  const { version } = await translated(() => admin.command({ buildInfo: 1 }))
  const config = (await allowed(() => admin.command({ replSetGetConfig: 1 })))?.['config']
  const status = await allowed(() => admin.command({ replSetGetStatus: 1 }))
  const parameter = await allowed(() =>
    admin.command({ getParameter: 1, transactionLifetimeLimitSeconds: 1 }),
  )
  const stats = await allowed(() => client.db(connection.name).command({ dbStats: 1 }))
  const total = Number(stats?.['fsTotalSize'] ?? 0)
  return {
    version: String(version),
    kind: hello.isMongos ? 'mongos' : 'replica set',
    voting: config?.members.filter(({ votes }: { votes?: number }) => votes !== 0).length,
    healthy: status?.['members'].filter(
      ({ health, state }: { health: number; state: number }) =>
        health === 1 && (state === PRIMARY || state === SECONDARY),
    ).length,
    journaled: config && config.writeConcernMajorityJournalDefault !== false,
    transactionLifetimeSeconds: parameter?.['transactionLifetimeLimitSeconds'],
    aheadMs: hello.aheadMs,
    roundTripMs: hello.roundTripMs,
    disk: total === 0 ? undefined : { total, free: total - Number(stats?.['fsUsedSize']) },
  }
}

/** Member states. @see https://www.mongodb.com/docs/manual/reference/replica-states/ */
const PRIMARY = 1
const SECONDARY = 2

/** Of three answers, the fastest tells most about the clocks. */
async function nearestHello(admin: mongo.Db, now: () => number) {
  let best = { aheadMs: 0, roundTripMs: Number.POSITIVE_INFINITY, isMongos: false }
  for (let n = 0; n < 3; n += 1) {
    const sent = now()
    const hello = await translated(() => admin.command({ hello: 1 }))
    const roundTripMs = now() - sent
    if (roundTripMs >= best.roundTripMs) continue
    const there = (hello['localTime'] as Date).getTime()
    const isMongos = hello['msg'] === 'isdbgrid'
    best = { aheadMs: sent + roundTripMs / 2 - there, roundTripMs, isMongos }
  }
  return best
}

/** "You may not ask" is an answer; a failure is none. */
async function allowed(ask: () => Promise<mongo.Document>): Promise<mongo.Document | undefined> {
  try {
    return await translated(ask)
  } catch (error) {
    const { MongoServerError } = mongoose.mongo
    // Unauthorized, CommandNotFound, NoReplicationEnabled: a mongos knows no replica set.
    if (error instanceof MongoServerError && [13, 59, 76].includes(Number(error.code))) {
      return undefined
    }
    throw error
  }
}
