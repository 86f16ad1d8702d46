import type { Instant } from '../shared/clock.ts'
import { readCosignatures } from './cosignature.ts'
import { parseNote } from './note.ts'
import type { Policy } from './policy.ts'
import type { SigningRefusal } from './signer.ts'
import type { SignerReport, SignerReportStore } from './signer-report.ts'
import type { LogReadStore, StoredCheckpoint } from './store.ts'
import type { WormTrouble } from './worm-copy.ts'

/** How far the log is sealed, signed, witnessed, stamped and copied. */
export interface LedgerStatus {
  origin: string
  /** Rows that are not in the log yet; since when the oldest of them waits, and how long that is by the database's clock. */
  waiting: { count: number; since: Instant | null; ageMs: number | null }
  sealed: { size: number; at: Instant }
  signed: {
    size: number
    at: Instant
    /** Hex. */
    root: string
    /** Of the configured witnesses; `at` is the time that each signed. */
    witnesses: { name: string; at: Instant | null }[]
    /** Do they suffice for the hub's own policy? Null without one. */
    quorum: boolean | null
  } | null
  /** Sealed, not signed. */
  lag: number
  /** The last checkpoint that an authority has stamped. */
  stamped: { size: number; at: Instant } | null
  /** Null while no signer has said anything. `refused` names why nothing is signed. */
  signer: { seen: Instant; refused: SigningRefusal | null } | null
  /** The write-once copy; null when none is kept. `lag`: signed, not copied. */
  worm: { size: number; at: Instant; lag: number; trouble: WormTrouble | null } | null
}

export interface StatusStore extends Pick<SignerReportStore, 'signerReport'> {
  waiting(): Promise<LedgerStatus['waiting']>
  lastStamp(): Promise<LedgerStatus['stamped']>
}

/** @param policy the hub's own, for the witnesses */
export async function ledgerStatus(
  origin: string,
  store: Pick<LogReadStore, 'head' | 'checkpoint'> & StatusStore,
  policy: Policy | undefined,
): Promise<LedgerStatus> {
  // The report first: what is read after it is at least as new.
  const report = await store.signerReport()
  const checkpoint = await store.checkpoint()
  const head = await store.head()
  const { size } = head.edge
  const signedSize = checkpoint?.size ?? 0
  return {
    origin,
    waiting: await store.waiting(),
    sealed: { size, at: head.at },
    signed: checkpoint === undefined ? null : signedStatus(checkpoint, policy),
    lag: Math.max(0, size - signedSize),
    stamped: await store.lastStamp(),
    signer: report === undefined ? null : { seen: report.at, refused: report.refused ?? null },
    worm: report?.worm === undefined ? null : wormStatus(report.worm, signedSize),
  }
}

function wormStatus(
  { size, at, trouble }: NonNullable<SignerReport['worm']>,
  signedSize: number,
): LedgerStatus['worm'] {
  return { size, at, lag: Math.max(0, signedSize - size), trouble: trouble ?? null }
}

function signedStatus(
  { size, root, at, note }: StoredCheckpoint,
  policy: Policy | undefined,
): LedgerStatus['signed'] {
  const parsed = parseNote(note)
  const trusted = policy?.witnesses ?? []
  const read = parsed === undefined ? undefined : readCosignatures(parsed, trusted)
  const cosigned = new Map(
    read?.kind === 'read' ? read.cosignatures.map(({ by, seconds }) => [by, seconds * 1_000]) : [],
  )
  return {
    size,
    at,
    root: root.toString('hex'),
    witnesses: trusted.map((by) => ({ name: by.name, at: cosigned.get(by) ?? null })),
    quorum: policy?.quorum(new Set(cosigned.keys())) ?? null,
  }
}
