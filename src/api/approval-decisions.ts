import { z } from 'zod'
import { type Approval, type ApprovalKind, isOneHuman, REFUSALS } from '../auth/approval.ts'
import type { ApprovalStore } from '../auth/approval-store.ts'
import type { Principal } from '../auth/principal.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { ADMINS, OPERATORS_AND_OWNERS } from './access.ts'
import type { Act } from './acts.ts'
import type { ApprovalAct } from './approval-act.ts'
import { approvalAnswer } from './approval-answer.ts'
import { type createApprovalRight, forbidden, personBehind } from './approval-right.ts'
import type { CallActs } from './call-acts.ts'
import { idField } from './fields.ts'
import { reasonField } from './revocation-acts.ts'
import { type Answer, defineRoute, type Route } from './route.ts'

export interface DecisionParts {
  approvals: Pick<ApprovalStore, 'decide'>
  kinds: Readonly<Record<ApprovalKind, ApprovalAct>>
  right: ReturnType<typeof createApprovalRight>
  clock: Clock
  /** @throws HubError ERR_NOT_FOUND */
  load(id: string): Promise<Approval>
  show(approval: Approval): z.infer<typeof approvalAnswer>
}

const decision = z.strictObject({
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be the digest of the proposal')
    .meta({ description: 'What you have read; anything else is refused' }),
  reason: reasonField,
})
const params = z.object({ id: idField })
const oneApproval = { 200: { description: 'The proposal', schema: approvalAnswer } }

/** How a proposal ends: a second person says yes or no, or the first one takes it back. */
export function decisionRoutes(parts: DecisionParts): Route[] {
  const { approvals, kinds, right, load, show } = parts

  /** A withdrawal or another decision at the same time: one of them is stored. */
  const settle = async (
    proposed: Approval,
    decided: { state: 'approved' | 'refused' | 'withdrawn'; by: Principal; reason: string },
    acts: CallActs,
    then: (
      approval: Parameters<ApprovalAct['carryOut']>[0],
      tx: Transaction,
      record: (act: Act) => Promise<string>,
    ) => Promise<void> = async () => {},
  ): Promise<Answer> => {
    const { state, by, reason } = decided
    const approval = {
      ...proposed,
      state,
      decidedBy: personBehind(by),
      decidedAt: parts.clock.now(),
      decisionReason: reason,
    }
    await acts.in(async (tx, record) => {
      if (!(await approvals.decide(proposed.id, proposed.digest, approval, tx))) throw tooLate()
      await record({
        entry: { type: 'approval.decided', decision: state },
        said: { reason },
        approval: proposed.id,
      })
      await then(approval, tx, record)
    })
    return { status: 200, json: show(approval) }
  }

  return [
    defineRoute({
      method: 'POST',
      path: '/approvals/{id}/approve',
      summary: 'Say yes as the second person; it is done at once',
      allow: ADMINS,
      params,
      body: decision,
      answers: oneApproval,
      handle: async ({ params: { id }, body, principal: by, acts }) => {
        const proposed = await load(id)
        await right.mayDecide(proposed, by, body.digest)
        const act = kinds[proposed.kind]
        const decided = { state: 'approved', by, reason: body.reason } as const
        const answer = await settle(proposed, decided, acts, act.carryOut)
        act.after?.(proposed)
        return answer
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/approvals/{id}/refuse',
      summary: 'Say no as the second person',
      allow: ADMINS,
      params,
      body: decision,
      answers: oneApproval,
      handle: async ({ params: { id }, body, principal: by, acts }) => {
        const proposed = await load(id)
        await right.mayDecide(proposed, by, body.digest)
        return await settle(proposed, { state: 'refused', by, reason: body.reason }, acts)
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/approvals/{id}/withdraw',
      summary: 'Take your own proposal back',
      allow: OPERATORS_AND_OWNERS,
      params,
      body: z.strictObject({ reason: reasonField }),
      answers: oneApproval,
      handle: async ({ params: { id }, body, principal: by, acts }) => {
        const proposed = await load(id)
        if (!isOneHuman(personBehind(by), proposed.proposedBy)) {
          throw forbidden('somebody else has proposed it; refuse it instead')
        }
        return await settle(proposed, { state: 'withdrawn', by, reason: body.reason }, acts)
      },
    }),
  ]
}

const tooLate = (): HubError => new HubError('ERR_CONFLICT', REFUSALS.decided)
