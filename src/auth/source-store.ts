import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type {
  CredentialKind,
  IssuerRecord,
  SourceRecord,
  TokenRecord,
} from './source-authenticator.ts'

/** The sources and the hashes of their tokens. `null` and `false` always mean "looked, and it is not there". */
export interface SourceStore {
  /** By id. */
  all(): Promise<SourceRecord[]>
  source(id: string): Promise<SourceRecord | null>
  /** @throws HubError ERR_UNIQUENESS when the id is taken */
  insert(source: SourceRecord, tx?: Transaction): Promise<void>
  /** @throws HubError ERR_TOO_MANY when the source has `MAX_TOKENS` already */
  addToken(
    sourceId: string,
    token: TokenRecord,
    kind?: 'tokens' | 'clientSecrets',
    tx?: Transaction,
  ): Promise<boolean>
  /** @throws HubError ERR_TOO_MANY when the source has `MAX_TOKENS` already */
  addIssuer(sourceId: string, issuer: IssuerRecord, tx?: Transaction): Promise<boolean>
  /** Removes a token, or another credential when `kind` says so. */
  removeToken(
    sourceId: string,
    tokenId: string,
    kind?: CredentialKind,
    tx?: Transaction,
  ): Promise<boolean>
  touchToken(
    sourceId: string,
    tokenId: string,
    usedAt: Instant,
    kind?: CredentialKind,
  ): Promise<void>
  /**
   * Compare-and-swap of what people set, on `expectedVersion`; false when somebody was faster or it is gone. An
   * absent `silentAfterMs` goes back to the learned one.
   */
  update(
    change: Pick<SourceRecord, 'id' | 'name' | 'dialect' | 'allowedNetworks' | 'silentAfterMs'>,
    expectedVersion: number,
    tx?: Transaction,
  ): Promise<boolean>
}

/** Of each kind. Enough for any rotation; a bound for the comparison at each request. */
export const MAX_TOKENS = 20
