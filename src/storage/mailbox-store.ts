import type { Connection, mongo } from 'mongoose'
import { ConnectorError, type Mailbox } from '../connector-sdk/contract.ts'
import { type Clock, DAY } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { translated } from './errors.ts'
import { sessionOf } from './transaction.ts'

interface MailRow {
  /** `<app id>:<message id>` */
  _id: string
  appId: string
  mailId: string
  /** The case that it was left for; absent: none, as for a restore. */
  offboardingId?: string
  /** Gone once settled. */
  body?: string
  waiting: boolean
  at: Date
  /** What the application answered, where it refused. */
  refusal?: string
  settledAt?: Date
}

interface SettingsRow {
  /** App id. */
  _id: string
  settings: { [key: string]: unknown }
  /** +1 with every change. */
  version: number
}

/** So many messages wait for one app at most: then its receiver has been away for long. */
const MOST_WAITING = 10_000
/** How long a settled message is remembered, so that a repetition is known as one. */
const REMEMBERED_MS = 90 * DAY
const MAX_BODY = 64 * 1024

const mailOf = (connection: Connection): mongo.Collection<MailRow> =>
  connection.getClient().db(connection.name).collection<MailRow>('app_mail')
const settingsOf = (connection: Connection): mongo.Collection<SettingsRow> =>
  connection.getClient().db(connection.name).collection<SettingsRow>('app_mail_settings')

/** Creates the collections and their indexes. Safe to repeat; run it before the first request. */
export async function prepareMail(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('app_mail')
    await connection.createCollection('app_mail_settings')
    await mailOf(connection).createIndexes([
      { key: { appId: 1, waiting: 1, at: 1, _id: 1 } },
      { key: { appId: 1, refusal: 1 }, partialFilterExpression: { refusal: { $exists: true } } },
      {
        key: { offboardingId: 1 },
        partialFilterExpression: { offboardingId: { $exists: true } },
      },
      { key: { settledAt: 1 }, expireAfterSeconds: REMEMBERED_MS / 1_000 },
    ])
  })
}

/**
 * Mailboxes of apps in MongoDB, each confined to its app. Call `prepareMail` once before.
 *
 * @returns by app id and, for what is put into it, the case; all methods throw ConnectorErrors: `transient` while storage is away
 */
export function createMailboxes(
  connection: Connection,
  clock: Clock,
): (appId: string, offboardingId?: string) => Mailbox {
  const mail = mailOf(connection)
  const kept = settingsOf(connection)
  return (appId, offboardingId) => ({
    put: ({ id, body }) =>
      away(async () => {
        if (body.length > MAX_BODY) throw new ConnectorError('invalid', 'the message is too long')
        const waiting = await mail.countDocuments({ appId, waiting: true }, { limit: MOST_WAITING })
        if (waiting >= MOST_WAITING) {
          throw new ConnectorError('transient', `${waiting} messages wait: nobody fetches them`)
        }
        await mail.updateOne(
          { _id: `${appId}:${id}` },
          {
            $setOnInsert: {
              appId,
              mailId: id,
              ...(offboardingId === undefined ? {} : { offboardingId }),
              body,
              waiting: true,
              at: new Date(clock.now()),
            },
          },
          { upsert: true, writeConcern: { w: 'majority', j: true } },
        )
      }),
    waiting: (limit) =>
      away(async () => {
        const rows = await mail
          .find({ appId, waiting: true }, { sort: { at: 1, _id: 1 }, limit })
          .toArray()
        return rows.map(({ mailId, body = '' }) => ({ id: mailId, body }))
      }),
    settle: (settled) =>
      away(async () => {
        if (settled.length === 0) return
        const settledAt = new Date(clock.now())
        await mail.bulkWrite(
          settled.map(({ id, error }) => ({
            updateOne: {
              filter: { _id: `${appId}:${id}`, waiting: true },
              update: {
                $set: {
                  waiting: false,
                  settledAt,
                  ...(error === undefined ? {} : { refusal: error }),
                },
                $unset: { body: '' },
              },
            },
          })),
          { ordered: false, writeConcern: { w: 'majority', j: true } },
        )
      }),
    counts: () =>
      away(async () => ({
        waiting: await mail.countDocuments({ appId, waiting: true }),
        refused: await mail.countDocuments({ appId, refusal: { $exists: true } }),
      })),
    settings: () =>
      away(async () => {
        const row = await kept.findOne({ _id: appId }, { readConcern: 'majority' })
        return { value: row?.settings, version: row?.version ?? 0 }
      }),
    saveSettings: (settings, expected) =>
      away(() => saveSettings(kept, { _id: appId, settings, version: expected + 1 })),
  })
}

/** Compare-and-swap. @returns false when the row has another version than the one before `row.version` */
async function saveSettings(
  kept: mongo.Collection<SettingsRow>,
  { _id, settings, version }: SettingsRow,
): Promise<boolean> {
  const expected = version - 1
  const durable = { writeConcern: { w: 'majority', j: true } } as const
  try {
    // The first version finds no row and makes one; where there is one, its id is taken.
    const found = expected === 0 ? { $exists: false } : expected
    const { matchedCount, upsertedCount } = await translated(() =>
      kept.updateOne(
        { _id, version: found },
        { $set: { settings, version } },
        { ...durable, upsert: expected === 0 },
      ),
    )
    return matchedCount + upsertedCount > 0
  } catch (error) {
    if (isHubError(error, 'ERR_UNIQUENESS')) return false
    throw error
  }
}

/** Deletes what was left for a case, fetched or not, with what the applications answered: all of it is about one person. */
export async function eraseMail(
  connection: Connection,
  offboardingId: string,
  tx: Transaction,
): Promise<void> {
  await mailOf(connection).deleteMany({ offboardingId }, sessionOf(tx))
}

/** Storage that is away is bad luck to a connector; whether the write happened is not known. */
async function away<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await translated(work)
  } catch (error) {
    if (!isHubError(error, 'ERR_STORAGE_UNAVAILABLE')) throw error
    throw new ConnectorError('transient', 'storage is away', { effect: 'unknown', cause: error })
  }
}
