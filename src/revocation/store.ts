import type { Transaction } from '../shared/transaction.ts'
import type { Lane } from './lane.ts'
import type { AppRecord, Offboarding, Revocation } from './types.ts'

/** Lanes as the intake needs them. The worker's claim and lease calls are in worker-store.ts. */
export interface LaneStore {
  load(ids: readonly string[], tx?: Transaction): Promise<Map<string, Lane>>
  ofUsers(sourceId: string, userIds: readonly string[], tx?: Transaction): Promise<Lane[]>
  /**
   * Inserts a lane of rev 0, else replaces by compare-and-swap on `rev`; the stored rev is one higher.
   * @returns ids that lost the race; inside a transaction a lost race throws instead
   */
  save(lanes: readonly Lane[], tx?: Transaction): Promise<string[]>
}

export interface RevocationStore {
  /**
   * A new case. One write with the others of the transaction that are asked for at the same time.
   *
   * @throws HubError ERR_CONFLICT when this generation of the person has its case already
   */
  insert(
    offboarding: Offboarding,
    revocations: readonly Revocation[],
    wrappedCaseKey: Buffer,
    tx: Transaction,
  ): Promise<void>
  /**
   * The set of a case grows. Before all other writes of the transaction.
   *
   * @param change.from what the case commits to as far as the caller knows
   * @returns `moved`: it commits to something else by now. `closing`: its closing entry is written. Nothing was done then
   */
  amend(
    change: {
      offboardingId: string
      from: Offboarding['expected']
      to: Offboarding['expected']
      revocations: readonly Revocation[]
    },
    tx: Transaction,
  ): Promise<'amended' | 'moved' | 'closing'>
}

export interface AppStore {
  /** All registered apps; served from a short-lived cache outside transactions. */
  all(tx?: Transaction): Promise<AppRecord[]>
  /** All registered apps as they are now. */
  current(): Promise<AppRecord[]>
  app(id: string): Promise<AppRecord | null>
}
