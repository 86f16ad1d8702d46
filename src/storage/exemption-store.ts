import type { Connection, mongo } from 'mongoose'
import type {
  Exemption,
  ExemptionStore,
  LegalHold,
  LegalHoldStore,
} from '../auth/approval-store.ts'
import { translated } from './errors.ts'
import { keysetCursor, parseKeyset } from './keyset.ts'
import { sessionOf, within } from './transaction.ts'

type Row<T extends { id: string }> = Omit<T, 'id'> & { _id: string }

const rowsOf = <T extends { id: string }>(
  connection: Connection,
  name: string,
): mongo.Collection<Row<T>> =>
  connection.getClient().db(connection.name).collection<Row<T>>(name, { ignoreUndefined: true })

/** Creates the collections of exemptions and legal holds. Safe to repeat. */
export async function prepareExemptions(connection: Connection): Promise<void> {
  await translated(async () => {
    const page = { from: -1, _id: -1 } as const
    for (const name of ['exemptions', 'legal_holds']) {
      await connection.createCollection(name)
      await rowsOf(connection, name).createIndexes([
        { key: page },
        { key: { sourceId: 1, userId: 1, ...page } },
      ])
    }
    await rowsOf(connection, 'exemptions').createIndexes([{ key: { appId: 1, ...page } }])
  })
}

export function createExemptionStore(connection: Connection): ExemptionStore {
  const rows = rowsOf<Exemption>(connection, 'exemptions')
  return {
    ...common<Exemption>(rows),
    exemption: (id) => one<Exemption>(rows, id),
    ofUsers: (users, now, tx) =>
      within(tx, async () => {
        if (users.length === 0) return []
        const found = await rows
          .find(
            {
              $or: users.map(({ sourceId, userId }) => ({ sourceId, userId })),
              until: { $gt: now },
              endedAt: { $exists: false },
            } as mongo.Filter<Row<Exemption>>,
            sessionOf(tx),
          )
          .toArray()
        return found.map((row) => record<Exemption>(row))
      }),
    end: (id, at, tx) => set(rows, id, 'endedAt', at, tx),
  }
}

export function createLegalHoldStore(connection: Connection): LegalHoldStore {
  const rows = rowsOf<LegalHold>(connection, 'legal_holds')
  return {
    ...common<LegalHold>(rows),
    hold: (id) => one<LegalHold>(rows, id),
    isHeld: (sourceId, userId, now, tx) =>
      within(tx, async () => {
        const held = await rows.findOne(
          {
            sourceId,
            userId,
            releasedAt: { $exists: false },
            $or: [{ until: { $exists: false } }, { until: { $gt: now } }],
          } as mongo.Filter<Row<LegalHold>>,
          sessionOf(tx),
        )
        return held !== null
      }),
    release: (id, at, tx) => set(rows, id, 'releasedAt', at, tx),
  }
}

interface Dated {
  id: string
  from: number
}

function common<T extends Dated>(
  rows: mongo.Collection<Row<T>>,
): {
  insert: (value: T, tx: Parameters<ExemptionStore['insert']>[1]) => Promise<void>
  list: (
    filter: object,
    paging: { limit: number; cursor?: string },
  ) => Promise<{ items: T[]; next?: string }>
} {
  return {
    insert: ({ id, ...row }, tx) =>
      within(tx, async () => {
        await rows.insertOne(
          { _id: id, ...row } as unknown as mongo.OptionalUnlessRequiredId<Row<T>>,
          sessionOf(tx),
        )
      }),
    list: (filter, { limit, cursor }) =>
      translated(async () => {
        const found = await rows
          .find({ ...filter, ...behind(cursor) } as mongo.Filter<Row<T>>)
          .sort({ from: -1, _id: -1 })
          .limit(limit + 1)
          .toArray()
        const items = found.slice(0, limit).map((row) => record<T>(row))
        const last = items.at(-1)
        return found.length > limit && last !== undefined
          ? { items, next: keysetCursor(last.from, last.id) }
          : { items }
      }),
  }
}

const one = <T extends Dated>(rows: mongo.Collection<Row<T>>, id: string): Promise<T | null> =>
  translated(async () => {
    const row = await rows.findOne({ _id: id } as mongo.Filter<Row<T>>)
    return row === null ? null : record<T>(row)
  })

const set = <T extends Dated>(
  rows: mongo.Collection<Row<T>>,
  id: string,
  field: string,
  at: number,
  tx: Parameters<ExemptionStore['end']>[2],
): Promise<boolean> =>
  within(tx, async () => {
    const done = await rows.updateOne(
      { _id: id, [field]: { $exists: false } } as mongo.Filter<Row<T>>,
      { $set: { [field]: at } } as unknown as mongo.UpdateFilter<Row<T>>,
      sessionOf(tx),
    )
    return done.matchedCount === 1
  })

const record = <T extends Dated>({ _id, ...row }: { _id: unknown }): T =>
  ({ ...row, id: _id }) as unknown as T

function behind(cursor: string | undefined) {
  if (cursor === undefined) return {}
  const { at, id } = parseKeyset(cursor)
  return { $or: [{ from: { $lt: at } }, { from: at, _id: { $lt: id } }] }
}
