import mongoose, { type Connection, type mongo } from 'mongoose'
import { iso, systemClock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { type BackupRow, readBackup, writeBackup } from './backup-file.ts'
import { translated } from './errors.ts'
import { masterKeysInUse } from './master-key.ts'

/** Not kept: who is signed in, who holds a lease, who was woken. A restored database begins without. */
const LEFT_OUT = new Set(['sessions', 'ledger_leases', 'lane_wakes', 'restores'])

const ROWS_PER_INSERT = 500

export interface BackupResult {
  /** Rows by collection. */
  collections: Record<string, number>
  clusterTime: string
}

/**
 * Copies the whole database into a file, of one moment of the cluster, while hubs work on it.
 *
 * @param options.onCollection called at the beginning of each, for people who wait
 * @throws HubError ERR_STORAGE_UNAVAILABLE when reading took longer than MongoDB keeps a snapshot (5 minutes by default)
 */
export async function backUp(
  connection: Connection,
  path: string,
  options: {
    software: string
    ledgerOrigin: string
    onCollection?: (name: string, index: number, of: number) => void
  },
): Promise<BackupResult> {
  const client = connection.getClient()
  const db = client.db(connection.name)
  const session = client.startSession({ snapshot: true })
  const clusterTime = (): string => timeOf(session)
  try {
    const masterKeys = await masterKeysInUse(connection)
    const names = (await translated(() => db.listCollections({}, { nameOnly: true }).toArray()))
      .map(({ name }) => name)
      .filter((name) => !name.startsWith('system.') && !LEFT_OUT.has(name))
      .sort()
    const collections = await writeBackup(
      path,
      () => ({
        format: 'quittance-backup',
        version: 1,
        software: options.software,
        at: iso(systemClock.now()),
        clusterTime: clusterTime(),
        masterKeys,
        ledgerOrigin: options.ledgerOrigin,
      }),
      names.map((name, index) => ({
        name,
        rows: rowsOf(db, name, session, () => options.onCollection?.(name, index, names.length)),
      })),
    )
    return { collections, clusterTime: clusterTime() }
  } catch (error) {
    throw tooOld(error)
  } finally {
    await session.endSession()
  }
}

async function* rowsOf(
  db: mongo.Db,
  name: string,
  session: mongo.ClientSession,
  onBegin: () => void,
): AsyncGenerator<BackupRow> {
  onBegin()
  // Exactly what is stored: an Int64 stays one.
  const rows = db.collection(name, {
    promoteValues: false,
    promoteBuffers: false,
    promoteLongs: false,
  })
  yield* rows.find({}, { session, sort: { _id: 1 }, batchSize: 1_000 })
}

/** `<seconds>.<increment>` of the snapshot. */
function timeOf(session: mongo.ClientSession): string {
  const { snapshotTime } = session as unknown as { snapshotTime?: mongo.Timestamp }
  return snapshotTime === undefined ? '' : `${snapshotTime.t}.${snapshotTime.i}`
}

/** SnapshotTooOld. @see https://www.mongodb.com/docs/manual/reference/read-concern-snapshot/ */
function tooOld(error: unknown): unknown {
  if (!(error instanceof mongoose.mongo.MongoServerError && error.code === 239)) return error
  return new HubError(
    'ERR_STORAGE_UNAVAILABLE',
    'reading took longer than MongoDB keeps a snapshot; raise minSnapshotHistoryWindowInSeconds, ' +
      'or use a snapshot of the volume or mongodump --oplog (docs/operations.md)',
    { cause: error },
  )
}

/**
 * Writes a backup into an empty database. A hub refuses to start on it until the last row is there.
 *
 * @returns rows by collection
 * @throws HubError ERR_CONFLICT when the database is not empty
 * @throws HubError ERR_INVALID_VALUE when the file is not whole: the database is left unusable on purpose
 */
export async function restoreBackup(
  connection: Connection,
  path: string,
  onRows: (rows: number) => void = () => {},
): Promise<Record<string, number>> {
  const db = connection.getClient().db(connection.name)
  const isResumed = (await translated(() => unfinished(connection))) !== null
  await translated(async () => {
    for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
      if (isResumed && name !== RESTORES) await db.dropCollection(name)
      else if (name !== RESTORES && (await db.collection(name).findOne({})) !== null) {
        throw new HubError(
          'ERR_CONFLICT',
          `the database ${connection.name} is not empty (${name}); name a new one with MONGODB_DB`,
        )
      }
    }
    await restoresOf(connection).updateOne(
      { _id: 'restore' },
      { $set: { state: 'unfinished' } },
      { upsert: true },
    )
  })
  const counts: Record<string, number> = {}
  let name = ''
  let rows: BackupRow[] = []
  let total = 0
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return
    await translated(() => db.collection(name).insertMany(rows, { ordered: false }))
    counts[name] = (counts[name] ?? 0) + rows.length
    total += rows.length
    rows = []
    onRows(total)
  }
  for await (const { collection, row } of readBackup(path, { exact: true })) {
    if (collection !== name || rows.length >= ROWS_PER_INSERT) await flush()
    name = collection
    rows.push(row)
  }
  await flush()
  await translated(() => restoresOf(connection).deleteOne({ _id: 'restore' }))
  return counts
}

const RESTORES = 'restores'
const restoresOf = (connection: Connection) =>
  connection.collection<{ _id: string; state: string }>(RESTORES)

const unfinished = (connection: Connection) => restoresOf(connection).findOne({ _id: 'restore' })

/** @throws HubError ERR_CONFLICT when this database was filled from a backup that did not come to its end */
export async function refuseUnfinishedRestore(connection: Connection): Promise<void> {
  if ((await translated(() => unfinished(connection))) === null) return
  throw new HubError(
    'ERR_CONFLICT',
    `the restore into ${connection.name} did not come to its end; run quittance restore again`,
  )
}
