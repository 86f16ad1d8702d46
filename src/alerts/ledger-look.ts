import { type Clock, type Instant, MINUTE } from '../shared/clock.ts'
import type { Finding } from './alert.ts'
import type { Look } from './look.ts'
import type { RuleName } from './rules.ts'

/** How far the log is. */
export interface LedgerState {
  /** Since when the oldest row waits to be sealed; null when none does. */
  waitingSince: Instant | null
  /** Entries that are sealed and not signed. */
  unsigned: number
  /** When the newest entry was sealed. */
  sealedAt: Instant
  /** When the newest checkpoint was signed, also one over nothing new; null before the first. */
  signedAt: Instant | null
  /** When the signer's process last said anything; null before it has. */
  signerSeen: Instant | null
  /** Why the signer signs nothing. */
  refused: string | null
  /** Did enough witnesses cosign the newest checkpoint? Null where none were named. */
  quorum: boolean | null
  /** The write-once copy: entries that it lacks, when it last followed, why it does not. Null where none is kept. */
  copy: { lag: number; at: Instant; trouble: string | null } | null
}

/** Sealing takes about a second; a failover some ten. */
const PATIENCE_MS = 2 * MINUTE
/** A signer signs every ten minutes, also when nothing is new. */
const SILENCE_MS = 12 * MINUTE
/** Witnesses and copies are other people's machines: they are restarted. */
const BEHIND_MS = 15 * MINUTE

const LEDGER_RULES: readonly RuleName[] = [
  'ledger-stalled',
  'ledger-refused',
  'ledger-rewritten',
  'ledger-behind',
]

/**
 * A signer that refuses is told as that alone: that it signs nothing follows.
 *
 * @param unwitnessedSince since when no checkpoint was seen that enough witnesses had cosigned
 */
export function ledgerFindings(
  state: LedgerState,
  now: Instant,
  unwitnessedSince?: Instant,
): Finding[] {
  const { waitingSince, refused, copy } = state
  const unsignedSince = refused === null ? signerSilentSince(state, now) : undefined
  const stalled = (part: string, since: Instant): Finding => ({
    rule: 'ledger-stalled',
    key: part,
    about: {},
    facts: { part, minutes: Math.floor((now - since) / MINUTE) },
  })
  return [
    ...(waitingSince !== null && now - waitingSince >= PATIENCE_MS
      ? [stalled('sealing', waitingSince)]
      : []),
    ...(unsignedSince === undefined ? [] : [stalled('signing', unsignedSince)]),
    ...(refused === null
      ? []
      : [
          { rule: 'ledger-refused', key: 'signer', about: {}, facts: { reason: refused } } as const,
        ]),
    ...(unwitnessedSince !== undefined && now - unwitnessedSince >= BEHIND_MS
      ? [behind('witnesses', unwitnessedSince, now)]
      : []),
    ...(copy === null ? [] : copyFindings(copy, now)),
  ]
}

/** Undefined while it signs, or has nothing to sign. */
function signerSilentSince(
  { unsigned, sealedAt, signedAt, signerSeen }: LedgerState,
  now: Instant,
): Instant | undefined {
  if (unsigned === 0) return undefined
  if (now - sealedAt >= PATIENCE_MS) return sealedAt
  // While entries keep coming, the newest is never old.
  if (signerSeen !== null && now - signerSeen >= PATIENCE_MS) return signerSeen
  return signedAt !== null && now - signedAt >= SILENCE_MS ? signedAt : undefined
}

function copyFindings(
  { lag, at, trouble }: NonNullable<LedgerState['copy']>,
  now: Instant,
): Finding[] {
  if (trouble === 'ahead' || trouble === 'split-view') {
    return [{ rule: 'ledger-rewritten', key: 'copy', about: {}, facts: { reason: trouble } }]
  }
  // A copy that was never made has no time: the hub was started with it just now, or it never worked.
  const isOld = at === 0 ? trouble !== null : now - at >= BEHIND_MS
  return isOld && (lag > 0 || trouble !== null) ? [behind('copy', at, now)] : []
}

const behind = (part: string, since: Instant, now: Instant): Finding => ({
  rule: 'ledger-behind',
  key: part,
  about: {},
  facts: { part, ...(since === 0 ? {} : { minutes: Math.floor((now - since) / MINUTE) }) },
})

export function ledgerLook(state: () => Promise<LedgerState>, clock: Clock): Look {
  /** Each new checkpoint is without witnesses for a moment: only one look after the other tells. */
  let unwitnessedSince: Instant | undefined
  return {
    rules: LEDGER_RULES,
    async *findings() {
      const seen = await state()
      const now = clock.now()
      unwitnessedSince = seen.quorum === false ? (unwitnessedSince ?? now) : undefined
      yield* ledgerFindings(seen, now, unwitnessedSince)
    },
  }
}
