import type { Facet, Subject } from '../connector-sdk/contract.ts'
import type { Instant } from '../shared/clock.ts'
import type { RevocationNotes } from './notes.ts'

/** 0 authentication, signing, vault · 1 production, finance · 2 customer data · 3 other. */
export type AppClass = 0 | 1 | 2 | 3

/** Who is covered by an app: everybody of the sources, or members of groups. */
export type AppScope =
  | { kind: 'everyone'; sourceIds?: readonly string[] }
  | { kind: 'groups'; groups: readonly { sourceId: string; groupId: string }[] }

/** A registered downstream application, without its secrets. */
export interface AppRecord {
  id: string
  name: string
  connectorId: string
  config: unknown
  scope: AppScope
  class: AppClass
  /** E-mail addresses or names of the people who answer for this app; at least one. */
  owners: readonly string[]
  state: 'active' | 'paused'
  /** Nobody is covered any more from then on; what is open there is still owed and worked on. */
  removedAt?: Instant
  /** CIDR ranges of private networks this app may be reached in. */
  allowNetworks: readonly string[]
  createdAt: Instant
  updatedAt: Instant
  version: number
}

/**
 * `due → acting → settling → verified → proven`; beside the line `human` (a person must act), `waived`,
 * `superseded` (the person came back first, or a newer revocation took over). There is no "failed".
 */
export type RevocationState =
  | 'due'
  | 'acting'
  | 'settling'
  | 'verified'
  | 'proven'
  | 'human'
  | 'waived'
  | 'superseded'

/** States in which nothing is owed any more. */
export const CLOSED_STATES: readonly RevocationState[] = ['proven', 'waived', 'superseded']

/**
 * A: the credential was used and refused. B: a fresh independent read shows it dead.
 * C: acknowledged only, or a person's word. F: contradicted, still live.
 */
export type Grade = 'A' | 'B' | 'C' | 'F'

/** The hub's judgement of one facet at one time. */
export interface Verdict {
  grade: Grade
  /** `dead` and `absent` may be proven; `contradicted` and `unobservable` never. */
  kind: 'dead' | 'absent' | 'contradicted' | 'unobservable'
  at: Instant
  /** When what was already issued stops working by itself; absent when nothing lives on. */
  residualUntil?: Instant
}

/** Why a person must act. Stable codes; the runbook has an entry for each. */
export type HumanReason =
  | 'ambiguous-match'
  | 'no-account-found'
  | 'manual-app'
  | 'forbidden'
  | 'invalid'
  | 'unsupported'
  | 'protected'
  | 'contradicted'
  | 'unobservable'
  | 'connector-bug'

/** What made the hub act. No personal data. */
export interface Cause {
  kind:
    | 'scim.post'
    | 'scim.patch'
    | 'scim.put'
    | 'scim.delete'
    | 'scim.bulk'
    | 'admin'
    | 'reobservation'
  requestId: string
  receivedAt: Instant
}

/** The case opened by a leaver, mover or delete event; it commits to its full set of revocations. */
export interface Offboarding {
  id: string
  sourceId: string
  userId: string
  generation: number
  kind: 'leaver' | 'mover'
  cause: Cause
  /** Erasable copy of who this is about; the user may be deleted. */
  subject: Subject
  forCause: boolean
  openedAt: Instant
  state: 'open' | 'closed'
  closedAt?: Instant
  /** RFC 6962 tree over the sorted expected items, amendments included; see ledger/expected-set.ts. */
  expected: { count: number; root: string }
}

/** One unit of work and proof: (offboarding × app × facet). */
export interface Revocation extends RevocationNotes {
  id: string
  offboardingId: string
  sourceId: string
  userId: string
  appId: string
  facet: Facet
  generation: number
  class: AppClass
  state: RevocationState
  reason?: HumanReason
  verdict?: Verdict
  /** Size of the set of its case when it was added to it; absent when it was there from the opening. */
  amendedTo?: number
  /** Id of the storm that holds it until two persons let it go on. */
  heldBy?: string
  /** Last fault code, for people; details are in evidence. */
  fault?: string
  attempts: number
  openedAt: Instant
  /** The later of effective and received time, where it was opened after that. */
  clockFrom?: Instant
  /** Counted from there. */
  deadlineAt: Instant
  updatedAt: Instant
  provenAt?: Instant
  /** W3C traceparent of the request that made it due, while traces are on; at most 55 characters. */
  trace?: string
  /** Where the proof stands in the ledger. */
  entry?: { index: number; leafHash: string }
}
