import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { SealedEvidence } from './evidence.ts'
import type { Lane, Lease } from './lane.ts'

/** Lanes as the worker, reaper and projector need them. Failures throw; an empty answer means "looked, none". */
export interface WorkerLaneStore {
  lane(id: string, tx?: Transaction): Promise<Lane | null>
  /**
   * Keeps `after` if the stored rev is still `before.rev`.
   *
   * @param evidence what `after` names: stored before it in any case, and once, however often it is repeated
   * @returns the stored lane (its rev is one higher), or null when somebody else was faster
   */
  swap(before: Lane, after: Lane, evidence?: readonly SealedEvidence[]): Promise<Lane | null>
  /**
   * Many at once, in a transaction.
   * @returns ids of those that were kept; the others were moved by somebody else
   */
  swapAll(
    swaps: readonly { before: Lane; after: Lane }[],
    tx: Transaction,
  ): Promise<ReadonlySet<string>>
  /**
   * Leases up to `limit` due lanes of one app: most urgent first, and every so often the longest due, so
   * that a stream of urgent ones starves nobody.
   */
  claim(claim: {
    appId: string
    lease: Lease
    now: Instant
    limit: number
    order: 'priority' | 'age'
  }): Promise<Lane[]>
  /** The earliest due time of each of these apps that has work. One call, one index entry per app. */
  nextDue(appIds: readonly string[]): Promise<Map<string, Instant>>
  /** How many lanes of one app other holders have on lease, and how many holders those are. */
  leasedByOthers(
    appId: string,
    holder: string,
    now: Instant,
  ): Promise<{ lanes: number; holders: number }>
  /**
   * Takes `count` slots of an app's rate, `gapMs` apart, for this process alone.
   * @returns when the first one begins
   */
  reserveSlots(take: { appId: string; gapMs: number; count: number }): Promise<Instant>
  /** When the next lane of any app is due; undefined when none waits. One index entry. */
  earliest(): Promise<Instant | undefined>
  /** Lanes whose lease ends by then, the earliest first. */
  expired(by: Instant, limit: number): Promise<Lane[]>
  /**
   * Lanes with news for the revocations or the ledger. The steps of a holder at work are no news until it has
   * something to record or gives the lane back.
   *
   * @param among only these; absent: all
   */
  dirty(limit: number, among?: readonly string[]): Promise<Lane[]>
  /** Is there anybody of another source who is to have that account of the app no more? */
  goneForOthers(account: { appId: string; sourceId: string; handleId: string }): Promise<boolean>
  /** Lanes of one app whose credential is refused. */
  held(appId: string, limit: number): Promise<Lane[]>
  /** Lanes of people who are back, and whose app refuses to put something back: in the order of ids, after this one. */
  stuck(limit: number, after?: string): Promise<Lane[]>
}
