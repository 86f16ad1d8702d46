import type { Connection } from 'mongoose'
import type { EntryWriter, LedgerIntake } from '../ledger/intake.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transactor } from '../shared/transaction.ts'
import type { CaseKeyStore } from './case-key-store.ts'
import { offboardingsOf } from './revocation-models.ts'
import { sessionOf } from './transaction.ts'

export interface Erasure {
  /**
   * Erases what one case says about a person: its key, its evidence, its subject. There is no way back. Commitments in
   * the log open no more, every proof stays valid, and the log says that it happened.
   *
   * @returns false when it was erased before
   * @throws HubError ERR_NOT_FOUND when there is no such case
   * @throws HubError ERR_CONFLICT while the case is open: revoking needs what would be erased
   */
  eraseCase(offboardingId: string): Promise<boolean>
}

/** All of it in one transaction: a case is erased and says so, or neither. */
export function createErasure(
  connection: Connection,
  parts: {
    caseKeys: Pick<CaseKeyStore, 'erase'>
    entries: EntryWriter
    intake: LedgerIntake
    transactor: Transactor
    clock: Clock
  },
): Erasure {
  const { caseKeys, entries, intake, transactor, clock } = parts
  const offboardings = offboardingsOf(connection)
  const evidence = connection.getClient().db(connection.name).collection('evidence')
  return {
    eraseCase: (offboardingId) =>
      transactor.transaction(async (tx) => {
        const session = sessionOf(tx)
        const found = await offboardings.findOne({ _id: offboardingId }, session)
        if (found === null) throw new HubError('ERR_NOT_FOUND', 'there is no such case')
        if (found.state !== 'closed') {
          throw new HubError('ERR_CONFLICT', 'the case is open; it can be erased when it is closed')
        }
        if (!(await caseKeys.erase(offboardingId, tx))) return false
        await evidence.deleteMany({ offboardingId }, session)
        await offboardings.updateOne({ _id: offboardingId }, { $unset: { subject: '' } }, session)
        const entry = entries.write(
          {
            type: 'offboarding.keys_erased',
            v: 1,
            log: entries.origin,
            at: iso(clock.now()),
            offboarding: offboardingId,
          },
          { offboardingId },
        )
        await intake.enqueue([entry], tx)
        return true
      }),
  }
}
