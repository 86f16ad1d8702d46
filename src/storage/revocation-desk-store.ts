import type { Connection } from 'mongoose'
import type { RevocationDesk } from '../revocation/revocation-desk.ts'
import { CLOSED_STATES } from '../revocation/types.ts'
import { translated } from './errors.ts'
import { revocationsOf } from './revocation-models.ts'
import { revocationOf } from './revocation-reader.ts'
import { sessionOf, within } from './transaction.ts'

/** Notes are fields of the revocations; lanes and projector never touch them. */
export function createRevocationDesk(connection: Connection): RevocationDesk {
  const rows = revocationsOf(connection)
  const owed = (id: string) => ({ _id: id, open: true, state: { $nin: [...CLOSED_STATES] } })
  return {
    assign: (id, assignee, tx) =>
      within(tx, async () => {
        const change =
          assignee === undefined ? { $unset: { assignee: '' as const } } : { $set: { assignee } }
        return (await rows.updateOne(owed(id), change, sessionOf(tx))).matchedCount === 1
      }),

    attest: (id, attestation, tx) =>
      within(tx, async () => {
        const done = await rows.updateOne(owed(id), { $set: { attestation } }, sessionOf(tx))
        return done.matchedCount === 1
      }),

    waive: (id, waiver, tx) =>
      within(tx, async () => {
        // What is verified is on its way into the ledger and needs no waiver.
        const row = await rows.findOneAndUpdate(
          { ...owed(id), state: { $nin: [...CLOSED_STATES, 'verified'] } },
          { $set: { state: 'waived', waiver, updatedAt: waiver.at } },
          { ...sessionOf(tx), returnDocument: 'after' },
        )
        return row && revocationOf(row)
      }),

    lookAgain: (id, now, tx) =>
      within(tx, async () => {
        const done = await rows.updateOne(
          { _id: id, state: 'proven' },
          { $set: { reobserveAt: now } },
          sessionOf(tx),
        )
        return done.matchedCount === 1
      }),

    waiversOver: (now, limit) =>
      translated(async () => {
        const over = { state: 'waived' as const, 'waiver.until': { $lte: now } }
        const found = rows
          .find({ ...over, 'waiver.endedAt': { $exists: false } })
          .sort({ 'waiver.until': 1 })
          .limit(limit)
        return (await found.toArray()).map(revocationOf)
      }),

    endWaiver: (id, now, tx) =>
      within(tx, async () => {
        const done = await rows.updateOne(
          { _id: id, state: 'waived', 'waiver.endedAt': { $exists: false } },
          { $set: { 'waiver.endedAt': now } },
          sessionOf(tx),
        )
        return done.matchedCount === 1
      }),
  }
}
