import type { Connection, mongo } from 'mongoose'
import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import { translated } from './errors.ts'
import { sessionOf, within } from './transaction.ts'

/** Until when the secrets of apps hold, as their owners stated it. The secrets themselves are elsewhere. */
export interface SecretExpiryStore {
  /** Sets the end of the named secrets; null says that none is known. Others stay. */
  put(
    appId: string,
    ends: Readonly<Record<string, Instant | null>>,
    tx?: Transaction,
  ): Promise<void>
  /** Of one app, by name. */
  ofApp(appId: string): Promise<Record<string, Instant>>
  all(): Promise<{ appId: string; name: string; expiresAt: Instant }[]>
}

interface ExpiryRow {
  /** `<app id>:<name>` */
  _id: string
  appId: string
  name: string
  expiresAt: Instant
}

const expiriesOf = (connection: Connection): mongo.Collection<ExpiryRow> =>
  connection.getClient().db(connection.name).collection<ExpiryRow>('app_secret_expiries')

/** Creates the collection and its index. Safe to repeat. */
export async function prepareSecretExpiries(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('app_secret_expiries')
    await expiriesOf(connection).createIndex({ appId: 1 })
  })
}

export function createSecretExpiryStore(connection: Connection): SecretExpiryStore {
  const rows = expiriesOf(connection)
  return {
    put: (appId, ends, tx) =>
      within(tx, async () => {
        const writes = Object.entries(ends).map(([name, expiresAt]) => {
          const filter = { _id: `${appId}:${name}` }
          return expiresAt === null
            ? { deleteOne: { filter } }
            : { replaceOne: { filter, replacement: { appId, name, expiresAt }, upsert: true } }
        })
        if (writes.length > 0) await rows.bulkWrite(writes, sessionOf(tx))
      }),

    ofApp: (appId) =>
      translated(async () => {
        const found = await rows.find({ appId }).toArray()
        return Object.fromEntries(found.map(({ name, expiresAt }) => [name, expiresAt]))
      }),

    all: () =>
      translated(async () =>
        (await rows.find().toArray()).map(({ appId, name, expiresAt }) => ({
          appId,
          name,
          expiresAt,
        })),
      ),
  }
}
