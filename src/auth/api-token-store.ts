import type { Instant } from '../shared/clock.ts'
import type { Role } from './principal.ts'

/** A token for /api/v1 as stored. */
export interface ApiTokenRecord {
  id: string
  /** What it is for, in words. */
  name: string
  role: Role
  /** For `owner`. */
  ownerName?: string
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
  insert(token: ApiTokenRecord): Promise<void>
  remove(id: string): Promise<boolean>
}
