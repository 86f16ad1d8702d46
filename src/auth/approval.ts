import { createHash } from 'node:crypto'
import { canonicalJson } from '../shared/canonical-json.ts'
import type { Instant } from '../shared/clock.ts'
import type { JsonObject } from '../shared/json.ts'
import { humanOf, type Principal } from './principal.ts'

/** Acts for which one person is not enough. */
export const APPROVAL_KINDS = [
  'waive',
  'exempt',
  'end-exemption',
  'hold',
  'release-hold',
  'remove-app',
  'lower-class',
  'narrow-scope',
  'resume-storm',
  'erase',
] as const
export type ApprovalKind = (typeof APPROVAL_KINDS)[number]

export type ApprovalState = 'proposed' | 'approved' | 'refused' | 'withdrawn'

/** Who proposed or decided, as four eyes compare it. */
export interface Party {
  id: string
  person: string
  madeBy?: string
  /** The directory user that they were then: names of one human may differ, and change. For the comparison alone. */
  linked?: { sourceId: string; userId: string }
}

/** A dangerous act that waits for a second person. */
export interface Approval {
  id: string
  kind: ApprovalKind
  /** All that is to be done. */
  payload: JsonObject
  /** A secret of the hub for the time until the decision: sealed in the row, in no answer, outside of the digest. */
  kept?: string
  /** Id of the thing it is about. */
  about: string
  /** The person whose access or data it is about. */
  subject?: { sourceId: string; userId: string }
  /** Why, in words; it may name people. */
  reason: string
  /** Hex SHA-256 over all of the above; see `digestOf`. Who decides names what they saw. */
  digest: string
  proposedBy: Party
  proposedAt: Instant
  /** Nobody decides after that. */
  expiresAt: Instant
  state: ApprovalState
  decidedBy?: Party
  decidedAt?: Instant
  decisionReason?: string
}

/** What a proposal says, in one hash. */
export function digestOf(
  approval: Pick<Approval, 'id' | 'kind' | 'payload' | 'about' | 'reason' | 'expiresAt'>,
): string {
  const { id, kind, payload, about, reason, expiresAt } = approval
  return createHash('sha256')
    .update(canonicalJson({ id, kind, payload, about, reason, expiresAt }))
    .digest('hex')
}

export type Refusal =
  | 'no-person'
  | 'same-person'
  | 'made-by-the-other'
  | 'subject'
  | 'expired'
  | 'decided'
  | 'altered'

/** Why in words. */
export const REFUSALS: Readonly<Record<Refusal, string>> = {
  'no-person': 'only a person proposes or decides, and this token belongs to a program',
  'same-person': 'you have proposed it; somebody else decides',
  'made-by-the-other': 'one of your two tokens was made by the other one; that is one pair of eyes',
  subject: 'it is about yourself',
  expired: 'the proposal has expired; propose it again',
  decided: 'it is decided already',
  altered: 'this is not what was proposed; read the proposal again',
}

/** A principal as a party; undefined for a program. */
export function partyOf(principal: Principal): Party | undefined {
  const person = humanOf(principal)
  return person === undefined
    ? undefined
    : {
        id: principal.id,
        person,
        ...(principal.madeBy === undefined ? {} : { madeBy: principal.madeBy }),
        ...(principal.linked === undefined ? {} : { linked: principal.linked }),
      }
}

/** One token or session, one name, or one directory user under two names. */
export function isOneHuman(one: Party, other: Party): boolean {
  return one.id === other.id || one.person === other.person || isSameUser(one.linked, other.linked)
}

function isSameUser(one: Party['linked'], other: Party['linked']): boolean {
  return one !== undefined && one.sourceId === other?.sourceId && one.userId === other.userId
}

/** Is the act about this person? @param names user names and addresses of the subject */
export function isAbout(
  principal: Principal,
  subject: Approval['subject'],
  names: readonly string[],
): boolean {
  const { linked, person } = principal
  if (isSameUser(subject, linked)) return true
  return person !== undefined && names.some((name) => name.toLowerCase() === person)
}

/**
 * May this principal decide on this proposal? Two sessions, two tokens, or a session and a token of one human are
 * one person, also under two names that the directory knows for one user; a token and whoever made it count as one
 * too, because the maker has seen the token.
 *
 * @param shown the digest that the decider names
 * @param names of the subject
 * @returns undefined when they may
 */
export function refusalOf(
  approval: Approval,
  by: Principal,
  { shown, names, now }: { shown: string; names: readonly string[]; now: Instant },
): Refusal | undefined {
  const decider = partyOf(by)
  const { proposedBy } = approval
  if (decider === undefined) return 'no-person'
  if (approval.state !== 'proposed') return 'decided'
  if (approval.expiresAt <= now) return 'expired'
  if (shown !== approval.digest || digestOf(approval) !== approval.digest) return 'altered'
  if (isOneHuman(decider, proposedBy)) return 'same-person'
  if (decider.madeBy === proposedBy.person || proposedBy.madeBy === decider.person) {
    return 'made-by-the-other'
  }
  if (isAbout(by, approval.subject, names)) return 'subject'
  return undefined
}
