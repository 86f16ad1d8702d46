import { performance } from 'node:perf_hooks'
import type { Connection } from 'mongoose'
import type { Clock } from '../shared/clock.ts'

export interface ServerClock extends Clock {
  /** Asks the server again; call it every few seconds. */
  refresh(): Promise<void>
}

/**
 * The database's clock, read once and carried on by this machine's monotonic clock. Leases and due times
 * of several hub processes then agree however wrong their own clocks are; the error is at most one round trip.
 */
export async function createServerClock(connection: Connection): Promise<ServerClock> {
  let offset = 0
  const refresh = async (): Promise<void> => {
    const sent = performance.now()
    const hello = await connection.getClient().db('admin').command({ hello: 1 })
    const received = performance.now()
    offset = (hello['localTime'] as Date).getTime() - (sent + received) / 2
  }
  await refresh()
  return { now: () => Math.round(performance.now() + offset), refresh }
}
