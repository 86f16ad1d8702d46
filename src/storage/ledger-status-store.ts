import type { Connection } from 'mongoose'
import type { SignerReportStore } from '../ledger/signer-report.ts'
import type { StatusStore } from '../ledger/status.ts'
import { translated } from './errors.ts'
import { checkpointsOf, intakeOf, signersOf } from './ledger-collections.ts'

/** What the status of the log is made of, beside the log itself. @param origin name of the log */
export function createLedgerStatusStore(
  connection: Connection,
  origin: string,
): StatusStore & SignerReportStore {
  const intake = intakeOf(connection)
  const checkpoints = checkpointsOf(connection)
  const signers = signersOf(connection)
  return {
    waiting: () =>
      translated(async () => {
        // The first entries of a log are enqueued with the time 0: they are to come first.
        const [oldest] = await intake
          .aggregate<{ at: number; ageMs: number }>([
            { $match: { at: { $gt: 0 } } },
            { $sort: { at: 1, _id: 1 } },
            { $limit: 1 },
            {
              $project: {
                at: 1,
                ageMs: { $subtract: [{ $toDouble: { $toLong: '$$NOW' } }, '$at'] },
              },
            },
          ])
          .toArray()
        const { at: since = null, ageMs = null } = oldest ?? {}
        return { count: await intake.estimatedDocumentCount(), since, ageMs }
      }),
    lastStamp: () =>
      translated(async () => {
        const row = await checkpoints.findOne(
          { stampedAt: { $gt: 0 } },
          { projection: { stampedAt: 1 }, sort: { stampedAt: -1 } },
        )
        return row?.stampedAt === undefined ? null : { size: row._id, at: row.stampedAt }
      }),
    putSignerReport: (report) =>
      translated(async () => {
        await signers.replaceOne({ _id: origin }, report, { upsert: true })
      }),
    signerReport: () =>
      translated(async () => {
        const row = await signers.findOne({ _id: origin })
        if (row === null) return undefined
        const { at, refused, worm } = row
        return { at, refused, worm }
      }),
  }
}
