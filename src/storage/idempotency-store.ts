import mongoose, { type Connection, type mongo } from 'mongoose'
import type { IdempotencyStore, KeptAnswer, KnownRequest } from '../auth/idempotency-store.ts'
import { DAY, MINUTE } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { translated } from './errors.ts'
import { sessionOf, within } from './transaction.ts'

interface IdempotencyRow {
  _id: string
  request: string
  lock: string
  lockedUntil: number
  committed: boolean
  answer?: KeptAnswer
  /** A date: the index that forgets rows wants one. */
  expiresAt: Date
}

const rowsOf = (connection: Connection): mongo.Collection<IdempotencyRow> =>
  connection
    .getClient()
    .db(connection.name)
    .collection<IdempotencyRow>('idempotency_keys', { promoteBuffers: true })

/** Creates the collection and the index that forgets keys after a day. Safe to repeat. */
export async function prepareIdempotency(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('idempotency_keys')
    await rowsOf(connection).createIndexes([{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }])
  })
}

export function createIdempotencyStore(connection: Connection): IdempotencyStore {
  const rows = rowsOf(connection)
  return {
    begin: ({ id, request, lock, now }) =>
      translated(async () => {
        const taken = {
          request,
          lock,
          lockedUntil: now + MINUTE,
          committed: false,
          expiresAt: new Date(now + DAY),
        }
        try {
          await rows.insertOne({ _id: id, ...taken })
          return 'begun'
        } catch (error) {
          if (!(error instanceof mongoose.mongo.MongoServerError && error.code === 11000))
            throw error
        }
        const over = await rows.updateOne(
          {
            _id: id,
            $or: [
              { expiresAt: { $lte: new Date(now) } },
              { answer: { $exists: false }, committed: false, lockedUntil: { $lte: now } },
            ],
          },
          { $set: taken, $unset: { answer: '' } },
        )
        if (over.matchedCount === 1) return 'begun'
        const row = await rows.findOne({ _id: id })
        // Forgotten between the two looks: whoever asks again gets it.
        return row === null ? { request, committed: false } : known(row)
      }),

    committed: (id, lock, tx) =>
      within(tx, async () => {
        const done = await rows.updateOne(
          { _id: id, lock },
          { $set: { committed: true } },
          sessionOf(tx),
        )
        if (done.matchedCount === 0) {
          throw new HubError('ERR_CONFLICT', 'this request was taken over by a repeated one')
        }
      }),

    finish: (id, lock, answer) =>
      translated(async () => {
        await rows.updateOne({ _id: id, lock }, { $set: { answer } })
      }),

    abandon: (id, lock) =>
      translated(async () => {
        await rows.deleteOne({ _id: id, lock, committed: false })
      }),
  }
}

function known({ request, committed, answer }: IdempotencyRow): KnownRequest {
  return { request, committed, ...(answer === undefined ? {} : { answer }) }
}
