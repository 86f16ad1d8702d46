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
  /** Why the signer signs nothing. */
  refused: string | null
}

/** Sealing takes about a second; a failover some ten. */
const PATIENCE_MS = 2 * MINUTE

const LEDGER_RULES: readonly RuleName[] = ['ledger-stalled', 'ledger-refused']

/** A signer that refuses is told as that alone: that it signs nothing follows. */
export function ledgerFindings(state: LedgerState, now: Instant): Finding[] {
  const { waitingSince, unsigned, sealedAt, refused } = state
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
    ...(refused === null && unsigned > 0 && now - sealedAt >= PATIENCE_MS
      ? [stalled('signing', sealedAt)]
      : []),
    ...(refused === null
      ? []
      : [
          { rule: 'ledger-refused', key: 'signer', about: {}, facts: { reason: refused } } as const,
        ]),
  ]
}

export function ledgerLook(state: () => Promise<LedgerState>, clock: Clock): Look {
  return {
    rules: LEDGER_RULES,
    async *findings() {
      yield* ledgerFindings(await state(), clock.now())
    },
  }
}
