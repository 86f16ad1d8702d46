import type { Connection } from 'mongoose'
import { CLOSED_STATES } from '../revocation/types.ts'
import type { WatchStore } from '../revocation/watch-store.ts'
import { translated } from './errors.ts'
import { revocationsOf } from './revocation-models.ts'
import { revocationOf } from './revocation-reader.ts'
import { sessionOf } from './transaction.ts'

/** What the clock asks of revocations, in MongoDB. Call `prepareRevocations` once before. */
export function createWatchStore(connection: Connection): WatchStore {
  const revocations = revocationsOf(connection)
  return {
    escalating: (by, limit) =>
      translated(async () => {
        // What is verified waits for its seal alone: nobody is late with it, and a change of it would make the sealing
        // of a whole batch start over.
        const rows = await revocations
          .find({
            open: true,
            escalateAt: { $lte: by },
            state: { $nin: ['verified', ...CLOSED_STATES] },
          })
          .sort({ escalateAt: 1 })
          .limit(limit)
          .toArray()
        return rows.map((row) => ({
          revocation: revocationOf(row),
          level: row.escalated ?? 0,
          at: row.escalateAt ?? by,
        }))
      }),

    escalate: async (id, from, to, next, tx) => {
      const result = await revocations.updateOne(
        { _id: id, open: true, escalated: from },
        next === undefined
          ? { $set: { escalated: to }, $unset: { escalateAt: '' } }
          : { $set: { escalated: to, escalateAt: next } },
        sessionOf(tx),
      )
      return result.modifiedCount === 1
    },

    reobservable: (now, limit, leftOut) =>
      translated(async () => {
        const others = leftOut.length === 0 ? {} : { appId: { $nin: [...leftOut] } }
        const rows = await revocations
          .find({ state: 'proven', reobserveAt: { $lte: now }, ...others })
          .sort({ reobserveAt: 1 })
          .limit(limit)
          .toArray()
        return rows.map((row) => ({ revocation: revocationOf(row), done: row.reobserved ?? 0 }))
      }),

    beginReobservation: (id, now, until) =>
      translated(async () => {
        const result = await revocations.updateOne(
          { _id: id, reobserveAt: { $lte: now } },
          { $set: { reobserveAt: until } },
        )
        return result.modifiedCount === 1
      }),

    endReobservation: (id, { done, next, looked }) =>
      translated(async () => {
        await revocations.updateOne(
          { _id: id },
          next === undefined
            ? { $set: { reobserved: done, looked }, $unset: { reobserveAt: '' } }
            : { $set: { reobserved: done, looked, reobserveAt: next } },
        )
      }),
  }
}
