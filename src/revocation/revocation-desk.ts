import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Attestation, Waiver } from './notes.ts'
import type { Revocation } from './types.ts'

/** What people do to revocations. False and null: it is not there, or nothing is owed of it any more. */
export interface RevocationDesk {
  assign(id: string, assignee: string | undefined, tx: Transaction): Promise<boolean>
  attest(id: string, attestation: Attestation, tx: Transaction): Promise<boolean>
  /** From here on nothing is owed of it; the caller seals the waiver in the same transaction. */
  waive(id: string, waiver: Waiver, tx: Transaction): Promise<Revocation | null>
  /** Has what is proven looked at again, now. False when it is not proven. */
  lookAgain(id: string, now: Instant, tx: Transaction): Promise<boolean>
  /** Waivers that have run out, oldest first. */
  waiversOver(now: Instant, limit: number): Promise<Revocation[]>
  /** @returns false when somebody was faster */
  endWaiver(id: string, now: Instant, tx: Transaction): Promise<boolean>
}
