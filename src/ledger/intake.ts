import type { Transaction } from '../shared/transaction.ts'
import type { EntryBody } from './entries.ts'

/** What an entry is about, for the effects of its sealing. Never hashed. */
export interface EntryReferences {
  offboardingId?: string
  revocationId?: string
}

/** An entry on its way into the log: canonical, signed by the process that made it. */
export interface PendingEntry {
  /** Deterministic, e.g. `revocation.verified:<revocation id>`: a repeated attempt creates nothing new. */
  eid: string
  type: EntryBody['type']
  /** JCS of `{body, kid, sig}`; hashed and stored verbatim. */
  leaf: Buffer
  references: EntryReferences
  /** See intake-mac.ts. Absent on rows of other origin: these are checked in full. */
  mac?: Buffer
}

/**
 * Turns a body into a pending entry: validates it against its closed schema, canonicalises, signs. Its id and its
 * references follow from the body.
 */
export interface EntryWriter {
  /** Origin of the log, the `log` field of every body. */
  readonly origin: string
  write(body: EntryBody): PendingEntry
}

/** The door into the ledger: rows wait here until the sequencer seals them. */
export interface LedgerIntake {
  /** Idempotent by `eid`, also for entries that are sealed already. */
  enqueue(entries: readonly PendingEntry[], tx: Transaction): Promise<void>
}

export interface NewEntryIntake extends LedgerIntake {
  /** The same for ids that nobody can have used, without looking; goes along with other writes of the transaction. */
  enqueueNew(entries: readonly PendingEntry[], tx: Transaction): Promise<void>
}

/** Called by the sequencer inside the sealing transaction: `proven` and sealed are one commit. */
export type OnSealed = (
  entries: readonly (PendingEntry & { index: number; leafHash: string })[],
  tx: Transaction,
) => Promise<void>
