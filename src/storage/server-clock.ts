import { performance } from 'node:perf_hooks'
import type { Connection } from 'mongoose'
import type { Clock } from '../shared/clock.ts'

export interface ServerClock extends Clock {
  /** Asks the server again; call it every few seconds. */
  refresh(): Promise<void>
}

/** The server's time, seen between two readings of this machine's monotonic clock, all in ms. */
export interface ClockReading {
  sent: number
  server: number
  received: number
}

/** Between what the server's clock is ahead of this machine's monotonic one, in ms; as known at `at`. */
export interface OffsetBounds {
  least: number
  most: number
  at: number
}

/** Two clocks drift apart by less: ten times what quartz does. */
const MOST_DRIFT = 1 / 1_000
/** A first answer that says it less exactly is asked for again, so often at most. */
const EXACT_MS = 100
const MOST_FIRST = 5

/**
 * The database's clock, carried on by this machine's monotonic clock. Leases and due times of several hub processes then
 * agree however wrong their own clocks are.
 *
 * An answer that took long (the process or the server was frozen meanwhile) says little: it moves the clock no
 * further than it must, or leases would be taken back too early, or held too long.
 */
export async function createServerClock(connection: Connection): Promise<ServerClock> {
  const read = async (): Promise<ClockReading> => {
    const sent = performance.now()
    const hello = await connection.getClient().db('admin').command({ hello: 1 })
    const server = (hello['localTime'] as Date).getTime()
    return { sent, server, received: performance.now() }
  }
  let bounds = narrowed(undefined, await read())
  const refresh = async (): Promise<void> => {
    const reading = await read()
    bounds = narrowed(bounds, reading)
  }
  for (let asked = 1; asked < MOST_FIRST && bounds.most - bounds.least > EXACT_MS; asked += 1) {
    await refresh()
  }
  return { now: () => Math.round(performance.now() + (bounds.least + bounds.most) / 2), refresh }
}

/**
 * What is known after one more reading: what both allow. Where they exclude each other, one of the clocks was set or
 * another server answers, and the newer one holds.
 */
export function narrowed(known: OffsetBounds | undefined, reading: ClockReading): OffsetBounds {
  const { sent, server, received } = reading
  const least = server - received
  const most = server - sent
  if (known === undefined) return { least, most, at: received }
  const drift = Math.max(received - known.at, 0) * MOST_DRIFT
  const both = {
    least: Math.max(least, known.least - drift),
    most: Math.min(most, known.most + drift),
  }
  return both.least <= both.most ? { ...both, at: received } : { least, most, at: received }
}
