import { HUB } from '../api/acts.ts'
import { unitOf } from '../api/revocation-acts.ts'
import { reopen } from '../intake/reopen.ts'
import type { UserChangeDeps } from '../intake/user-changes.ts'
import { type GrantedExemption, type PlannedCase, waiveExempt } from '../revocation/exempt.ts'
import { createLaneDesk } from '../revocation/lane-desk.ts'
import { createLoop, type Loop } from '../revocation/loop.ts'
import type { Revocation } from '../revocation/types.ts'
import { SECOND } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { actRecorder } from './acts.ts'
import type { Parts } from './parts.ts'

/** A waiver that has run out is noticed within this: it was meant in days. */
const EVERY_MS = 30 * SECOND
const BATCH = 50

/** For the intake: waives what is exempt of the cases that it has just written. */
export function exempting({ stores, entries, vault }: Pick<Parts, 'stores' | 'entries' | 'vault'>) {
  const desk = createLaneDesk({ lanes: stores.lanes, clock: stores.clock, onChanged: () => {} })
  const granted = async (
    people: readonly { sourceId: string; userId: string }[],
    now: number,
    tx: Transaction,
  ): Promise<GrantedExemption[]> => {
    const found = await stores.exemptions.ofUsers(people, now, tx)
    return await Promise.all(
      found.map(async ({ id, sourceId, userId, appId, until, approval: approvalId }) => {
        const approval = await stores.approvals.approval(approvalId)
        if (approval?.decidedBy === undefined) throw new Error(`exemption ${id} has no approval`)
        return {
          sourceId,
          userId,
          ...(appId === undefined ? {} : { appId }),
          until,
          approval: approvalId,
          approvedBy: [approval.proposedBy.person, approval.decidedBy.person] as const,
          reason: approval.reason,
        }
      }),
    )
  }
  const deps = {
    revocationDesk: stores.revocationDesk,
    desk,
    entries,
    ledger: stores.intake,
    clock: stores.clock,
    granted,
  }
  return (
    cases: readonly (Omit<PlannedCase, 'caseKey'> & { wrappedKey: Buffer })[],
    tx: Transaction,
  ): Promise<void> =>
    waiveExempt(
      deps,
      cases.map((one) => ({
        ...one,
        caseKey: () => vault.unwrap(one.wrappedKey, `case:${one.offboarding.id}`),
      })),
      tx,
    )
}

/**
 * Ends waivers whose time is over: what was waived is owed again, in a case of its own. Any number of processes may
 * run it; the end and the new case are one transaction.
 */
export function createWaiverCare(
  { stores, entries, vault, log }: Pick<Parts, 'stores' | 'entries' | 'vault' | 'log'>,
  changes: UserChangeDeps,
): Loop {
  const acts = actRecorder({ stores, entries, vault })
  const end = async (revocation: Revocation, tx: Transaction): Promise<void> => {
    if (!(await stores.revocationDesk.endWaiver(revocation.id, stores.clock.now(), tx))) return
    await acts.record(
      { principal: HUB, requestId: revocation.id },
      { entry: { type: 'waiver.ended', ...unitOf(revocation), because: 'expired' } },
      tx,
    )
  }
  const endOne = async (revocation: Revocation): Promise<void> => {
    const transactor: UserChangeDeps['transactor'] = {
      transaction: (work) =>
        stores.transactor.transaction(async (tx) => {
          const result = await work(tx)
          await end(revocation, tx)
          return result
        }),
    }
    const deps = { ...changes, transactor, offboarding: stores.revocations.offboarding }
    try {
      await reopen(deps, revocation)
    } catch (error) {
      // Of an erased case nobody knows whose it was: the waiver ends, and that is all.
      if (!isHubError(error, 'ERR_NOT_FOUND')) throw error
    }
    // Nothing was owed again: the person is back, or something newer is under way.
    await stores.transactor.transaction((tx) => end(revocation, tx))
  }
  return createLoop({
    name: 'waiver care',
    log,
    run: async () => {
      const over = await stores.revocationDesk.waiversOver(stores.clock.now(), BATCH)
      for (const revocation of over) {
        await endOne(revocation).catch((error: unknown) => {
          log.error({ revocationId: revocation.id, err: error }, 'a waiver could not be ended')
        })
      }
      return EVERY_MS
    },
  })
}
