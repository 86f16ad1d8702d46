import { z } from 'zod'
import type { Transactor } from '../shared/transaction.ts'
import { OPERATORS } from './access.ts'
import { idField } from './fields.ts'
import { reasonField } from './revocation-acts.ts'
import { defineRoute, type Route } from './route.ts'

export interface OffboardingAmendParts {
  amending: {
    /**
     * One transaction: the one of `transactor`.
     *
     * @throws HubError ERR_NOT_FOUND when there is no such case or app
     * @throws HubError ERR_CONFLICT when the case is closed or expects the app already
     */
    amend(request: {
      offboardingId: string
      appId: string
      reason: string
      transactor: Transactor
    }): Promise<{ added: number; expected: { count: number; root: string } }>
  }
}

/** An open case grows: by an app that nobody thought of when it was opened. */
export function offboardingAmendRoutes({ amending }: OffboardingAmendParts): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/offboardings/{id}/apps',
      summary: 'Add an app to an open case: its access is revoked and proven with the rest',
      allow: OPERATORS,
      params: z.object({ id: idField }),
      body: z.strictObject({ appId: idField, reason: reasonField }),
      answers: {
        201: {
          description: 'Committed; the work has begun. The case now commits to this set',
          schema: z.object({
            added: z.int().meta({ description: 'Revocations that were added' }),
            expected: z.object({ count: z.int(), root: z.string() }),
          }),
        },
      },
      handle: async ({ params: { id }, body: { appId, reason }, acts }) => {
        const json = await amending.amend({
          offboardingId: id,
          appId,
          reason,
          transactor: acts.transactor({
            entry: { type: 'admin.acted', kind: 'offboarding.amend', about: id },
            said: { after: { appId }, reason },
          }),
        })
        return { status: 201, json }
      },
    }),
  ]
}
