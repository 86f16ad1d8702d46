import { z } from 'zod'
import { type Approval, digestOf } from '../auth/approval.ts'
import type { ApprovalStore } from '../auth/approval-store.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import { type Clock, HOUR, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { JsonObject } from '../shared/json.ts'
import { mayRead, OPERATORS_AND_OWNERS, READERS } from './access.ts'
import { type ApprovalActsParts, approvalActs } from './approval-acts.ts'
import { approvalAnswer, kindField, showApproval } from './approval-answer.ts'
import { decisionRoutes } from './approval-decisions.ts'
import { createApprovalRight, forbidden, personBehind } from './approval-right.ts'
import { idField, pageOf, pageQuery, present } from './fields.ts'
import { reasonField } from './revocation-acts.ts'
import { defineRoute, type Route } from './route.ts'
import { valid } from './validate.ts'

export interface ApprovalsParts extends ApprovalActsParts {
  approvals: ApprovalStore
  directory: Pick<DirectoryStore, 'user'>
  revocations: ApprovalActsParts['revocations'] & Pick<RevocationReader, 'offboardings'>
  clock: Clock
  publicUrl: string
}

const params = z.object({ id: idField })
const oneApproval = { 200: { description: 'The proposal', schema: approvalAnswer } }

/** A second pair of eyes. Nobody decides on their own proposal, nor about themselves. */
export function approvalRoutes(parts: ApprovalsParts): Route[] {
  const { approvals, clock } = parts
  const kinds = approvalActs(parts)
  const right = createApprovalRight(parts)

  const show = (approval: Approval) =>
    showApproval(approval, kinds[approval.kind].title, clock.now())

  const load = async (id: string): Promise<Approval> => {
    const approval = await approvals.approval(id)
    if (approval === null) throw new HubError('ERR_NOT_FOUND', 'there is no such proposal')
    return approval
  }

  return [
    defineRoute({
      method: 'POST',
      path: '/approvals',
      summary: 'Propose an act that needs a second person',
      allow: OPERATORS_AND_OWNERS,
      body: z.strictObject({
        kind: kindField,
        payload: z.record(z.string(), z.json()),
        reason: reasonField,
        expiresInHours: z
          .int()
          .min(1)
          .max(14 * 24)
          .default(72)
          .meta({ description: 'How long somebody may decide' }),
      }),
      answers: { 201: { description: 'It waits for somebody else', schema: approvalAnswer } },
      handle: async ({ body, principal, acts, signal }) => {
        const proposedBy = personBehind(principal)
        const act = kinds[body.kind]
        if (principal.role === 'owner' && body.kind !== 'waive') {
          throw forbidden('owners of apps may propose waivers')
        }
        const payload = valid(act.schema, body.payload, '/payload') as JsonObject
        const { owners, subject, ...prepared } = await act.prepare(payload, signal)
        if (!mayRead(principal, { owners })) {
          throw new HubError('ERR_NOT_FOUND', 'there is no such revocation')
        }
        await right.refuseSubject(principal, subject)
        const now = clock.now()
        const draft = {
          id: newId(),
          kind: body.kind,
          ...prepared,
          ...(subject === undefined ? {} : { subject }),
          reason: body.reason,
          proposedBy,
          proposedAt: now,
          expiresAt: now + body.expiresInHours * HOUR,
          state: 'proposed' as const,
        }
        const approval: Approval = { ...draft, digest: digestOf(draft) }
        await acts.in(async (tx, record) => {
          await approvals.insert(approval, tx)
          await record({
            entry: {
              type: 'approval.proposed',
              about: approval.about,
              expires: iso(approval.expiresAt),
              kind: approval.kind,
            },
            said: { payload: approval.payload, reason: approval.reason },
            approval: approval.id,
          })
        })
        return {
          status: 201,
          headers: { Location: `${parts.publicUrl}/api/v1/approvals/${approval.id}` },
          json: show(approval),
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/approvals',
      summary: 'List proposals, newest first',
      allow: READERS,
      query: z.strictObject({
        ...pageQuery,
        state: z.enum(['proposed', 'approved', 'refused', 'withdrawn']).optional(),
        kind: kindField.optional(),
        about: idField.optional(),
      }),
      answers: { 200: { description: 'One page', schema: pageOf(approvalAnswer) } },
      handle: async ({ query: { limit, cursor, ...filter } }) => {
        const page = await approvals.list(present(filter), {
          limit,
          ...(cursor === undefined ? {} : { cursor }),
        })
        return {
          status: 200,
          json: { items: page.items.map(show), ...present({ nextCursor: page.next }) },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/approvals/{id}',
      summary: 'Read one proposal',
      allow: READERS,
      params,
      answers: oneApproval,
      handle: async ({ params: { id } }) => ({ status: 200, json: show(await load(id)) }),
    }),

    ...decisionRoutes({ ...parts, kinds, right, load, show }),
  ]
}
