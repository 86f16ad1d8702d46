import type { Connection, mongo } from 'mongoose'
import { type Alert, type AlertStore, alertId } from '../alerts/alert.ts'
import type { AlertEvent } from '../alerts/alert-event.ts'
import { RULES } from '../alerts/rules.ts'
import type { Instant } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { translated } from './errors.ts'
import { sessionOf, within } from './transaction.ts'

export type AlertRow = Omit<Alert, 'id' | 'title'> & {
  _id: string
  /** What sinks have not been told yet, oldest first. Written with the change itself. */
  pending?: { kind: AlertEvent['kind']; at: Instant }[]
}

/** An alert that flickers while nobody delivers keeps its newest events. */
const MOST_PENDING = 20

export const alertsOf = (connection: Connection): mongo.Collection<AlertRow> =>
  connection.getClient().db(connection.name).collection<AlertRow>('alerts')

/** Creates the collection and its indexes. Safe to repeat. */
export async function prepareAlerts(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('alerts')
    await alertsOf(connection).createIndexes([
      { key: { lastAt: -1, _id: 1 } },
      { key: { state: 1, lastAt: -1, _id: 1 } },
      { key: { rule: 1, state: 1 } },
      { key: { 'pending.at': 1 }, sparse: true },
    ])
  })
}

export function createAlertStore(connection: Connection): AlertStore {
  const alerts = alertsOf(connection)
  return {
    raise: (finding, at, tx) =>
      within(tx, async () => {
        const { key: _, ...row } = finding
        const before = await alerts.findOneAndUpdate(
          { _id: alertId(finding) },
          [
            {
              $set: {
                ...literals({ ...row, severity: RULES[finding.rule].severity }),
                lastAt: at,
                count: { $add: [{ $ifNull: ['$count', 0] }, 1] },
                firstAt: { $cond: [IS_OVER, at, '$firstAt'] },
                state: { $cond: [IS_OVER, 'open', '$state'] },
                pending: { $cond: [IS_OVER, withPending('opened', at), '$pending'] },
                acknowledgedBy: { $cond: [IS_OVER, '$$REMOVE', '$acknowledgedBy'] },
              },
            },
          ],
          { upsert: true, returnDocument: 'before', ...sessionOf(tx) },
        )
        return before === null || before.state === 'resolved'
      }),

    resolve: (ids, at) =>
      translated(async () => {
        await alerts.updateMany({ _id: { $in: [...ids] }, state: { $ne: 'resolved' } }, [
          {
            $set: { state: 'resolved', lastAt: at, pending: withPending('resolved', at) },
          },
        ])
      }),

    acknowledge: (id, by, at, tx) =>
      within(tx, async () => {
        const { matchedCount } = await alerts.updateOne(
          { _id: id, state: 'open' },
          { $set: { state: 'acknowledged', acknowledgedBy: by, lastAt: at } },
          sessionOf(tx),
        )
        return matchedCount === 1
      }),

    list: ({ state, rule }, { limit, cursor }) =>
      translated(async () => {
        const after = cursor === undefined ? undefined : parseCursor(cursor)
        const rows = await alerts
          .find({
            ...(state === undefined ? {} : { state }),
            ...(rule === undefined ? {} : { rule }),
            ...(after === undefined
              ? {}
              : {
                  $or: [
                    { lastAt: { $lt: after.lastAt } },
                    { lastAt: after.lastAt, _id: { $gt: after.id } },
                  ],
                }),
          })
          .sort({ lastAt: -1, _id: 1 })
          .limit(limit + 1)
          .toArray()
        const items = rows.slice(0, limit).map(toAlert)
        const last = items.at(-1)
        return rows.length > limit && last !== undefined
          ? { items, next: cursorText(last) }
          : { items }
      }),

    unresolved: (rules) =>
      translated(async () => {
        const rows = alerts.find(
          { rule: { $in: [...rules] }, state: { $ne: 'resolved' } },
          { projection: { rule: 1 } },
        )
        return (await rows.toArray()).map(({ _id, rule }) => ({ id: _id, rule }))
      }),
  }
}

/** There is no such alert yet, or it was resolved. */
const IS_OVER = { $in: [{ $ifNull: ['$state', 'resolved'] }, ['resolved']] }

const withPending = (kind: AlertEvent['kind'], at: Instant): object => ({
  $slice: [{ $concatArrays: [{ $ifNull: ['$pending', []] }, [{ kind, at }]] }, -MOST_PENDING],
})

/** In an update pipeline a string that begins with `$` would be read as a field. */
function literals(row: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, { $literal: value }]),
  )
}

export const toAlert = ({ _id, pending: _, ...row }: AlertRow): Alert => ({
  id: _id,
  title: RULES[row.rule].title,
  ...row,
})

const cursorText = ({ lastAt, id }: Pick<Alert, 'lastAt' | 'id'>): string =>
  Buffer.from(JSON.stringify([lastAt, id])).toString('base64url')

function parseCursor(text: string): { lastAt: number; id: string } {
  try {
    const [lastAt, id] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    if (typeof lastAt === 'number' && typeof id === 'string') return { lastAt, id }
  } catch (error) {
    throw new HubError('ERR_INVALID_CURSOR', 'this cursor is not one of ours', { cause: error })
  }
  throw new HubError('ERR_INVALID_CURSOR', 'this cursor is not one of ours')
}
