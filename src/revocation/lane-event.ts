import type { Ack, Effect, Facet, Fault, Observation } from '../connector-sdk/contract.ts'
import type { Instant } from '../shared/clock.ts'
import type { Intent, LaneKey, Lease } from './lane.ts'
import type { HumanReason, Verdict } from './types.ts'

/** Names the lease under which a worker speaks. An event of any other lease or fence changes nothing. */
export interface Holding {
  lease: string
  fence: number
}

/** What follows from what was seen. */
export type Judgement =
  | { kind: 'verified'; verdict: Verdict & { kind: 'dead' | 'absent'; grade: 'A' | 'B' } }
  | { kind: 'contradicted'; verdict: Verdict & { kind: 'contradicted'; grade: 'F' } }
  /** The app did not say; look again. `settled` is false while the settle time still runs. */
  | { kind: 'wait'; afterMs?: number }
  | { kind: 'human'; reason: HumanReason; verdict?: Verdict }

/**
 * All that can happen to a lane. Times of the event itself are the `now` of `transition`. `choice` is that of the unit
 * (`Work.choice`) when the step began: after another one it changes nothing about the unit.
 */
export type LaneEvent =
  /** A change of access was committed. An older or equal generation changes nothing. */
  | { kind: 'wanted'; key: LaneKey; intent: Intent; priority: number }
  | { kind: 'claimed'; lease: Lease }
  | ({ kind: 'heartbeat'; until: Instant } & Holding)
  /** Read before any write: which handle, and does it live? */
  | ({
      kind: 'looked'
      revocationId: string
      choice?: number
      handleId: string
      state: Observation['state']
      evidence: string
    } & Holding)
  /** Stored before each outward write: from here its effect may happen. */
  | ({
      kind: 'sent'
      what:
        | { op: 'revoke'; revocationId: string; choice?: number }
        | { op: 'restore'; facet: Facet }
      handleId: string
      quarantineMs: number
      /** The facet can be put back. */
      reversible: boolean
    } & Holding)
  /** The app answered the write. */
  | ({
      kind: 'acked'
      ack: Ack['kind']
      evidence: string
      settleMs: number
      undo?: { sealed: Buffer; wrapped: Buffer }
    } & Holding)
  | ({
      kind: 'judged'
      revocationId: string
      choice?: number
      judgement: Judgement
      evidence?: string
      jitter: number
    } & Holding)
  /** Looked whether what an app said to have put back lives again; `unobservable`: the app cannot be asked. */
  | ({
      kind: 'looked-back'
      facet: Facet
      handleId: string
      state: Observation['state'] | 'unobservable'
      retryAfterMs?: number
      jitter: number
    } & Holding)
  /** A call failed. Without `revocationId` it was a restore's. */
  | ({
      kind: 'faulted'
      revocationId?: string
      choice?: number
      facet: Facet
      fault: Fault
      effect: Effect
      retryAfterMs?: number
      evidence?: string
      jitter: number
    } & Holding)
  /** Given back: `done` when nothing can be done now, `shutdown` charges no attempt. */
  | ({ kind: 'released'; reason: 'done' | 'shutdown' } & Holding)
  /** The lease ran out without a word. */
  | { kind: 'reaped' }
  /** Outbox and work are in the revocations and the ledger, in the same transaction. */
  | { kind: 'projected' }
  /** Try again now: a person asked, or the app's settings changed. */
  | { kind: 'nudged' }
  /** A person said which account it is. */
  | { kind: 'assigned'; handleId: string }
  /** Two persons let the departures of a storm go on. */
  | { kind: 'unheld'; storm: string }
  /** Two persons have waived it: nothing more is done about this unit. */
  | { kind: 'dropped'; revocationId: string }
  /** A person said, ahead of any departure, which account it is: for these facets. */
  | { kind: 'bound'; handleId: string; facets: readonly Facet[] }
  /** What the hub believed about the account is wrong: it looks for it again. */
  | { kind: 'unbound' }
