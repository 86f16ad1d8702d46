import type { Connection } from 'mongoose'
import type { LedgerIntake } from '../ledger/intake.ts'
import { type Clock, systemClock } from '../shared/clock.ts'
import { entriesOf, intakeOf } from './ledger-collections.ts'
import { sessionOf, within } from './transaction.ts'

/**
 * The door into the ledger. The rows belong to the caller's transaction: the change and its entry are
 * committed together or not at all. The head of the log is not touched here, so nobody waits for anybody.
 */
export function createLedgerIntake(
  connection: Connection,
  clock: Clock = systemClock,
): LedgerIntake {
  const intake = intakeOf(connection)
  const log = entriesOf(connection)
  return {
    enqueue: (entries, tx) =>
      within(tx, async () => {
        if (entries.length === 0) return
        const session = sessionOf(tx)
        const eids = entries.map((entry) => entry.eid)
        const sealed = new Set(
          await log
            .find({ eid: { $in: eids } }, { projection: { _id: 0, eid: 1 }, ...session })
            .map((row) => row.eid)
            .toArray(),
        )
        const at = clock.now()
        const fresh = entries.filter((entry) => !sealed.has(entry.eid))
        if (fresh.length === 0) return
        await intake.bulkWrite(
          fresh.map(({ eid, type, leaf, references }) => ({
            updateOne: {
              filter: { _id: eid },
              update: { $setOnInsert: { type, leaf, references, at } },
              upsert: true,
            },
          })),
          // Ordered, as sessions want it; a repeated id matches its row and changes nothing.
          session,
        )
      }),
  }
}
