import type { EntryWriter, LedgerIntake } from '../ledger/intake.ts'
import type { Revocation } from '../revocation/types.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'
import { type ReopenDeps, reopen } from './reopen.ts'

export interface DriftDeps extends ReopenDeps {
  ledger: ReopenDeps['ledger'] & LedgerIntake
  entries: EntryWriter
  clock: Clock
}

/**
 * What was proven gone was seen alive: opens a case that revokes it once more, and says so in the ledger, in one
 * transaction. Without a new case (something newer is wanted: access again, or another revocation) nothing has drifted.
 *
 * @returns `erased` when nobody knows any more whose access it is: a person must take it away
 */
export async function reopenDrifted(
  deps: DriftDeps,
  revocation: Revocation,
): Promise<'seen-to' | 'erased'> {
  try {
    await reopen(deps, revocation, enterDrift(deps, revocation))
    return 'seen-to'
  } catch (error) {
    if (isHubError(error, 'ERR_NOT_FOUND')) return 'erased'
    throw error
  }
}

const enterDrift =
  (
    deps: DriftDeps,
    { id, appId, facet, generation, offboardingId }: Revocation,
  ): NonNullable<Parameters<typeof reopen>[2]> =>
  async (reopened, tx) => {
    const entry = deps.entries.write({
      type: 'drift.detected',
      v: 1,
      log: deps.entries.origin,
      at: iso(deps.clock.now()),
      app: appId,
      facet,
      generation,
      offboarding: offboardingId,
      reopened,
      revocation: id,
    })
    await deps.ledger.enqueue([entry], tx)
  }
