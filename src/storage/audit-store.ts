import type { Connection, mongo } from 'mongoose'
import type { AuditRecord, AuditStore } from '../auth/audit-store.ts'
import { translated } from './errors.ts'
import { keysetCursor, parseKeyset } from './keyset.ts'
import { sessionOf, within } from './transaction.ts'

type AuditRow = Omit<AuditRecord, 'id'> & { _id: string }

const auditOf = (connection: Connection): mongo.Collection<AuditRow> =>
  connection
    .getClient()
    .db(connection.name)
    .collection<AuditRow>('audit', { ignoreUndefined: true, promoteBuffers: true })

/** Every filter ends in the order of the page: (at, _id), newest first. */
const INDEXES: mongo.IndexDescription[] = [
  { key: { at: -1, _id: -1 } },
  { key: { type: 1, at: -1, _id: -1 } },
  { key: { by: 1, at: -1, _id: -1 } },
  { key: { about: 1, at: -1, _id: -1 } },
]

/** Creates the collection and its indexes. Safe to repeat. */
export async function prepareAudit(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('audit')
    await auditOf(connection).createIndexes(INDEXES)
  })
}

export function createAuditStore(connection: Connection): AuditStore {
  const audit = auditOf(connection)
  return {
    insert: (records, tx) =>
      within(tx, async () => {
        if (records.length === 0) return
        await audit.insertMany(
          records.map(({ id, ...row }) => ({ _id: id, ...row })),
          sessionOf(tx),
        )
      }),

    record: (id) =>
      translated(async () => {
        const row = await audit.findOne({ _id: id })
        return row && toRecord(row)
      }),

    list: (filter, { limit, cursor }) =>
      translated(async () => {
        const { from, until, aboutAny, kind, ...equal } = filter
        const range = {
          ...(from === undefined ? {} : { $gte: from }),
          ...(until === undefined ? {} : { $lt: until }),
        }
        const rows = await audit
          .find(
            {
              ...equal,
              ...(kind === undefined ? {} : { 'facts.kind': kind }),
              ...(aboutAny === undefined ? {} : { about: { $in: [...aboutAny] } }),
              ...(Object.keys(range).length === 0 ? {} : { at: range }),
              ...(cursor === undefined ? {} : behind(cursor)),
            } as mongo.Filter<AuditRow>,
            { maxTimeMS: 5_000 },
          )
          .sort({ at: -1, _id: -1 })
          .limit(limit + 1)
          .toArray()
        const items = rows.slice(0, limit).map(toRecord)
        const last = items.at(-1)
        return rows.length > limit && last !== undefined
          ? { items, next: keysetCursor(last.at, last.id) }
          : { items }
      }),
  }
}

function behind(cursor: string) {
  const { at, id } = parseKeyset(cursor)
  return { $or: [{ at: { $lt: at } }, { at, _id: { $lt: id } }] }
}

function toRecord({ _id, ...row }: AuditRow): AuditRecord {
  return { id: _id, ...row }
}
