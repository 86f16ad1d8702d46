import type { Connection } from 'mongoose'
import type { Transaction } from '../shared/transaction.ts'
import type { Vault } from '../vault/vault.ts'
import { gatheredById } from './lane-batch.ts'
import { caseKeysOf } from './revocation-models.ts'
import { sessionOf, within } from './transaction.ts'

/** Keys of cases. What the ledger says about a person opens with them and with nothing else. */
export interface CaseKeyStore {
  /**
   * @returns 32 bytes; null when the key was erased, or the case never had one
   * @throws HubError ERR_MASTER_KEY when the key was wrapped by another master key
   */
  caseKey(offboardingId: string): Promise<Buffer | null>
  /** The same key as it is stored; the vault opens it under `case:<offboarding id>`. */
  wrappedCaseKey(offboardingId: string): Promise<Buffer | null>
  /**
   * Deletes the key: commitments of this case open no more, its evidence cannot be read, all proofs stay
   * valid. There is no way back.
   *
   * @returns false when there was none
   */
  erase(offboardingId: string, tx?: Transaction): Promise<boolean>
}

/** Rows are inserted with the case itself, in the transaction of the change. */
export function createCaseKeyStore(connection: Connection, vault: Vault): CaseKeyStore {
  const keys = caseKeysOf(connection)
  const wrappedKey = gatheredById((ids) => keys.find({ _id: { $in: ids } }).toArray())
  return {
    caseKey: (offboardingId) =>
      within(undefined, async () => {
        const row = await wrappedKey(offboardingId)
        return row === null ? null : vault.unwrap(row.wrapped, `case:${offboardingId}`)
      }),
    wrappedCaseKey: (offboardingId) =>
      within(undefined, async () => (await wrappedKey(offboardingId))?.wrapped ?? null),
    erase: (offboardingId, tx) =>
      within(tx, async () => {
        const erased = await keys.deleteOne({ _id: offboardingId }, sessionOf(tx))
        return erased.deletedCount === 1
      }),
  }
}
