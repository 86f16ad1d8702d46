import type { Connection, mongo } from 'mongoose'
import type { EntryReferences } from '../ledger/intake.ts'
import type { SignerReport } from '../ledger/signer-report.ts'
import type { RefusalReason } from '../ledger/store.ts'
import { translated } from './errors.ts'

/** One per log. `size` is the compare-and-swap field. */
export interface HeadRow {
  _id: string
  size: number
  root: Buffer
  /** Hashes of the unfinished tile of each level, at most 255 each. */
  edge: Buffer[]
  at: number
}

/** An entry that waits to be sealed. `_id` is its eid. */
export interface IntakeRow {
  _id: string
  type: string
  leaf: Buffer
  references: EntryReferences
  /** See ledger/intake-mac.ts. */
  mac?: Buffer
  /** Order of sealing; ms since the epoch, by the clock of the process that enqueued it. */
  at: number
}

/** `_id` is the index in the log. Inserted once, never changed. */
export interface EntryRow {
  _id: number
  eid: string
  type: string
  leaf: Buffer
  leafHash: Buffer
  references: EntryReferences
}

/** `_id` is `<level>/<index>`. Full tiles only: the others are in the head. */
export interface TileRow {
  _id: string
  bytes: Buffer
}

/** `_id` is the size of the tree. */
export interface CheckpointRow {
  _id: number
  root: Buffer
  note: string
  at: number
  timestamps?: Buffer[]
  /** Set with `timestamps`. */
  stampedAt?: number
}

/** What the signer says of itself. `_id` is the origin. */
export type SignerRow = SignerReport & { _id: string }

/** Who seals, who signs. `_id` is `<origin>#<task>`. */
export interface LeaseRow {
  _id: string
  holder: string
  until: number
}

/** What was not sealed, and why. `_id` is `<eid>#<leaf hash>`: several forgeries of one id are all kept. */
export interface RefusedRow {
  _id: string
  entry: IntakeRow
  reason: RefusalReason
  kid?: string
  refusedAt: number
}

const collection =
  <Row extends mongo.Document>(name: string) =>
  (connection: Connection): mongo.Collection<Row> =>
    connection
      .getClient()
      .db(connection.name)
      .collection<Row>(name, { ignoreUndefined: true, promoteBuffers: true })

export const headsOf = collection<HeadRow>('ledger_heads')
export const intakeOf = collection<IntakeRow>('ledger_intake')
export const entriesOf = collection<EntryRow>('ledger_entries')
export const tilesOf = collection<TileRow>('ledger_tiles')
export const checkpointsOf = collection<CheckpointRow>('ledger_checkpoints')
export const leasesOf = collection<LeaseRow>('ledger_leases')
export const signersOf = collection<SignerRow>('ledger_signers')
export const refusedOf = collection<RefusedRow>('ledger_refused')

/** Creates the collections and their indexes. Safe to repeat; run it before the first request. */
export async function prepareLedger(connection: Connection): Promise<void> {
  const names = [
    'heads',
    'intake',
    'entries',
    'tiles',
    'checkpoints',
    'leases',
    'refused',
    'signers',
  ]
  await translated(async () => {
    for (const name of names) await connection.createCollection(`ledger_${name}`)
    await intakeOf(connection).createIndexes([{ key: { at: 1, _id: 1 }, name: 'order' }])
    await entriesOf(connection).createIndexes([
      { key: { eid: 1 }, name: 'eid', unique: true },
      {
        key: { 'references.offboardingId': 1, _id: 1 },
        name: 'of_offboarding',
        partialFilterExpression: { 'references.offboardingId': { $exists: true } },
      },
      {
        key: { type: 1, _id: 1 },
        name: 'keys',
        partialFilterExpression: { type: 'log.key' },
      },
    ])
    await checkpointsOf(connection).createIndexes([
      { key: { stampedAt: 1 }, name: 'stamped', sparse: true },
    ])
    await refusedOf(connection).createIndexes([{ key: { reason: 1, kid: 1 }, name: 'reason' }])
  })
}
