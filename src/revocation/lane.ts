import type { Facet } from '../connector-sdk/contract.ts'
import type { Instant } from '../shared/clock.ts'
import type { AppClass, HumanReason, Verdict } from './types.ts'

/** What is wanted of an app for one person, newest generation first come. */
export interface Intent {
  generation: number
  op: 'revoke' | 'restore'
  /** The case this belongs to; for a restore, the case whose effects it undoes, if any. */
  offboardingId?: string
  /** For a revoke: one unit per facet, in the order in which they must be done. */
  units: readonly { revocationId: string; facet: Facet; deadlineAt: Instant }[]
  class: AppClass
  wantedAt: Instant
}

/** One facet of the intent under way. */
export interface Work {
  revocationId: string
  facet: Facet
  state: 'due' | 'acting' | 'settling' | 'verified' | 'human'
  reason?: HumanReason
  verdict?: Verdict
  fault?: string
  attempts: number
  contradictions: number
  /** Account id in the app, once correlated. */
  handleId?: string
  firstAttemptAt?: Instant
  lastAttemptAt?: Instant
  /** Evidence ids, see evidence store. */
  beforeEvidence?: string
  requestEvidence?: string
  afterEvidence?: string
  /** Was it seen live before the revoke? The absence rule needs it. */
  seenLive: boolean
  notBefore: Instant
}

/**
 * One document per (user, app): what is wanted now, what is under way, lease and fence. Order is structural:
 * one attempt per lane at a time. Moved only by `transition` and stored by compare-and-swap on `rev`.
 */
export interface Lane {
  /** `<sourceId>/<userId>/<appId>` */
  id: string
  sourceId: string
  userId: string
  appId: string
  /** Compare-and-swap counter, +1 at every stored change. */
  rev: number
  /** `idle`: nothing wanted. `ready`: waits for `dueAt`. `leased`: one worker has it. `held`: the app's credential is refused. */
  state: 'idle' | 'ready' | 'leased' | 'held'
  dueAt: Instant
  /** Lower goes first: privileged people, then class. */
  priority: number
  want: Intent | undefined
  current: Intent | undefined
  work: readonly Work[]
  /** +1 at every claim and every reap; every write of a worker names it. */
  fence: number
  lease: { id: string; holder: string; until: Instant } | undefined
  attempts: number
  reaps: number
  /** A request of this generation may still take effect at the app until then; an opposite one waits. */
  quarantine: { until: Instant; generation: number; op: 'revoke' | 'restore' } | undefined
  /** Encrypted undo facts of what the hub itself took away, for a restore. */
  undo: readonly { facet: Facet; handleId: string; sealed: Buffer; wrapped: Buffer }[]
  /** Facts that `project` must carry to the revocations and to the ledger; see outbox.ts. */
  outbox: readonly LaneRecord[]
  /** The revocations collection lags behind `work`. */
  dirty: boolean
}

/** Every (lane, generation, facet) ends in exactly one of these. */
export type LaneRecord =
  | {
      kind: 'verified'
      revocationId: string
      generation: number
      work: Work
      at: Instant
      fence: number
    }
  | {
      kind: 'superseded'
      revocationId: string
      facet: Facet
      generation: number
      byGeneration: number
      reason: 'returned' | 'renewed'
      at: Instant
      offboardingId: string
    }

export function laneId(key: { sourceId: string; userId: string; appId: string }): string {
  return `${key.sourceId}/${key.userId}/${key.appId}`
}
