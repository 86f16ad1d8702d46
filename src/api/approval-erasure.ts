import { z } from 'zod'
import type { LegalHoldStore } from '../auth/approval-store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { type ApprovalAct, missing, textIn } from './approval-act.ts'
import { idField } from './fields.ts'

export interface ErasureActsParts {
  revocations: Pick<RevocationReader, 'offboarding'>
  legalHolds: Pick<LegalHoldStore, 'isHeld'>
  erasure: {
    /** In the transaction of the approval. @throws HubError ERR_NOT_FOUND, ERR_CONFLICT while the case is open */
    eraseCase(offboardingId: string, tx: Transaction): Promise<boolean>
  }
  clock: Clock
}

/** To forget who a closed case was about. */
export function erasureActs({
  revocations,
  legalHolds,
  erasure,
  clock,
}: ErasureActsParts): Record<'erase', ApprovalAct> {
  const refuseHeld = async (
    subject: { sourceId: string; userId: string },
    tx?: Transaction,
  ): Promise<void> => {
    if (await legalHolds.isHeld(subject.sourceId, subject.userId, clock.now(), tx)) {
      throw new HubError('ERR_CONFLICT', 'this person is under legal hold: nothing is erased')
    }
  }
  return {
    erase: {
      title: 'Erase what a closed case says about its person. There is no way back',
      schema: z.strictObject({ offboardingId: idField }),
      prepare: async (payload) => {
        const id = textIn(payload, 'offboardingId')
        const found = await revocations.offboarding(id)
        if (found === null) throw missing('case')
        if (found.state !== 'closed') {
          throw new HubError('ERR_CONFLICT', 'the case is open; it can be erased when it is closed')
        }
        const { sourceId, userId } = found
        await refuseHeld(found)
        return { payload, about: id, subject: { sourceId, userId }, owners: [] }
      },
      carryOut: async ({ id, payload, reason, subject }, tx, record) => {
        const about = textIn(payload, 'offboardingId')
        if (subject !== undefined) await refuseHeld(subject, tx)
        if (!(await erasure.eraseCase(about, tx))) {
          throw new HubError('ERR_CONFLICT', 'the case was erased before')
        }
        await record({
          entry: { type: 'admin.acted', kind: 'case.erase', about },
          said: { reason },
          approval: id,
        })
      },
    },
  }
}
