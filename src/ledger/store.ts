import type { Instant } from '../shared/clock.ts'
import type { OnSealed, PendingEntry } from './intake.ts'
import type { LeaseStore } from './lease.ts'
import type { TileId } from './tiles.ts'
import type { FullTile, RightEdge } from './tree.ts'

/** Where the log ends. Moved only by compare-and-swap on `edge.size`, in the transaction that adds entries. */
export interface LogHead {
  edge: RightEdge
  /** 32 bytes. */
  root: Buffer
  /** When the last batch was sealed; never goes backwards. */
  at: Instant
}

export interface SealedEntry extends PendingEntry {
  index: number
  /** Hex. */
  leafHash: string
}

/** One step of the log: from this head to that one. */
export interface SealBatch {
  from: LogHead
  to: LogHead
  entries: readonly SealedEntry[]
  tiles: readonly FullTile[]
}

/** A row of the intake. */
export interface WaitingEntry extends PendingEntry {
  /** When it was enqueued, by the clock of the process that did. */
  at: Instant
}

/** Why a row was moved aside instead of being sealed. Stable codes; the runbook has an entry for each. */
export type RefusalReason =
  | 'malformed'
  | 'wrong-log'
  | 'wrong-id'
  | 'wrong-references'
  | 'unknown-key'
  | 'wrong-role'
  | 'bad-signature'
  | 'effects-failed'

export interface RefusedEntry {
  entry: PendingEntry
  reason: RefusalReason
  /** Who it says signed it, where that could be read. */
  kid?: string
}

/** What the sequencer needs of the storage. Every read is a majority read. */
export interface SequencerStore extends LeaseStore {
  head(): Promise<LogHead>
  /** The oldest waiting rows; with `after`, only those behind it. */
  pending(limit: number, after?: WaitingEntry): Promise<WaitingEntry[]>
  /** Which of these ids are in the log already. */
  sealed(eids: readonly string[]): Promise<Set<string>>
  /** Removes waiting rows whose entry is in the log already. */
  dropDuplicates(eids: readonly string[]): Promise<void>
  /** Moves waiting rows aside, in one transaction. They are kept. */
  setAside(rows: readonly RefusedEntry[], now: Instant): Promise<void>
  /** Puts rows back that were refused for a reason that a new start or a new key may have removed. */
  takeBack(knownKids: readonly string[]): Promise<number>
  /**
   * Head, entries, tiles, removal from the intake and the effects of sealing, in one transaction.
   *
   * @returns `fenced` when the head has moved meanwhile; nothing was written then
   */
  seal(batch: SealBatch, onSealed: OnSealed): Promise<'sealed' | 'fenced'>
  /** Leaves of all `log.key` entries, in log order. */
  keyLeaves(): Promise<Buffer[]>
}

export interface StoredEntry {
  index: number
  eid: string
  /** Verbatim. */
  leaf: Buffer
  /** Hex. */
  leafHash: string
}

export interface StoredCheckpoint {
  size: number
  /** 32 bytes. */
  root: Buffer
  /** The signed note. */
  note: string
  at: Instant
  /** RFC 3161 tokens over the note's text, each verified when it came. */
  timestamps?: readonly Buffer[]
}

/** What readers, the signer and the publisher need of the storage. */
export interface LogReadStore {
  head(): Promise<LogHead>
  entry(index: number): Promise<StoredEntry | undefined>
  /** Entries `from` (inclusive) to `to` (exclusive), in order. A gap is an error, never a shorter answer. */
  entries(from: number, to: number): Promise<StoredEntry[]>
  /** Hashes of one tile of the tree as it is now; undefined when the tree has no such tile, or not that wide. */
  tile(tile: TileId): Promise<Buffer | undefined>
  /** The newest published checkpoint. */
  checkpoint(): Promise<StoredCheckpoint | undefined>
}

export interface CheckpointStore {
  /**
   * Publishes a checkpoint; for the same size and root the newer note replaces the older one.
   * @throws HubError ERR_LEDGER when another root was published for this size
   */
  putCheckpoint(checkpoint: StoredCheckpoint): Promise<void>
}
