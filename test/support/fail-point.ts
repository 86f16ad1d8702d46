import { type Connection, mongo } from 'mongoose'
import { eventually } from './eventually.ts'

/**
 * A mongod has one fail point `failCommand`, and the test files that run side by side share a mongod: they take turns.
 *
 * @returns what sets it, and what gives it to the next; until then nobody else has it
 */
export async function takeFailPoint(connection: Connection) {
  const client = connection.getClient()
  const turns = client.db('fail_points').collection<{ _id: string }>('turns')
  const isMine = async (): Promise<boolean> => {
    try {
      await turns.insertOne({ _id: 'failCommand' })
      return true
    } catch (error) {
      if (error instanceof mongo.MongoServerError && error.code === 11_000) return false
      throw error
    }
  }
  await eventually('the fail point is free', isMine)
  const set = async (mode: object | 'alwaysOn' | 'off', data: object = {}): Promise<void> => {
    await client.db('admin').command({ configureFailPoint: 'failCommand', mode, data })
  }
  return {
    set,
    giveBack: async (): Promise<void> => {
      await set('off')
      await turns.deleteOne({ _id: 'failCommand' })
    },
  }
}
