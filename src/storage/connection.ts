import mongoose, { type ClientSession, type Connection, type mongo } from 'mongoose'
import { HubError } from '../shared/errors.ts'
import { translateStorageError } from './errors.ts'

/**
 * Measured: with the driver's defaults a frozen primary hangs calls for its whole freeze. With these it is noticed within
 * four seconds. `timeoutMS` has no effect in driver 7.
 */
const CLIENT_OPTIONS = {
  socketTimeoutMS: 5_000,
  connectTimeoutMS: 2_000,
  heartbeatFrequencyMS: 2_000,
  serverSelectionTimeoutMS: 5_000,
  maxPoolSize: 64,
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
} as const

/** Collections and indexes are made by `prepare…`; storage that is away is an error at once, and no queue. */
const MAPPER_OPTIONS = { autoIndex: false, autoCreate: false, bufferCommands: false }

/**
 * How often each pool looks whether it has its least number of connections. Where none is asked for there is nothing
 * to see, and the driver's default wakes an idle process ten times a second. Internal to the driver: a client takes no
 * such option, and a driver that stops reading it costs CPU and nothing else.
 */
const POOL_CHECK_MS = 5_000

/**
 * Connects and makes sure that transactions are possible.
 *
 * @throws HubError ERR_CONFIG for a server that is no replica set and no mongos
 * @throws HubError ERR_STORAGE_UNAVAILABLE when nobody answers
 */
export async function connect(uri: string, dbName: string): Promise<Connection> {
  const client = clientOf(uri, dbName)
  try {
    const connection = mongoose.createConnection()
    Object.assign(connection.config, MAPPER_OPTIONS)
    connection.setClient(await client.connect())
    const hello = await connection.db?.admin().command({ hello: 1 })
    if (hello?.['setName'] === undefined && hello?.['msg'] !== 'isdbgrid') {
      throw new HubError(
        'ERR_CONFIG',
        'MONGODB_URI is a standalone server; transactions need a replica set. ' +
          'Start mongod with --replSet rs0 and run rs.initiate() once, even for a single node.',
      )
    }
    return connection
  } catch (error) {
    await client.close()
    throw translateStorageError(error)
  }
}

function clientOf(uri: string, dbName: string): mongo.MongoClient {
  const client = new mongoose.mongo.MongoClient(uri, CLIENT_OPTIONS)
  const mayBeEmpty = client.options.minPoolSize === 0
  Object.assign(client.options, {
    dbName,
    ...(mayBeEmpty ? { minPoolSizeCheckFrequencyMS: POOL_CHECK_MS } : {}),
  })
  return client
}

/**
 * Runs `work` in one transaction: snapshot reads, majority and journaled commit. The concerns are set here
 * because collection-level concerns are ignored inside transactions. `work` may run several times.
 */
export async function inTransaction<T>(
  connection: Connection,
  work: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const session = connection.getClient().startSession()
  try {
    return await session.withTransaction(() => work(session), {
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority', journal: true },
      readPreference: 'primary',
      maxCommitTimeMS: 5_000,
    })
  } catch (error) {
    throw translateStorageError(error)
  } finally {
    await session.endSession()
  }
}
