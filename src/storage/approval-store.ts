import type { Connection, mongo } from 'mongoose'
import type { Approval } from '../auth/approval.ts'
import type { ApprovalStore } from '../auth/approval-store.ts'
import type { Vault } from '../vault/vault.ts'
import { translated } from './errors.ts'
import { keysetCursor, parseKeyset } from './keyset.ts'
import { sessionOf, within } from './transaction.ts'

/** The words are sealed: a reason may name people. */
type ApprovalRow = Omit<Approval, 'id' | 'reason' | 'kept' | 'decisionReason'> & {
  _id: string
  reason: Box
  /** Gone once decided. */
  kept?: Box
  decisionReason?: Box
}
interface Box {
  wrapped: Buffer
  sealed: Buffer
}

const rowsOf = (connection: Connection): mongo.Collection<ApprovalRow> =>
  connection
    .getClient()
    .db(connection.name)
    .collection<ApprovalRow>('approvals', { ignoreUndefined: true, promoteBuffers: true })

/** Creates the collection and its indexes. Safe to repeat. */
export async function prepareApprovals(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('approvals')
    const page = { proposedAt: -1, _id: -1 } as const
    await rowsOf(connection).createIndexes([
      { key: page },
      { key: { state: 1, ...page } },
      { key: { kind: 1, ...page } },
      { key: { about: 1, ...page } },
    ])
  })
}

export function createApprovalStore(
  connection: Connection,
  vault: Pick<Vault, 'seal' | 'open'>,
): ApprovalStore {
  const rows = rowsOf(connection)
  const seal = (text: string, id: string): Box => vault.seal(Buffer.from(text), `approval:${id}`)
  const open = (box: Box, id: string): string => vault.open(box, `approval:${id}`).toString('utf8')
  const toApproval = ({ _id, reason, kept, decisionReason, ...row }: ApprovalRow): Approval => ({
    ...row,
    id: _id,
    reason: open(reason, _id),
    ...(kept === undefined ? {} : { kept: open(kept, _id) }),
    ...(decisionReason === undefined ? {} : { decisionReason: open(decisionReason, _id) }),
  })
  return {
    insert: ({ id, reason, kept, decisionReason: _, ...row }, tx) =>
      within(tx, async () => {
        await rows.insertOne(
          {
            _id: id,
            ...row,
            reason: seal(reason, id),
            ...(kept === undefined ? {} : { kept: seal(kept, id) }),
          },
          sessionOf(tx),
        )
      }),

    approval: (id) =>
      translated(async () => {
        const row = await rows.findOne({ _id: id })
        return row && toApproval(row)
      }),

    list: (filter, { limit, cursor }) =>
      translated(async () => {
        const found = await rows
          .find({ ...filter, ...behind(cursor) })
          .sort({ proposedAt: -1, _id: -1 })
          .limit(limit + 1)
          .toArray()
        const items = found.slice(0, limit).map(toApproval)
        const last = items.at(-1)
        return found.length > limit && last !== undefined
          ? { items, next: keysetCursor(last.proposedAt, last.id) }
          : { items }
      }),

    decide: (id, digest, { state, decidedBy, decidedAt, decisionReason }, tx) =>
      within(tx, async () => {
        const done = await rows.updateOne(
          { _id: id, digest, state: 'proposed' },
          {
            $set: { state, decidedBy, decidedAt, decisionReason: seal(decisionReason, id) },
            $unset: { kept: '' },
          },
          sessionOf(tx),
        )
        return done.matchedCount === 1
      }),
  }
}

function behind(cursor: string | undefined) {
  if (cursor === undefined) return {}
  const { at, id } = parseKeyset(cursor)
  return { $or: [{ proposedAt: { $lt: at } }, { proposedAt: at, _id: { $lt: id } }] }
}
