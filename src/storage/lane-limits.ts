import type { Connection, mongo } from 'mongoose'
import type { Instant } from '../shared/clock.ts'
import { translated } from './errors.ts'

interface PaceRow {
  /** The app. */
  _id: string
  /** When the next free slot begins, by the server's clock; ms. */
  next: number
}

/** One row per app with a rate, shared by all processes. */
export const pacesOf = (connection: Connection): mongo.Collection<PaceRow> =>
  connection.getClient().db(connection.name).collection<PaceRow>('app_paces')

/** Takes `count` slots in a row; one update on the server's clock, so that slots are given out once. */
export async function reserveSlots(
  paces: mongo.Collection<PaceRow>,
  { appId, gapMs, count }: { appId: string; gapMs: number; count: number },
): Promise<Instant> {
  const free = { $max: [{ $ifNull: ['$next', 0] }, { $toLong: '$$NOW' }] }
  const row = await translated(() =>
    paces.findOneAndUpdate({ _id: appId }, [{ $set: { next: { $add: [free, gapMs * count] } } }], {
      upsert: true,
      returnDocument: 'after',
    }),
  )
  return Number(row?.next ?? 0) - gapMs * count
}
