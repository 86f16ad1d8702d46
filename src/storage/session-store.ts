import type { Connection, mongo } from 'mongoose'
import type { SessionRecord, SessionStore } from '../auth/session-store.ts'
import { translated } from './errors.ts'
import { sessionOf, within } from './transaction.ts'

type SessionRow = Omit<SessionRecord, 'id'> & {
  _id: string
  /** A date: the index that forgets rows wants one. */
  forgetAt: Date
}

const rowsOf = (connection: Connection): mongo.Collection<SessionRow> =>
  connection
    .getClient()
    .db(connection.name)
    .collection<SessionRow>('sessions', { ignoreUndefined: true })

/** Creates the collection and its indexes. Safe to repeat. */
export async function prepareSessions(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('sessions')
    await rowsOf(connection).createIndexes([
      { key: { hash: 1 }, unique: true },
      { key: { forgetAt: 1 }, expireAfterSeconds: 0 },
    ])
  })
}

export function createSessionStore(connection: Connection): SessionStore {
  const rows = rowsOf(connection)
  return {
    insert: ({ id, ...session }, tx) =>
      within(tx, async () => {
        const forgetAt = new Date(session.expiresAt)
        await rows.insertOne({ _id: id, ...session, forgetAt }, sessionOf(tx))
      }),
    byHash: (hash) =>
      translated(async () => {
        const row = await rows.findOne({ hash })
        if (row === null) return null
        const { _id, forgetAt: _, ...session } = row
        return { id: _id, ...session }
      }),
    remove: (id, tx) =>
      within(tx, async () => (await rows.deleteOne({ _id: id }, sessionOf(tx))).deletedCount === 1),
  }
}
