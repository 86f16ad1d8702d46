import type { Connection, mongo } from 'mongoose'
import type { AssertionStore } from '../auth/assertion-store.ts'
import { isHubError } from '../shared/errors.ts'
import { translated } from './errors.ts'

interface UsedRow {
  _id: string
  /** A date: MongoDB deletes the row after it. */
  until: Date
}

const usedOf = (connection: Connection): mongo.Collection<UsedRow> =>
  connection.getClient().db(connection.name).collection<UsedRow>('used_assertions')

/** Creates the collection and its indexes. Safe to repeat. */
export async function prepareAssertions(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('used_assertions')
    await usedOf(connection).createIndex({ until: 1 }, { expireAfterSeconds: 0 })
  })
}

export function createAssertionStore(connection: Connection): AssertionStore {
  const used = usedOf(connection)
  return {
    use: async (name, until) => {
      try {
        await translated(() => used.insertOne({ _id: name, until: new Date(until) }))
        return true
      } catch (error) {
        if (isHubError(error, 'ERR_UNIQUENESS')) return false
        throw error
      }
    },
  }
}
