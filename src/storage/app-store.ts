import { performance } from 'node:perf_hooks'
import { type Connection, type Model, Schema } from 'mongoose'
import type { AppStore } from '../revocation/store.ts'
import type { AppRecord } from '../revocation/types.ts'
import type { Transaction } from '../shared/transaction.ts'
import { translated } from './errors.ts'
import { sessionOf, within } from './transaction.ts'

/** Registered apps, with what only the API may do to them. */
export interface AppRegistry extends AppStore {
  /** @throws HubError ERR_UNIQUENESS when another app has this name */
  insert(app: AppRecord, tx?: Transaction): Promise<void>
  /**
   * Compare-and-swap on `expectedVersion`; false when somebody was faster or it is gone.
   * @throws HubError ERR_UNIQUENESS when another app has this name
   */
  replace(app: AppRecord, expectedVersion: number, tx?: Transaction): Promise<boolean>
  /** Forgets what is cached: call it after the commit of a change. */
  invalidate(): void
}

type AppRow = Omit<AppRecord, 'id'> & { _id: string }

const text = { type: String, required: true } as const
const number = { type: Number, required: true } as const
const schema = new Schema<AppRow>(
  {
    _id: text,
    name: text,
    connectorId: text,
    config: Schema.Types.Mixed,
    scope: { type: Schema.Types.Mixed, required: true },
    class: number,
    owners: { type: [String], required: true },
    state: text,
    removedAt: Number,
    allowNetworks: { type: [String], required: true },
    createdAt: number,
    updatedAt: number,
    version: number,
  },
  { collection: 'apps', versionKey: false, id: false, minimize: false, strict: 'throw' },
)
schema.index({ name: 1 }, { unique: true })

const appsOf = (connection: Connection): Model<AppRow> =>
  (connection.models['App'] as Model<AppRow> | undefined) ?? connection.model<AppRow>('App', schema)

/** Creates the collection and its indexes. */
export async function prepareApps(connection: Connection): Promise<void> {
  await translated(async () => {
    await appsOf(connection).createCollection()
    await appsOf(connection).createIndexes()
  })
}

/** Another process sees a change after at most this. */
const CACHED_MS = 1_000

export function createAppStore(connection: Connection): AppRegistry {
  const apps = appsOf(connection)
  const plain = connection.getClient().db(connection.name).collection<AppRow>('apps')
  let cached: { until: number; apps: Promise<AppRecord[]> } | undefined

  const read = (tx?: Transaction): Promise<AppRecord[]> =>
    within(tx, async () => {
      const rows = await apps.find({}, null, sessionOf(tx)).sort({ _id: 1 }).lean()
      return rows.map(toRecord)
    })

  const fromCache = async (): Promise<AppRecord[]> => {
    if (cached === undefined || cached.until <= performance.now()) {
      const reading = { until: performance.now() + CACHED_MS, apps: read() }
      cached = reading
      reading.apps.catch(() => {
        if (cached === reading) cached = undefined
      })
    }
    return [...(await cached.apps)]
  }

  return {
    all: (tx) => (tx === undefined ? fromCache() : read(tx)),
    current: () =>
      translated(async () => {
        // Without the mapper: every departure reads all of them.
        const rows = await plain.find({}, { sort: { _id: 1 } }).toArray()
        return rows.map(toRecord)
      }),

    app: (id) =>
      translated(async () => {
        const row = await apps.findById(id).lean()
        return row === null ? null : toRecord(row)
      }),

    insert: ({ id, ...app }, tx) =>
      within(tx, async () => {
        await apps.insertMany([{ _id: id, ...app }], sessionOf(tx))
      }),

    replace: ({ id, ...app }, expectedVersion, tx) =>
      within(tx, async () => {
        const swap = { _id: id, version: expectedVersion }
        return (await apps.replaceOne(swap, app, sessionOf(tx))).matchedCount === 1
      }),

    invalidate: () => {
      cached = undefined
    },
  }
}

function toRecord({ _id, ...row }: AppRow): AppRecord {
  return { id: _id, ...row }
}
