import type { Facet } from '../connector-sdk/contract.ts'
import type { Instant } from '../shared/clock.ts'
import type { Grade, HumanReason, Offboarding, Revocation, RevocationState } from './types.ts'

/** All given conditions hold. */
export interface RevocationFilter {
  sourceId?: string
  userId?: string
  appId?: string
  /** Of any of these. */
  appIds?: readonly string[]
  facet?: Facet
  state?: RevocationState
  /** Of the last verdict. */
  grade?: Grade
  /** Who takes care of it; only what is still owed. */
  assignee?: string
  offboardingId?: string
  /** Nothing is sealed about it yet, see `Revocation.entry`. */
  open?: boolean
  /** Still owed, and its deadline is before this instant. */
  overdueAt?: Instant
  reason?: HumanReason
}

/** One page of a keyset listing. `next` is opaque; absent on the last page. */
export interface Keyset<T> {
  items: T[]
  next?: string
}

export interface Paging {
  /** 1 … 500. */
  limit: number
  /** `next` of the page before. */
  cursor?: string
}

/** What is owed now, for a dashboard. */
export interface OpenSummary {
  open: number
  overdue: number
  human: number
  /** Deadline of the revocation that is due first. */
  earliestDeadlineAt?: Instant
  byApp: { appId: string; open: number; overdue: number; human: number }[]
}

/** Revocations and their cases for people. `null` means "looked, and it is not there". */
export interface RevocationReader {
  /** Ordered by deadline, earliest first. @throws HubError ERR_INVALID_CURSOR */
  list(filter: RevocationFilter, paging: Paging): Promise<Keyset<Revocation>>
  revocation(id: string): Promise<Revocation | null>
  offboarding(id: string): Promise<Offboarding | null>
  /** Newest first. @throws HubError ERR_INVALID_CURSOR */
  offboardings(
    filter: { sourceId?: string; userId?: string; state?: Offboarding['state'] },
    paging: Paging,
  ): Promise<Keyset<Offboarding>>
  /** All revocations of one case, in the order in which they were planned. */
  ofOffboarding(offboardingId: string): Promise<Revocation[]>
  openSummary(now: Instant): Promise<OpenSummary>
}
