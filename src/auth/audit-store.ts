import type { Instant } from '../shared/clock.ts'
import type { JsonObject } from '../shared/json.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Role } from './principal.ts'

/** One act of an admin, as kept. What names people or is said in words is in `sealed`. */
export interface AuditRecord {
  /** Ids are in the order of time. The ledger's entry of this act names it. */
  id: string
  at: Instant
  /** As the ledger spells it: `app.paused`, `approval.decided`. */
  type: string
  /** Principal id; `hub` for the hub itself. */
  by: string
  role: Role | 'hub'
  requestId: string
  approval?: string
  /** Ids of all that it is about, for the look-up. */
  about: readonly string[]
  /** The fields of the ledger's entry that need no secret to be read. */
  facts: JsonObject
  /** The act's key, wrapped by the master key; and the words, encrypted. */
  wrapped: Buffer
  sealed: Buffer
}

export interface AuditFilter {
  type?: string
  /** Of what is recorded as `admin.acted`. */
  kind?: string
  by?: string
  /** An id: an app, a revocation, a case, a source, an approval. */
  about?: string
  /** One of these. */
  aboutAny?: readonly string[]
  from?: Instant
  until?: Instant
}

/** The audit trail. Rows are added and never changed. */
export interface AuditStore {
  insert(records: readonly AuditRecord[], tx: Transaction): Promise<void>
  record(id: string): Promise<AuditRecord | null>
  /** Newest first. @throws HubError ERR_INVALID_CURSOR */
  list(
    filter: AuditFilter,
    paging: { limit: number; cursor?: string },
  ): Promise<{ items: AuditRecord[]; next?: string }>
}
