import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Role } from './principal.ts'

/** Somebody who has signed in, as stored. */
export interface SessionRecord {
  /** Names the session in logs, audit trail and ledger; opens nothing. */
  id: string
  /** Hex SHA-256 of the secret in the cookie; unique. */
  hash: string
  role: Role
  ownerName?: string
  person: string
  linked?: { sourceId: string; userId: string }
  createdAt: Instant
  /** It ends then, however much it is used. */
  expiresAt: Instant
}

/** `null` and `false` mean "looked, and it is not there". */
export interface SessionStore {
  insert(session: SessionRecord, tx?: Transaction): Promise<void>
  byHash(hash: string): Promise<SessionRecord | null>
  remove(id: string, tx?: Transaction): Promise<boolean>
}
