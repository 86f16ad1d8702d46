import { z } from 'zod'
import type { Transaction } from '../shared/transaction.ts'
import { type ApprovalAct, missing, textIn } from './approval-act.ts'
import { sourceIdField } from './fields.ts'

/** More than departures held, on their way again. */
export interface StormDesk {
  /** What waits of this source; null when nothing is held. */
  storm(sourceId: string): Promise<{ id: string; departures: number } | null>
  /** @returns how many revocations went on */
  resume(stormId: string, tx: Transaction): Promise<number>
}

export interface StormActsParts {
  storms: StormDesk
}

/** To let go on what a storm holds. */
export function stormActs({ storms }: StormActsParts): Record<'resume-storm', ApprovalAct> {
  return {
    'resume-storm': {
      title: 'Let the held departures of a source go on',
      schema: z.strictObject({ sourceId: sourceIdField }),
      prepare: async (payload) => {
        const sourceId = textIn(payload, 'sourceId')
        const storm = await storms.storm(sourceId)
        if (storm === null) throw missing('held storm of this source')
        const { id: stormId, departures } = storm
        return { payload: { ...payload, stormId, departures }, about: sourceId, owners: [] }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const storm = textIn(payload, 'stormId')
        const resumed = await storms.resume(storm, tx)
        const source = textIn(payload, 'sourceId')
        await record({
          entry: { type: 'storm.resumed', storm, source, resumed },
          said: { reason },
          approval: id,
        })
      },
    },
  }
}
