import { type Connection, type Model, Schema } from 'mongoose'
import type { SourceDialect, SourceRecord } from '../auth/source-authenticator.ts'
import { MAX_TOKENS, type SourceStore } from '../auth/source-store.ts'
import { HubError } from '../shared/errors.ts'
import { translated } from './errors.ts'

interface TokenRow {
  id: string
  hash: string
  prefix: string
  createdAt: number
  expiresAt?: number
  lastUsedAt?: number
}

interface SourceRow {
  _id: string
  name: string
  dialect: SourceDialect
  tokens: TokenRow[]
  createdAt: number
  version: number
}

const text = { type: String, required: true } as const
const instant = { type: Number, required: true } as const
const token = new Schema<TokenRow>(
  { id: text, hash: text, prefix: text, createdAt: instant, expiresAt: Number, lastUsedAt: Number },
  { _id: false, id: false },
)
const schema = new Schema<SourceRow>(
  { _id: text, name: text, dialect: text, tokens: [token], createdAt: instant, version: instant },
  { collection: 'sources', versionKey: false, id: false, strict: 'throw' },
)

const sourcesOf = (connection: Connection): Model<SourceRow> =>
  (connection.models['Source'] as Model<SourceRow> | undefined) ??
  connection.model<SourceRow>('Source', schema)

/** Creates the collection. It is read by `_id` alone and needs no further index. */
export async function prepareSources(connection: Connection): Promise<void> {
  await translated(() => sourcesOf(connection).createCollection())
}

export function createSourceStore(connection: Connection): SourceStore {
  const sources = sourcesOf(connection)
  return {
    all: () => translated(async () => (await sources.find().sort({ _id: 1 }).lean()).map(toRecord)),

    source: (id) =>
      translated(async () => {
        const row = await sources.findById(id).lean()
        return row === null ? null : toRecord(row)
      }),

    insert: ({ id, tokens, ...source }) =>
      translated(async () => {
        await sources.create({ _id: id, tokens: [...tokens], ...source })
      }),

    addToken: (sourceId, record) =>
      translated(async () => {
        const done = await sources.updateOne(
          { _id: sourceId, [`tokens.${MAX_TOKENS - 1}`]: { $exists: false } },
          { $push: { tokens: record }, $inc: { version: 1 } },
        )
        if (done.matchedCount === 1) return true
        if ((await sources.exists({ _id: sourceId })) === null) return false
        throw new HubError('ERR_TOO_MANY', `a source can have at most ${MAX_TOKENS} tokens`)
      }),

    removeToken: (sourceId, tokenId) =>
      translated(async () => {
        const done = await sources.updateOne(
          { _id: sourceId, 'tokens.id': tokenId },
          { $pull: { tokens: { id: tokenId } }, $inc: { version: 1 } },
        )
        return done.matchedCount === 1
      }),

    touchToken: (sourceId, tokenId, usedAt) =>
      translated(async () => {
        await sources.updateOne(
          { _id: sourceId, 'tokens.id': tokenId },
          { $max: { 'tokens.$.lastUsedAt': usedAt } },
        )
      }),

    update: ({ id, name, dialect }, expectedVersion) =>
      translated(async () => {
        const done = await sources.updateOne(
          { _id: id, version: expectedVersion },
          { $set: { name, dialect }, $inc: { version: 1 } },
        )
        return done.matchedCount === 1
      }),
  }
}

function toRecord({ _id, ...row }: SourceRow): SourceRecord {
  return { id: _id, ...row }
}
