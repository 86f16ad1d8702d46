import type { Connection } from 'mongoose'
import type { EntryWriter, LedgerIntake } from '../ledger/intake.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction, Transactor } from '../shared/transaction.ts'
import type { CaseKeyStore } from './case-key-store.ts'
import { evidenceOf } from './evidence-store.ts'
import { eraseMail } from './mailbox-store.ts'
import { caseKeysOf, offboardingsOf } from './revocation-models.ts'
import { createTransactor, sessionOf } from './transaction.ts'

/**
 * Erases again what a restored backup has brought back: the log remembers which cases were erased.
 *
 * @param offboardingIds of `offboarding.keys_erased` entries
 */
export async function eraseRestored(
  connection: Connection,
  offboardingIds: readonly string[],
): Promise<void> {
  const { transaction } = createTransactor(connection)
  for (const id of offboardingIds) {
    await transaction(async (tx) => {
      await caseKeysOf(connection).deleteOne({ _id: id }, sessionOf(tx))
      await eraseData(connection, id, tx)
    })
  }
}

/** Evidence, messages and subject of a case; its key is erased by the caller. */
async function eraseData(connection: Connection, id: string, tx: Transaction): Promise<void> {
  const session = sessionOf(tx)
  await evidenceOf(connection).deleteMany({ offboardingId: id }, session)
  await eraseMail(connection, id, tx)
  await offboardingsOf(connection).updateOne(
    { _id: id },
    { $unset: { subject: '', names: '' } },
    session,
  )
}

export interface Erasure {
  /**
   * Erases what one case says about a person: its key, its evidence, its subject, messages
   * that an app has not fetched yet. There is no way back. Commitments in
   * the log open no more, every proof stays valid, and the log says that it happened.
   *
   * @param options.approval id of the approval, where four eyes were needed; stands in the log
   * @param options.tx a transaction that the erasure belongs to; without it, it has one of its own
   * @returns false when it was erased before
   * @throws HubError ERR_NOT_FOUND when there is no such case
   * @throws HubError ERR_CONFLICT while the case is open: revoking needs what would be erased
   */
  eraseCase(
    offboardingId: string,
    options?: { approval?: string; tx?: Transaction },
  ): Promise<boolean>
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
  return {
    eraseCase: (offboardingId, { approval, tx: given } = {}) => {
      const erase = async (tx: Transaction): Promise<boolean> => {
        const session = sessionOf(tx)
        const found = await offboardings.findOne({ _id: offboardingId }, session)
        if (found === null) throw new HubError('ERR_NOT_FOUND', 'there is no such case')
        if (found.state !== 'closed') {
          throw new HubError('ERR_CONFLICT', 'the case is open; it can be erased when it is closed')
        }
        if (!(await caseKeys.erase(offboardingId, tx))) return false
        await eraseData(connection, offboardingId, tx)
        const entry = entries.write({
          type: 'offboarding.keys_erased',
          v: 1,
          log: entries.origin,
          at: iso(clock.now()),
          offboarding: offboardingId,
          ...(approval === undefined ? {} : { approval }),
        })
        await intake.enqueue([entry], tx)
        return true
      }
      return given === undefined ? transactor.transaction(erase) : erase(given)
    },
  }
}
