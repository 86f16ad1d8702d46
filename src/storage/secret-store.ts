import { type Connection, type Model, Schema } from 'mongoose'
import type { Transaction } from '../shared/transaction.ts'
import type { Vault } from '../vault/vault.ts'
import { translated } from './errors.ts'
import { sessionOf, within } from './transaction.ts'

/** The secrets of apps, each sealed for its app and its name. */
export interface SecretStore {
  /** Sets or replaces the named secrets; others stay. */
  put(appId: string, secrets: Readonly<Record<string, string>>, tx?: Transaction): Promise<void>
  /** Names without values, sorted. */
  names(appId: string): Promise<string[]>
  /**
   * The open secrets by name. For the runner of connectors alone.
   * @throws HubError ERR_MASTER_KEY when they were sealed under another master key
   */
  secretsOf(appId: string): Promise<Record<string, string>>
  remove(appId: string, names: readonly string[], tx?: Transaction): Promise<void>
}

interface SecretRow {
  /** `<app id>:<name>` */
  _id: string
  appId: string
  name: string
  sealed: Buffer
  wrapped: Buffer
}

const text = { type: String, required: true } as const
const bytes = { type: Schema.Types.Buffer, required: true } as const
const schema = new Schema<SecretRow>(
  { _id: text, appId: text, name: text, sealed: bytes, wrapped: bytes },
  { collection: 'app_secrets', versionKey: false, id: false, strict: 'throw' },
)
schema.index({ appId: 1 })

const secretsIn = (connection: Connection): Model<SecretRow> =>
  (connection.models['AppSecret'] as Model<SecretRow> | undefined) ??
  connection.model<SecretRow>('AppSecret', schema)

const contextOf = (appId: string, name: string): string => `app:${appId}:${name}`

/** Creates the collection and its indexes. */
export async function prepareSecrets(connection: Connection): Promise<void> {
  await translated(async () => {
    await secretsIn(connection).createCollection()
    await secretsIn(connection).createIndexes()
  })
}

export function createSecretStore(connection: Connection, vault: Vault): SecretStore {
  const rows = secretsIn(connection)
  return {
    put: (appId, secrets, tx) =>
      within(tx, async () => {
        const writes = Object.entries(secrets).map(([name, value]) => ({
          replaceOne: {
            filter: { _id: `${appId}:${name}` },
            replacement: {
              _id: `${appId}:${name}`,
              appId,
              name,
              ...vault.seal(Buffer.from(value, 'utf8'), contextOf(appId, name)),
            },
            upsert: true,
          },
        }))
        if (writes.length > 0) await rows.bulkWrite(writes, sessionOf(tx))
      }),

    names: (appId) =>
      translated(async () => {
        const found = await rows.find({ appId }, { name: 1 }).lean()
        return found.map((row) => row.name).sort()
      }),

    secretsOf: (appId) =>
      translated(async () => {
        const found = await rows.find({ appId }).lean()
        return Object.fromEntries(
          found.map((row) => {
            const box = { sealed: toBuffer(row.sealed), wrapped: toBuffer(row.wrapped) }
            return [row.name, vault.open(box, contextOf(appId, row.name)).toString('utf8')]
          }),
        )
      }),

    remove: (appId, names, tx) =>
      within(tx, async () => {
        if (names.length === 0) return
        const ids = names.map((name) => `${appId}:${name}`)
        await rows.deleteMany({ _id: { $in: ids } }, sessionOf(tx))
      }),
  }
}

/** A lean read gives the driver's Binary. */
function toBuffer(value: Buffer | { buffer: Uint8Array }): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer as Uint8Array)
}
