import type { OnSealed } from '../ledger/intake.ts'
import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Offboarding, Revocation } from './types.ts'

/** What a lane says of one revocation. Absent fields are taken away. */
export type RevocationNews = { id: string; at: Instant } & (
  | ({ state: 'due' | 'acting' | 'settling' | 'human' | 'verified' } & Pick<
      Revocation,
      'reason' | 'verdict' | 'fault' | 'attempts'
    >)
  | { state: 'superseded' }
)

/** The revocations as the projector and the closer write them. */
export interface ProjectionStore {
  /** Overwrites what people see. A revocation whose outcome is sealed, or that was waived, stays as it is. */
  project(news: readonly RevocationNews[], tx: Transaction): Promise<void>
  /** Cases whose every revocation is sealed, and whose closing entry is not on its way yet. */
  closable(limit: number): Promise<Offboarding[]>
  /** @returns ids of those that no other process was faster with, and that did not grow since they were read */
  beginClosing(
    cases: readonly Pick<Offboarding, 'id' | 'expected'>[],
    tx: Transaction,
  ): Promise<ReadonlySet<string>>
  /** The person of a case, as a second ago at the earliest; null when the case was erased, or never was. */
  subject(offboardingId: string): Promise<Offboarding['subject'] | null>
  /** The revocations of some cases, in no order. */
  ofOffboardings(ids: readonly string[]): Promise<Revocation[]>
  /**
   * Inside the sealing transaction: `proven` and sealed are one commit.
   *
   * @param tell what this transaction proves, if it commits; told again when it is repeated
   */
  markSealed(
    ...call: [...Parameters<OnSealed>, tell?: (proven: readonly ProvenNow[]) => void]
  ): Promise<void>
}

/** A revocation that becomes proven. */
export type ProvenNow = Pick<Revocation, 'openedAt' | 'trace'>
