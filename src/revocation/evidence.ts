import type { Evidence, Handle, Observation } from '../connector-sdk/contract.ts'

/** One stored statement of an app, with what the hub knows about how it was obtained. */
export interface EvidenceRecord {
  role: 'before' | 'request' | 'after'
  handle: Handle
  /** Absent for a request. */
  state?: Observation['state']
  /** Read with a credential other than the one that revokes. */
  witness: boolean
  /** `<connector id>@<version>` */
  connector: string
  evidence: Evidence
}

/** `bytes` are what commitments in the ledger are about: stored and disclosed verbatim. */
export interface StoredEvidence {
  id: string
  offboardingId: string
  revocationId: string
  bytes: Buffer
  record: EvidenceRecord
}

/** Evidence as it is kept: encrypted, and not stored yet. */
export interface SealedEvidence {
  id: string
  offboardingId: string
  revocationId: string
  sealed: Buffer
}

/** Evidence, encrypted under the key of its case: deleting that key erases it. */
export interface EvidenceStore {
  /**
   * Encrypts. It is stored together with the step of the lane that names it, see `WorkerLaneStore.swap`.
   *
   * @throws HubError ERR_NOT_FOUND when the case key was erased
   */
  seal(offboardingId: string, revocationId: string, record: EvidenceRecord): Promise<SealedEvidence>
  /** Null: looked, and it is not there, or its case was erased. */
  get(id: string): Promise<StoredEvidence | null>
  /** By id; without those that `get` would answer with null. */
  many(ids: readonly string[]): Promise<Map<string, StoredEvidence>>
  ofOffboarding(offboardingId: string): Promise<StoredEvidence[]>
}

/** The key of one case; null when it was erased. */
export interface CaseKeys {
  caseKey(offboardingId: string): Promise<Buffer | null>
}
