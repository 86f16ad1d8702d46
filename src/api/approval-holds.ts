import { z } from 'zod'
import type { LegalHoldStore } from '../auth/approval-store.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { newId } from '../shared/ids.ts'
import { type ApprovalAct, missing, personFields, subjectIn, textIn } from './approval-act.ts'
import { idField, present } from './fields.ts'

export interface HoldActsParts {
  legalHolds: Pick<LegalHoldStore, 'hold' | 'insert' | 'release'>
  clock: Clock
}

/** To keep what is known of a person, for a court. */
export function holdActs({
  legalHolds,
  clock,
}: HoldActsParts): Record<'hold' | 'release-hold', ApprovalAct> {
  return {
    hold: {
      title: 'Legal hold: nothing of this person is erased',
      schema: z.strictObject({ ...personFields, until: z.iso.datetime().optional() }),
      prepare: async (payload) => {
        const subject = subjectIn(payload)
        return { payload, about: subject.userId, subject, owners: [] }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const subject = subjectIn(payload)
        const until =
          payload['until'] === undefined ? undefined : Date.parse(textIn(payload, 'until'))
        const hold = newId()
        await legalHolds.insert(
          {
            id: hold,
            ...subject,
            from: clock.now(),
            approval: id,
            ...present({ until }),
          },
          tx,
        )
        await record({
          entry: {
            type: 'hold.placed',
            hold,
            source: subject.sourceId,
            ...(until === undefined ? {} : { expires: iso(until) }),
          },
          said: { subject, reason },
          approval: id,
        })
      },
    },

    'release-hold': {
      title: 'End a legal hold',
      schema: z.strictObject({ holdId: idField }),
      prepare: async (payload) => {
        const hold = await legalHolds.hold(textIn(payload, 'holdId'))
        if (hold === null || hold.releasedAt !== undefined) throw missing('legal hold')
        const { id, sourceId, userId } = hold
        return { payload, about: id, subject: { sourceId, userId }, owners: [] }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const hold = textIn(payload, 'holdId')
        if (!(await legalHolds.release(hold, clock.now(), tx))) throw missing('legal hold')
        await record({ entry: { type: 'hold.released', hold }, said: { reason }, approval: id })
      },
    },
  }
}
