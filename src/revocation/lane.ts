import type { Facet } from '../connector-sdk/contract.ts'
import type { Instant } from '../shared/clock.ts'
import type { AppClass, HumanReason, Verdict } from './types.ts'

/** A due time that never comes: nothing for a machine to do. Sorts after every date, survives BSON. */
export const NEVER: Instant = 8_640_000_000_000_000

/** What is wanted of an app for one person, newest generation first come. */
export interface Intent {
  generation: number
  op: 'revoke' | 'restore'
  /** The case this belongs to; for a restore, the case whose effects it undoes, if any. */
  offboardingId?: string
  /** For a revoke: one unit per facet, in the order in which they must be done. */
  units: readonly { revocationId: string; facet: Facet; deadlineAt: Instant; heldBy?: string }[]
  class: AppClass
  wantedAt: Instant
  /** W3C traceparent of the request that wants it, while traces are on; at most 55 characters. */
  trace?: string
}

/** A person said which account it is: `now`, or `before` who it belongs to came back the last time. */
export type Named = 'now' | 'before'

/** One facet of the intent under way. */
export interface Work {
  revocationId: string
  facet: Facet
  state: 'due' | 'acting' | 'settling' | 'verified' | 'human'
  reason?: HumanReason
  verdict?: Verdict
  /** Code of the last fault; details are in evidence. */
  fault?: string
  /** Writes sent to the app. */
  attempts: number
  /** Faults and unreadable answers in a row; drives the backoff. */
  failures: number
  contradictions: number
  /** Writes whose outcome is known: an answer, or an error that says that nothing happened. See step-key.ts. */
  answered?: number
  /** Account id in the app, once correlated. */
  handleId?: string
  /** The handle is known from before this revocation: whether it is still theirs is asked before the first look. */
  hint?: true
  /** Absent: the hub found the handle. */
  named?: Named
  /** +1 whenever a person says which account it is, or that it is another one. Absent: 0. */
  choice?: number
  firstAttemptAt?: Instant
  lastAttemptAt?: Instant
  /** Evidence ids, see evidence store. */
  beforeEvidence?: string
  requestEvidence?: string
  afterEvidence?: string
  /** Was it seen live before the revoke? The absence rule needs it. */
  seenLive: boolean
  /** Id of the storm that holds it: nothing is done about it until two persons let it go on. */
  heldBy?: string
  /** Nothing is done about this unit before then. */
  notBefore: Instant
}

/** What the hub knows of this person's handle in the app. Outlives the generation that found it. */
export interface Link {
  facet: Facet
  handleId: string
  seenLive: boolean
  /** As in `Work`. */
  named?: Named
}

/** What the hub took away and a restore must put back. Without `sealed` the write's answer was lost. */
export interface Undo {
  facet: Facet
  handleId: string
  /** The connector's undo facts, encrypted by the vault under `undo:<lane id>`. */
  sealed?: Buffer
  wrapped?: Buffer
  failures: number
  /** As in `Work`. */
  answered?: number
  notBefore: Instant
  /** The app said that it is put back, or refused to: the next step is a look whether it is. */
  told?: true
  /** It was dead although the app had said that it is put back: so often in a row. */
  contradictions?: number
  /** Code of the fault, since the app refuses to put it back: a person is told, and it is tried every hour. */
  stuck?: string
}

export interface Lease {
  id: string
  holder: string
  until: Instant
}

/** The write that is on its way: its effect may happen at any time from `sentAt`. */
export interface Inflight {
  /** Absent for a restore. */
  revocationId?: string
  facet: Facet
  handleId: string
  generation: number
  op: 'revoke' | 'restore'
  fence: number
  sentAt: Instant
  quarantineMs: number
  /** The facet can be put back, and was live when the write was sent. */
  undoable: boolean
}

export interface LaneKey {
  /** See `laneId`. */
  id: string
  sourceId: string
  userId: string
  appId: string
}

/**
 * One document per (user, app): what is wanted now, what is under way, lease and fence. Order is structural:
 * one attempt per lane at a time. Moved only by `transition` and stored by compare-and-swap on `rev`.
 */
export interface Lane extends LaneKey {
  /** Compare-and-swap counter, +1 at every stored change. */
  rev: number
  /**
   * `idle`: nothing for a machine to do. `ready`: waits for `dueAt`. `leased`: one worker has it.
   * `held`: the app's credential is refused; tried again at `dueAt`.
   */
  state: 'idle' | 'ready' | 'leased' | 'held'
  dueAt: Instant
  /** Lower goes first: privileged people, then class. */
  priority: number
  /** The newest intent. Equal to `current` once it has taken over. */
  want: Intent | undefined
  current: Intent | undefined
  work: readonly Work[]
  /** +1 at every claim and every reap; every write of a worker names it. */
  fence: number
  lease: Lease | undefined
  inflight: Inflight | undefined
  /** Claims that were not given back unused. */
  attempts: number
  /** Leases in a row that ended without a word of their holder. */
  reaps: number
  heldUntil: Instant | undefined
  /** A request of this generation may still take effect at the app until then; an opposite one waits. */
  quarantine: { until: Instant; generation: number; op: 'revoke' | 'restore' } | undefined
  links: readonly Link[]
  /** What the hub itself took away, oldest first. */
  undo: readonly Undo[]
  /** Facts that the projector must carry to the revocations and to the ledger. */
  outbox: readonly LaneRecord[]
  /** The revocations collection lags behind `work`, or the outbox is not empty. */
  dirty: boolean
}

/** Every (lane, generation, facet) ends in exactly one of these. */
export type LaneRecord =
  | {
      kind: 'verified'
      revocationId: string
      offboardingId: string
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
      /** `returned`: the person came back first. `renewed`: a newer revocation took over. */
      reason: 'returned' | 'renewed'
      at: Instant
      offboardingId: string
    }

export function laneId(key: { sourceId: string; userId: string; appId: string }): string {
  return `${key.sourceId}/${key.userId}/${key.appId}`
}

/** A lane that nothing was ever wanted of; rev 0 says that it is not stored yet. */
export function newLane(key: LaneKey): Lane {
  return {
    id: key.id,
    sourceId: key.sourceId,
    userId: key.userId,
    appId: key.appId,
    rev: 0,
    state: 'idle',
    dueAt: NEVER,
    priority: 0,
    want: undefined,
    current: undefined,
    work: [],
    fence: 0,
    lease: undefined,
    inflight: undefined,
    attempts: 0,
    reaps: 0,
    heldUntil: undefined,
    quarantine: undefined,
    links: [],
    undo: [],
    outbox: [],
    dirty: false,
  }
}
