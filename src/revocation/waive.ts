import { commit } from '../ledger/commitment.ts'
import { entryId } from '../ledger/entry-id.ts'
import type { EntryWriter, LedgerIntake } from '../ledger/intake.ts'
import { type Clock, type Instant, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { CaseKeys } from './evidence.ts'
import type { LaneDesk } from './lane-desk.ts'
import type { RevocationDesk } from './revocation-desk.ts'
import type { Revocation } from './types.ts'

export interface WaiveDeps {
  revocationDesk: Pick<RevocationDesk, 'waive'>
  desk: Pick<LaneDesk, 'drop'>
  caseKeys: CaseKeys
  entries: EntryWriter
  ledger: LedgerIntake
  clock: Clock
}

/** What two persons have decided. */
export interface WaiverDecision {
  until: Instant
  approval: string
  /** Proposer and decider, as they are called. Commitments in the ledger. */
  approvedBy: readonly [string, string]
  reason: string
}

/**
 * Accepts the risk of one revocation for a time: its lane lets go of it, and `revocation.waived` ends it in the
 * ledger. All of it in the caller's transaction.
 *
 * @throws HubError ERR_CONFLICT when nothing is owed of it, or it is being proven at this moment
 * @throws HubError ERR_NOT_FOUND when its case was erased
 */
export async function waive(
  deps: WaiveDeps,
  revocation: Revocation,
  { until, approval, approvedBy, reason }: WaiverDecision,
  tx: Transaction,
): Promise<void> {
  const { id, offboardingId, appId, facet, generation } = revocation
  const at = deps.clock.now()
  const caseKey = await deps.caseKeys.caseKey(offboardingId)
  if (caseKey === null) throw new HubError('ERR_NOT_FOUND', 'the case was erased')
  await deps.desk.drop(revocation, tx)
  if ((await deps.revocationDesk.waive(id, { at, until, approval }, tx)) === null) {
    throw new HubError('ERR_CONFLICT', 'nothing is owed of this revocation any more')
  }
  const eid = entryId('revocation.waived', id)
  const committed = (path: string, text: string): string =>
    commit(caseKey, eid, path, Buffer.from(text))
  const entry = deps.entries.write({
    type: 'revocation.waived',
    v: 1,
    log: deps.entries.origin,
    at: iso(at),
    app: appId,
    approval,
    approved_by: approvedBy.map((person, i) => committed(`approved_by.${i}`, person)),
    expires: iso(until),
    facet,
    generation,
    offboarding: offboardingId,
    reason: committed('reason', reason),
    revocation: id,
  })
  await deps.ledger.enqueue([entry], tx)
}
