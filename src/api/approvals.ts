import { z } from 'zod'
import {
  APPROVAL_KINDS,
  type Approval,
  digestOf,
  isAbout,
  partyOf,
  REFUSALS,
  refusalOf,
} from '../auth/approval.ts'
import type { ApprovalStore } from '../auth/approval-store.ts'
import type { Principal } from '../auth/principal.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import { type Clock, HOUR, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import { isJsonObject, type JsonObject } from '../shared/json.ts'
import { ADMINS, mayRead, OPERATORS, OPERATORS_AND_OWNERS, READERS } from './access.ts'
import { type ApprovalActsParts, approvalActs } from './approval-acts.ts'
import { idField, instantField, instants, pageOf, pageQuery, present } from './fields.ts'
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

const kindField = z.enum(APPROVAL_KINDS)
const partyAnswer = z.object({ id: z.string(), person: z.string() })

const approvalAnswer = z.object({
  id: z.string(),
  kind: kindField,
  title: z.string(),
  payload: z.record(z.string(), z.unknown()).meta({ description: 'All that is to be done' }),
  about: z.string(),
  subject: z.object({ sourceId: z.string(), userId: z.string() }).optional(),
  reason: z.string(),
  digest: z.string().meta({ description: 'Of all of the above; name it when you decide' }),
  state: z.enum(['proposed', 'approved', 'refused', 'withdrawn', 'expired']),
  proposedBy: partyAnswer,
  proposedAt: instantField,
  expiresAt: instantField,
  decidedBy: partyAnswer.optional(),
  decidedAt: instantField.optional(),
  decisionReason: z.string().optional(),
})

const decision = z.strictObject({
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be the digest of the proposal')
    .meta({ description: 'What you have read; anything else is refused' }),
  reason: reasonField,
})
const params = z.object({ id: idField })
const oneApproval = { 200: { description: 'The proposal', schema: approvalAnswer } }

