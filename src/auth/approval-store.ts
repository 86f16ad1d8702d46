import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Approval, ApprovalKind, ApprovalState, Party } from './approval.ts'

export interface ApprovalFilter {
  state?: ApprovalState
  kind?: ApprovalKind
  about?: string
}

/** Proposals and how they ended. They are kept for good. */
export interface ApprovalStore {
  insert(approval: Approval, tx: Transaction): Promise<void>
  approval(id: string): Promise<Approval | null>
  /** Newest first. @throws HubError ERR_INVALID_CURSOR */
  list(
    filter: ApprovalFilter,
    paging: { limit: number; cursor?: string },
  ): Promise<{ items: Approval[]; next?: string }>
  /** Erases what was kept for it. False when it is decided already, or is not what the decider saw. */
  decide(
    id: string,
    digest: string,
    decision: {
      state: ApprovalState
      decidedBy: Party
      decidedAt: Instant
      decisionReason: string
    },
    tx: Transaction,
  ): Promise<boolean>
}

/** This person is not revoked in this app until then. */
export interface Exemption {
  id: string
  sourceId: string
  userId: string
  /** Absent: in no app. */
  appId?: string
  from: Instant
  until: Instant
  approval: string
  endedAt?: Instant
}

/** Data of this person are kept for a court: nothing of their cases is erased. */
export interface LegalHold {
  id: string
  sourceId: string
  userId: string
  from: Instant
  until?: Instant
  approval: string
  releasedAt?: Instant
}

export interface ExemptionStore {
  insert(exemption: Exemption, tx: Transaction): Promise<void>
  exemption(id: string): Promise<Exemption | null>
  list(
    filter: { sourceId?: string; userId?: string; appId?: string },
    paging: { limit: number; cursor?: string },
  ): Promise<{ items: Exemption[]; next?: string }>
  /** In force at `now` for these people. */
  ofUsers(
    users: readonly { sourceId: string; userId: string }[],
    now: Instant,
    tx?: Transaction,
  ): Promise<Exemption[]>
  /** False when it has ended already. */
  end(id: string, at: Instant, tx: Transaction): Promise<boolean>
}

export interface LegalHoldStore {
  insert(hold: LegalHold, tx: Transaction): Promise<void>
  hold(id: string): Promise<LegalHold | null>
  list(
    filter: { sourceId?: string; userId?: string },
    paging: { limit: number; cursor?: string },
  ): Promise<{ items: LegalHold[]; next?: string }>
  isHeld(sourceId: string, userId: string, now: Instant, tx?: Transaction): Promise<boolean>
  /** False when it has been released already. */
  release(id: string, at: Instant, tx: Transaction): Promise<boolean>
}
