import { type Connection, type Model, Schema } from 'mongoose'
import type { ApiTokenRecord, ApiTokenStore } from '../auth/api-token-store.ts'
import { translated } from './errors.ts'
import { sessionOf, within } from './transaction.ts'

type ApiTokenRow = Omit<ApiTokenRecord, 'id'> & { _id: string }

const text = { type: String, required: true } as const
const number = { type: Number, required: true } as const
const schema = new Schema<ApiTokenRow>(
  {
    _id: text,
    name: text,
    role: text,
    ownerName: String,
    person: String,
    madeBy: String,
    linked: { type: { sourceId: String, userId: String }, _id: false },
    hash: text,
    prefix: text,
    createdAt: number,
    expiresAt: number,
  },
  { collection: 'api_tokens', versionKey: false, id: false, strict: 'throw' },
)
schema.index({ hash: 1 }, { unique: true })

const tokensOf = (connection: Connection): Model<ApiTokenRow> =>
  (connection.models['ApiToken'] as Model<ApiTokenRow> | undefined) ??
  connection.model<ApiTokenRow>('ApiToken', schema)

/** Creates the collection and its indexes. */
export async function prepareApiTokens(connection: Connection): Promise<void> {
  await translated(async () => {
    await tokensOf(connection).createCollection()
    await tokensOf(connection).createIndexes()
  })
}

export function createApiTokenStore(connection: Connection): ApiTokenStore {
  const tokens = tokensOf(connection)
  return {
    all: () => translated(async () => (await tokens.find().sort({ _id: 1 }).lean()).map(toRecord)),
    byHash: (hash) =>
      translated(async () => {
        const row = await tokens.findOne({ hash }).lean()
        return row === null ? null : toRecord(row)
      }),
    insert: ({ id, ...token }, tx) =>
      within(tx, async () => {
        await tokens.insertMany([{ _id: id, ...token }], sessionOf(tx))
      }),
    remove: (id, tx) =>
      within(
        tx,
        async () => (await tokens.deleteOne({ _id: id }, sessionOf(tx))).deletedCount === 1,
      ),
  }
}

function toRecord({ _id, ...row }: ApiTokenRow): ApiTokenRecord {
  return { id: _id, ...row }
}
