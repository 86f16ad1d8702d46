import { type Connection, type Model, Schema } from 'mongoose'
import type {
  CredentialKind,
  IssuerRecord,
  SourceDialect,
  SourceRecord,
} from '../auth/source-authenticator.ts'
import { MAX_TOKENS, type SourceStore } from '../auth/source-store.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { translated } from './errors.ts'
import { sessionOf, within } from './transaction.ts'

interface TokenRow {
  id: string
  hash: string
  prefix: string
  createdAt: number
  expiresAt?: number
  lastUsedAt?: number
}

type IssuerRow = Omit<IssuerRecord, 'allowNetworks'> & { allowNetworks: string[] }

interface SourceRow {
  _id: string
  name: string
  dialect: SourceDialect
  tokens: TokenRow[]
  clientSecrets: TokenRow[]
  issuers: IssuerRow[]
  allowedNetworks: string[]
  silentAfterMs?: number
  createdAt: number
  version: number
}

const text = { type: String, required: true } as const
const instant = { type: Number, required: true } as const
const token = new Schema<TokenRow>(
  { id: text, hash: text, prefix: text, createdAt: instant, expiresAt: Number, lastUsedAt: Number },
  { _id: false, id: false },
)
const issuer = new Schema<IssuerRow>(
  {
    id: text,
    issuer: text,
    tenant: String,
    audience: text,
    jwksUri: String,
    jwks: Schema.Types.Mixed,
    subject: String,
    appId: String,
    clockToleranceSeconds: instant,
    allowNetworks: [String],
    createdAt: instant,
    lastUsedAt: Number,
  },
  { _id: false, id: false },
)
const schema = new Schema<SourceRow>(
  {
    _id: text,
    name: text,
    dialect: text,
    tokens: [token],
    clientSecrets: [token],
    issuers: [issuer],
    allowedNetworks: [String],
    silentAfterMs: Number,
    createdAt: instant,
    version: instant,
  },
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

  /** ERR_TOO_MANY when the list is full; false when there is no such source. */
  const add = (
    sourceId: string,
    kind: CredentialKind,
    record: object,
    tx: Transaction | undefined,
  ): Promise<boolean> =>
    within(tx, async () => {
      const done = await sources.updateOne(
        { _id: sourceId, [`${kind}.${MAX_TOKENS - 1}`]: { $exists: false } },
        { $push: { [kind]: record }, $inc: { version: 1 } },
        sessionOf(tx),
      )
      if (done.matchedCount === 1) return true
      if ((await sources.findOne({ _id: sourceId }, null, sessionOf(tx)).lean()) === null)
        return false
      throw new HubError('ERR_TOO_MANY', `a source can have at most ${MAX_TOKENS} ${NAMES[kind]}`)
    })

  return {
    all: () => translated(async () => (await sources.find().sort({ _id: 1 }).lean()).map(toRecord)),

    source: (id) =>
      translated(async () => {
        const row = await sources.findById(id).lean()
        return row === null ? null : toRecord(row)
      }),

    insert: ({ id, ...source }, tx) =>
      within(tx, async () => {
        await sources.insertMany([{ _id: id, ...source } as unknown as SourceRow], sessionOf(tx))
      }),

    addToken: (sourceId, record, kind = 'tokens', tx) => add(sourceId, kind, record, tx),
    addIssuer: (sourceId, record, tx) => add(sourceId, 'issuers', record, tx),

    removeToken: (sourceId, id, kind = 'tokens', tx) =>
      within(tx, async () => {
        const done = await sources.updateOne(
          { _id: sourceId, [`${kind}.id`]: id },
          { $pull: { [kind]: { id } }, $inc: { version: 1 } },
          sessionOf(tx),
        )
        return done.matchedCount === 1
      }),

    touchToken: (sourceId, id, usedAt, kind = 'tokens') =>
      translated(async () => {
        await sources.updateOne(
          { _id: sourceId, [`${kind}.id`]: id },
          { $max: { [`${kind}.$.lastUsedAt`]: usedAt } },
        )
      }),

    update: ({ id, name, dialect, allowedNetworks = [], silentAfterMs }, expectedVersion, tx) =>
      within(tx, async () => {
        const set = { name, dialect, allowedNetworks: [...allowedNetworks] }
        const done = await sources.updateOne(
          { _id: id, version: expectedVersion },
          silentAfterMs === undefined
            ? { $set: set, $unset: { silentAfterMs: 1 }, $inc: { version: 1 } }
            : { $set: { ...set, silentAfterMs }, $inc: { version: 1 } },
          sessionOf(tx),
        )
        return done.matchedCount === 1
      }),
  }
}

const NAMES: Readonly<Record<CredentialKind, string>> = {
  tokens: 'tokens',
  clientSecrets: 'client secrets',
  issuers: 'issuers',
}

function toRecord({ _id, ...row }: SourceRow): SourceRecord {
  return { id: _id, ...row }
}
