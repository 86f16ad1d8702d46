import type { Instant } from '../shared/clock.ts'

/** How an identity provider speaks; what it is forgiven follows from it. */
export const SOURCE_DIALECTS = ['okta', 'entra', 'generic', 'generic-strict'] as const
export type SourceDialect = (typeof SOURCE_DIALECTS)[number]

/** A source that has proved who it is. */
export interface SourceIdentity {
  sourceId: string
  dialect: SourceDialect
  tokenId: string
}

export interface SourceAuthenticator {
  /**
   * @param authorization the Authorization header, as received
   * @param address where the call comes from; failures are counted by source and address
   * @throws HubError ERR_UNAUTHENTICATED for an unknown source, a wrong or an expired token (the same words for all)
   * @throws HubError ERR_RATE_LIMITED after too many failures from one address
   * @throws HubError ERR_STORAGE_UNAVAILABLE when it could not look
   */
  authenticate(
    sourceId: string,
    authorization: string | undefined,
    address?: string,
  ): Promise<SourceIdentity>
}

/** A bearer token as stored: its SHA-256, and a prefix that people recognise it by. */
export interface TokenRecord {
  id: string
  /** Hex SHA-256 of the whole token. */
  hash: string
  prefix: string
  createdAt: Instant
  expiresAt?: Instant
  /** When it was last used, to the minute. */
  lastUsedAt?: Instant
}

/** A connection of an identity provider. Its id is in its SCIM base URL: lower-case letters, digits, `-`. */
export interface SourceRecord {
  id: string
  name: string
  dialect: SourceDialect
  tokens: readonly TokenRecord[]
  createdAt: Instant
  version: number
}