/** A second pair of eyes. Nobody decides on their own proposal, nor about themselves. */
export function approvalRoutes(parts: ApprovalsParts): Route[] {
  const { approvals, clock } = parts
  const kinds = approvalActs(parts)

  const show = (approval: Approval): z.infer<typeof approvalAnswer> => ({
    id: approval.id,
    kind: approval.kind,
    title: kinds[approval.kind].title,
    payload: approval.payload,
    about: approval.about,
    ...present({ subject: approval.subject }),
    reason: approval.reason,
    digest: approval.digest,
    state:
      approval.state === 'proposed' && approval.expiresAt <= clock.now()
        ? 'expired'
        : approval.state,
    proposedBy: { id: approval.proposedBy.id, person: approval.proposedBy.person },
    proposedAt: iso(approval.proposedAt),
    expiresAt: iso(approval.expiresAt),
    ...(approval.decidedBy === undefined
      ? {}
      : { decidedBy: { id: approval.decidedBy.id, person: approval.decidedBy.person } }),
    ...instants({ decidedAt: approval.decidedAt }),
    ...present({ decisionReason: approval.decisionReason }),
  })

  const load = async (id: string): Promise<Approval> => {
    const approval = await approvals.approval(id)
    if (approval === null) throw new HubError('ERR_NOT_FOUND', 'there is no such proposal')
    return approval
  }

  /** How the subject is called, at the provider now and in their newest case. */
  const namesOf = async (subject: Approval['subject']): Promise<string[]> => {
    if (subject === undefined) return []
    const { sourceId, userId } = subject
    const [user, cases] = await Promise.all([
      parts.directory.user(sourceId, userId),
      parts.revocations.offboardings({ sourceId, userId }, { limit: 1 }),
    ])
    const known = cases.items[0]?.subject as { userName: string; emails: string[] } | undefined
    return [
      ...(user === null ? [] : namesIn(user.resource)),
      ...(known === undefined ? [] : [known.userName, ...known.emails]),
    ]
  }

  const decided = (
    approval: Approval,
    by: Principal,
    state: 'approved' | 'refused' | 'withdrawn',
    reason: string,
  ) => {
    const decidedBy = partyOf(by)
    if (decidedBy === undefined) throw forbidden(REFUSALS['no-person'])
    return { ...approval, state, decidedBy, decidedAt: clock.now(), decisionReason: reason }
  }

  const mayDecide = async (approval: Approval, by: Principal, shown: string): Promise<void> => {
    const names = await namesOf(approval.subject)
    const refusal = refusalOf(approval, by, { shown, names, now: clock.now() })
    if (refusal === undefined) return
    const code = refusal === 'decided' || refusal === 'expired' ? 'ERR_CONFLICT' : undefined
    if (refusal === 'altered') throw new HubError('ERR_PRECONDITION', REFUSALS.altered)
    throw new HubError(code ?? 'ERR_FORBIDDEN', REFUSALS[refusal])
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
        const proposedBy = partyOf(principal)
        if (proposedBy === undefined) throw forbidden(REFUSALS['no-person'])
        const act = kinds[body.kind]
        if (principal.role === 'owner' && body.kind !== 'waive') {
          throw forbidden('owners of apps may propose waivers')
        }
        const payload = valid(act.schema, body.payload, '/payload') as JsonObject
        const { owners, subject, ...prepared } = await act.prepare(payload, signal)
        if (!mayRead(principal, { owners })) {
          throw new HubError('ERR_NOT_FOUND', 'there is no such revocation')
        }
        if (isAbout(principal, subject, await namesOf(subject))) throw forbidden(REFUSALS.subject)
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

    defineRoute({
      method: 'POST',
      path: '/approvals/{id}/approve',
      summary: 'Say yes as the second person; it is done at once',
      allow: ADMINS,
      params,
      body: decision,
      answers: oneApproval,
      handle: async ({ params: { id }, body, principal, acts }) => {
        const proposed = await load(id)
        await mayDecide(proposed, principal, body.digest)
        const approval = decided(proposed, principal, 'approved', body.reason)
        const act = kinds[approval.kind]
        await acts.in(async (tx, record) => {
          // A withdrawal or another decision at the same time: one of them is stored.
          if (!(await approvals.decide(id, body.digest, approval, tx))) throw tooLate()
          await record({
            entry: { type: 'approval.decided', decision: 'approved' },
            said: { reason: body.reason },
            approval: id,
          })
          await act.carryOut(approval, tx, record)
        })
        act.after?.(approval)
        return { status: 200, json: show(approval) }
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
      handle: async ({ params: { id }, body, principal, acts }) => {
        const proposed = await load(id)
        await mayDecide(proposed, principal, body.digest)
        const approval = decided(proposed, principal, 'refused', body.reason)
        await acts.in(async (tx, record) => {
          if (!(await approvals.decide(id, body.digest, approval, tx))) throw tooLate()
          await record({
            entry: { type: 'approval.decided', decision: 'refused' },
            said: { reason: body.reason },
            approval: id,
          })
        })
        return { status: 200, json: show(approval) }
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/approvals/{id}/withdraw',
      summary: 'Take your own proposal back',
      allow: OPERATORS,
      params,
      body: z.strictObject({ reason: reasonField }),
      answers: oneApproval,
      handle: async ({ params: { id }, body, principal, acts }) => {
        const proposed = await load(id)
        if (partyOf(principal)?.person !== proposed.proposedBy.person) {
          throw forbidden('somebody else has proposed it; refuse it instead')
        }
        const approval = decided(proposed, principal, 'withdrawn', body.reason)
        await acts.in(async (tx, record) => {
          if (!(await approvals.decide(id, proposed.digest, approval, tx))) throw tooLate()
          await record({
            entry: { type: 'approval.decided', decision: 'withdrawn' },
            said: { reason: body.reason },
            approval: id,
          })
        })
        return { status: 200, json: show(approval) }
      },
    }),
  ]
}

const forbidden = (why: string): HubError => new HubError('ERR_FORBIDDEN', why)
const tooLate = (): HubError => new HubError('ERR_CONFLICT', REFUSALS.decided)

/** User name and addresses of a SCIM user. */
export function namesIn({ userName, emails }: JsonObject): string[] {
  const addresses = (Array.isArray(emails) ? emails : []).flatMap((email) =>
    isJsonObject(email) && typeof email['value'] === 'string' ? [email['value']] : [],
  )
  return [...(typeof userName === 'string' ? [userName] : []), ...addresses]
}
