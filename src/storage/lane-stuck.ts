import { performance } from 'node:perf_hooks'
import mongoose from 'mongoose'

/**
 * A process that was killed leaves its open transaction behind, and a write of a row in it waits until the server gives
 * that up. Claims and swaps wait no longer than this, and leave that row alone for a while: it must not keep the others
 * waiting.
 */
export const LONGEST_MS = 1_500
const STUCK_MS = 5_000

/** Rows that nobody can change at present. */
export interface StuckRows {
  add(id: string): void
  present(): ReadonlySet<string>
}

export function createStuckRows(): StuckRows {
  /** Until when each is left out; monotonic ms. */
  const rows = new Map<string, number>()
  return {
    add: (id) => rows.set(id, performance.now() + STUCK_MS),
    present: () => {
      for (const [id, until] of rows) if (until <= performance.now()) rows.delete(id)
      return new Set(rows.keys())
    },
  }
}

/** MaxTimeMSExpired */
export const isOutOfTime = (error: unknown): boolean =>
  error instanceof mongoose.mongo.MongoError && error.code === 50
