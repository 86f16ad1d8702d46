import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Offboarding, Revocation } from './types.ts'
import { type WaiveDeps, type WaiverDecision, waive } from './waive.ts'

/** Two persons have decided that somebody keeps an app, or all of them, for a time. */
export interface GrantedExemption extends WaiverDecision {
  sourceId: string
  userId: string
  /** Absent: in every app. */
  appId?: string
}

/** A case that was planned in the present transaction. */
export interface PlannedCase {
  offboarding: Pick<Offboarding, 'id' | 'sourceId' | 'userId'>
  revocations: readonly Revocation[]
  caseKey(): Buffer
}

/**
 * Waives what is exempt of new cases, in the transaction that writes them. The case commits to its full set all the
 * same: what was left out, by whom and until when is in the ledger, and it is owed again when the time is over.
 *
 * @param deps.granted in force at `now` for these people
 */
export async function waiveExempt(
  deps: Omit<WaiveDeps, 'caseKeys'> & {
    granted(
      people: readonly Pick<Offboarding, 'sourceId' | 'userId'>[],
      now: Instant,
      tx: Transaction,
    ): Promise<readonly GrantedExemption[]>
  },
  cases: readonly PlannedCase[],
  tx: Transaction,
): Promise<void> {
  const people = cases.map(({ offboarding }) => offboarding)
  const granted = await deps.granted(people, deps.clock.now(), tx)
  for (const { offboarding, revocations, caseKey } of cases) {
    const own = granted.filter(
      ({ sourceId, userId }) => sourceId === offboarding.sourceId && userId === offboarding.userId,
    )
    for (const revocation of revocations) {
      const exemption = own.find(({ appId }) => appId === undefined || appId === revocation.appId)
      if (exemption === undefined) continue
      const caseKeys = { caseKey: async () => caseKey() }
      await waive({ ...deps, caseKeys }, revocation, exemption, tx)
    }
  }
}
