import { z } from 'zod'
import { APPROVAL_KINDS, type Approval } from '../auth/approval.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { instantField, instants, present } from './fields.ts'

/** What may be proposed. */
export const kindField = z.enum(APPROVAL_KINDS)
const partyAnswer = z.object({ id: z.string(), person: z.string() })

/** A proposal as people see it. */
export const approvalAnswer = z.object({
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

/**
 * @param title what its kind means, for people
 * @param now decides what has expired
 */
export function showApproval(
  approval: Approval,
  title: string,
  now: Instant,
): z.infer<typeof approvalAnswer> {
  return {
    id: approval.id,
    kind: approval.kind,
    title: title,
    payload: approval.payload,
    about: approval.about,
    ...present({ subject: approval.subject }),
    reason: approval.reason,
    digest: approval.digest,
    state: approval.state === 'proposed' && approval.expiresAt <= now ? 'expired' : approval.state,
    proposedBy: { id: approval.proposedBy.id, person: approval.proposedBy.person },
    proposedAt: iso(approval.proposedAt),
    expiresAt: iso(approval.expiresAt),
    ...(approval.decidedBy === undefined
      ? {}
      : { decidedBy: { id: approval.decidedBy.id, person: approval.decidedBy.person } }),
    ...instants({ decidedAt: approval.decidedAt }),
    ...present({ decisionReason: approval.decisionReason }),
  }
}
