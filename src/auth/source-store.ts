import type { Instant } from '../shared/clock.ts'
import type { SourceRecord, TokenRecord } from './source-authenticator.ts'

/** The sources and the hashes of their tokens. `null` and `false` always mean "looked, and it is not there". */
export interface SourceStore {
  /** By id. */
  all(): Promise<SourceRecord[]>
  source(id: string): Promise<SourceRecord | null>
  /** @throws HubError ERR_UNIQUENESS when the id is taken */
  insert(source: SourceRecord): Promise<void>
  /** @throws HubError ERR_TOO_MANY when the source has `MAX_TOKENS` already */
  addToken(sourceId: string, token: TokenRecord): Promise<boolean>
  removeToken(sourceId: string, tokenId: string): Promise<boolean>
  touchToken(sourceId: string, tokenId: string, usedAt: Instant): Promise<void>
  /** Compare-and-swap of name and dialect on `expectedVersion`; false when somebody was faster or it is gone. */
  update(
    change: Pick<SourceRecord, 'id' | 'name' | 'dialect'>,
    expectedVersion: number,
  ): Promise<boolean>
}

/** Enough for any rotation; a bound for the comparison at each request. */
export const MAX_TOKENS = 20
