import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { EscalationLevel } from './escalation.ts'
import type { LaterLook } from './notes.ts'
import type { Revocation } from './types.ts'

/** A look at what was proven. */
export interface DueLook {
  revocation: Revocation
  /** How many there were since the proof. */
  done: number
}

/** Revocations by what the clock asks of them. */
export interface WatchStore {
  /** Open ones that are not verified and whose next level is reached by then, the earliest first; `at` is when. */
  escalating(
    by: Instant,
    limit: number,
  ): Promise<{ revocation: Revocation; level: EscalationLevel; at: Instant }[]>
  /** Compare-and-swap from one level to the next; false when another process was faster, or it is closed. */
  escalate(
    id: string,
    from: EscalationLevel,
    to: EscalationLevel,
    next: Instant | undefined,
    tx: Transaction,
  ): Promise<boolean>
  /** Proven ones that are to be looked at again, the longest due first. @param leftOut apps that it is not about */
  reobservable(now: Instant, limit: number, leftOut: readonly string[]): Promise<DueLook[]>
  /** Takes a due look on: until `until` no other process does. False when one was faster. */
  beginReobservation(id: string, now: Instant, until: Instant): Promise<boolean>
  /** @param end.next undefined: no more looks */
  endReobservation(
    id: string,
    end: { done: number; next: Instant | undefined; looked: LaterLook },
  ): Promise<void>
}
