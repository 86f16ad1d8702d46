import type { Connection, mongo } from 'mongoose'
import type {
  Keyset,
  OpenSummary,
  Paging,
  RevocationFilter,
  RevocationReader,
} from '../revocation/reader.ts'
import { CLOSED_STATES, type Offboarding, type Revocation } from '../revocation/types.ts'
import { translated } from './errors.ts'
import { keysetCursor, parseKeyset } from './keyset.ts'
import { gathered } from './lane-batch.ts'
import {
  type OffboardingRow,
  offboardingsOf,
  type RevocationRow,
  revocationsOf,
} from './revocation-models.ts'

/** Listings are refused rather than let run on: an index serves every filter of the API. */
const MAX_TIME_MS = 5_000

export function createRevocationReader(connection: Connection): RevocationReader {
  const revocations = revocationsOf(connection)
  const offboardings = offboardingsOf(connection)
  // Lanes that are claimed together ask for their cases together.
  const offboarding = gathered<string, Offboarding | null>({
    most: 100,
    run: (ids) =>
      translated(async () => {
        const rows = await offboardings.find({ _id: { $in: [...new Set(ids)] } }).toArray()
        const found = new Map(rows.map((row) => [row._id, row]))
        return ids.map((id) => {
          const row = found.get(id)
          return row === undefined ? null : offboardingOf(row)
        })
      }),
  })

  return {
    list: (filter, paging) =>
      translated(async () => {
        const rows = await revocations
          .find(
            { ...queryOf(filter), ...after(paging, 'deadlineAt', '$gt') },
            { maxTimeMS: MAX_TIME_MS },
          )
          .sort({ deadlineAt: 1, _id: 1 })
          .limit(paging.limit + 1)
          .toArray()
        return page(rows.map(revocationOf), paging, (r) => r.deadlineAt)
      }),

    revocation: (id) =>
      translated(async () => {
        const row = await revocations.findOne({ _id: id })
        return row && revocationOf(row)
      }),

    offboarding,

    offboardings: (filter, paging) =>
      translated(async () => {
        const rows = await offboardings
          .find({ ...filter, ...after(paging, 'openedAt', '$lt') }, { maxTimeMS: MAX_TIME_MS })
          .sort({ openedAt: -1, _id: -1 })
          .limit(paging.limit + 1)
          .toArray()
        return page(rows.map(offboardingOf), paging, (o) => o.openedAt)
      }),

    ofOffboarding: (offboardingId) =>
      translated(async () => {
        const rows = await revocations.find({ offboardingId }).sort({ _id: 1 }).toArray()
        return rows.map(revocationOf)
      }),

    openSummary: (now) => translated(() => summary(revocations, now)),
  }
}

function queryOf(filter: RevocationFilter): mongo.Filter<RevocationRow> {
  const { overdueAt, appIds, open, grade, ...equal } = filter
  const isAsked = (id: string): boolean => filter.appId === undefined || filter.appId === id
  const stillOpen = open ?? (isOwedIn(filter) ? true : undefined)
  return {
    ...equal,
    ...(appIds === undefined ? {} : { appId: { $in: appIds.filter(isAsked) } }),
    ...(grade === undefined ? {} : { 'verdict.grade': grade }),
    ...(stillOpen === undefined ? {} : { open: stillOpen }),
    ...(overdueAt === undefined
      ? {}
      : { open: true, deadlineAt: { $lt: overdueAt }, ...stillOwed(filter) }),
  }
}

/** States of which nothing is sealed yet: then the indexes of what is open serve the question. */
const isOwedIn = ({ state, assignee }: RevocationFilter): boolean =>
  assignee !== undefined || (state !== undefined && !CLOSED_STATES.includes(state))

const stillOwed = (filter: RevocationFilter): mongo.Filter<RevocationRow> =>
  filter.state === undefined ? { state: { $nin: [...CLOSED_STATES] } } : {}

/** Rows behind the cursor, in the order (field, _id). */
function after(
  paging: Paging,
  field: string,
  beyond: '$gt' | '$lt',
): { $or?: { [field: string]: unknown }[] } {
  if (paging.cursor === undefined) return {}
  const { at, id } = parseKeyset(paging.cursor)
  return { $or: [{ [field]: { [beyond]: at } }, { [field]: at, _id: { [beyond]: id } }] }
}

function page<T extends { id: string }>(
  rows: T[],
  { limit }: Paging,
  at: (row: T) => number,
): Keyset<T> {
  const last = rows[limit - 1]
  return rows.length > limit && last !== undefined
    ? { items: rows.slice(0, limit), next: keysetCursor(at(last), last.id) }
    : { items: rows }
}

async function summary(
  revocations: mongo.Collection<RevocationRow>,
  now: number,
): Promise<OpenSummary> {
  const one = (condition: unknown) => ({ $sum: { $cond: [condition, 1, 0] } })
  const rows = await revocations
    .aggregate<{ _id: string; open: number; overdue: number; human: number; first: number }>([
      { $match: { open: true, state: { $nin: [...CLOSED_STATES] } } },
      {
        $group: {
          _id: '$appId',
          open: { $sum: 1 },
          overdue: one({ $lt: ['$deadlineAt', now] }),
          human: one({ $eq: ['$state', 'human'] }),
          first: { $min: '$deadlineAt' },
        },
      },
      { $sort: { _id: 1 } },
    ])
    .toArray()
  const total = (field: 'open' | 'overdue' | 'human'): number =>
    rows.reduce((sum, row) => sum + row[field], 0)
  return {
    open: total('open'),
    overdue: total('overdue'),
    human: total('human'),
    byApp: rows.map(({ _id, open, overdue, human }) => ({ appId: _id, open, overdue, human })),
    ...(rows.length === 0 ? {} : { earliestDeadlineAt: Math.min(...rows.map((r) => r.first)) }),
  }
}

export function revocationOf(row: RevocationRow): Revocation {
  const { _id, open: _, escalateAt: _at, escalated: _level, ...rest } = row
  const { reobserveAt: _next, reobserved: _done, ...revocation } = rest
  return { ...revocation, id: _id }
}

export function offboardingOf({
  _id,
  open: _,
  closing: __,
  names: ___,
  ...row
}: OffboardingRow): Offboarding {
  return { ...row, id: _id }
}
