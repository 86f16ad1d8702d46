import type { Connection } from 'mongoose'
import type { NewEntryIntake, PendingEntry } from '../ledger/intake.ts'
import { type Clock, type Instant, systemClock } from '../shared/clock.ts'
import { entriesOf, type IntakeRow, intakeOf } from './ledger-collections.ts'
import { sessionOf, within } from './transaction.ts'
import { writerOn } from './transaction-writes.ts'

/**
 * The door into the ledger. The rows belong to the caller's transaction: the change and its entry are
 * committed together or not at all. The head of the log is not touched here, so nobody waits for anybody.
 */
export function createLedgerIntake(
  connection: Connection,
  clock: Clock = systemClock,
): NewEntryIntake {
  const intake = intakeOf(connection)
  const log = entriesOf(connection)
  const write = writerOn(connection)
  return {
    enqueue: (entries, tx) =>
      within(tx, async () => {
        if (entries.length === 0) return
        const session = sessionOf(tx)
        const eids = entries.map((entry) => entry.eid)
        const known = new Set(
          await log
            .find({ eid: { $in: eids } }, { projection: { _id: 0, eid: 1 }, ...session })
            .map((row) => row.eid)
            .toArray(),
        )
        for await (const { _id } of intake.find(
          { _id: { $in: eids } },
          { projection: { _id: 1 }, ...session },
        )) {
          known.add(_id)
        }
        const at = clock.now()
        // Of one id that is given twice, the first.
        const fresh = new Map<string, IntakeRow>()
        for (const entry of entries) {
          if (known.has(entry.eid) || fresh.has(entry.eid)) continue
          fresh.set(entry.eid, intakeRow(entry, at))
        }
        // A row that somebody else adds meanwhile is a write conflict: the transaction starts over and finds it.
        if (fresh.size > 0) await intake.insertMany([...fresh.values()], session)
      }),

    enqueueNew: (entries, tx) =>
      within(tx, async () => {
        const at = clock.now()
        await write(
          intake,
          entries.map((entry) => ({ insertOne: { document: intakeRow(entry, at) } })),
          tx,
        )
      }),
  }
}

function intakeRow(entry: PendingEntry, at: Instant): IntakeRow {
  const { eid, type, leaf, references, mac } = entry
  return { _id: eid, type, leaf, references, at, ...(mac && { mac }) }
}
