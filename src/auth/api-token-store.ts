import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Role } from './principal.ts'

/** A token for /api/v1 as stored. */
export interface ApiTokenRecord {
  id: string
  /** What it is for, in words. */
  name: string
  role: Role
  /** For `owner`. */
  ownerName?: string
  /** See `Principal`. */
  person?: string
  madeBy?: string
  linked?: { sourceId: string; userId: string }
  /** Hex SHA-256 of the whole token; unique. */
  hash: string
  prefix: string
  createdAt: Instant
  expiresAt: Instant
}

/** `null` and `false` mean "looked, and it is not there". */
export interface ApiTokenStore {
  /** By id, which is the order of creation. */
  all(): Promise<ApiTokenRecord[]>
  byHash(hash: string): Promise<ApiTokenRecord | null>
  insert(token: ApiTokenRecord, tx?: Transaction): Promise<void>
  remove(id: string, tx?: Transaction): Promise<boolean>
}
