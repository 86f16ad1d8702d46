import { randomBytes } from 'node:crypto'
import type { Connection } from 'mongoose'
import { inject } from 'vitest'
import { connect } from '../../src/storage/connection.ts'

/** A connection to an empty database of its own on the run's mongod. Drop it with `dispose`. */
export async function freshDatabase(): Promise<{
  connection: Connection
  uri: string
  dbName: string
  dispose(): Promise<void>
}> {
  const uri = inject('mongodbUri')
  const dbName = `t_${randomBytes(6).toString('hex')}`
  const connection = await connect(uri, dbName)
  return {
    connection,
    uri,
    dbName,
    dispose: async () => {
      await connection.dropDatabase()
      await connection.close()
    },
  }
}
