import type { JSONWebKeySet } from 'jose'
import type { Instant } from '../shared/clock.ts'

/** How an identity provider speaks; what it is forgiven follows from it. */
export const SOURCE_DIALECTS = ['okta', 'entra', 'generic', 'generic-strict'] as const
export type SourceDialect = (typeof SOURCE_DIALECTS)[number]

/** A source that has proved who it is. */
export interface SourceIdentity {
  sourceId: string
  dialect: SourceDialect
  /** The token, the client secret or the issuer by which it did. */
  tokenId: string
}

export interface SourceAuthenticator {
  /**
   * @param authorization the Authorization header, as received
   * @param address where the call comes from; failures are counted by source and address
   * @throws HubError ERR_UNAUTHENTICATED for an unknown source, a wrong or an expired token (the same words for all)
   * @throws HubError ERR_FORBIDDEN for a right token from an address outside the source's networks
   * @throws HubError ERR_ISSUER_UNAVAILABLE when the keys for a signed token could not be read
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

/** Somebody whose signed tokens (RFC 7519) a source accepts. It never changes; another one takes its place. */
export interface IssuerRecord {
  id: string
  /** `iss`, compared exactly. */
  issuer: string
  /** `tid`, compared exactly. */
  tenant?: string
  /** `aud`, with or without `/.default` at its end. */
  audience: string
  /** Where the keys are; or `jwks`. */
  jwksUri?: string
  jwks?: JSONWebKeySet
  /** `sub`, compared exactly. */
  subject?: string
  /** `appid` or `azp`, compared exactly. */
  appId?: string
  /** Slack for `exp` and `nbf`. */
  clockToleranceSeconds: number
  /** CIDR ranges in which `jwksUri` may lie although they are not public. */
  allowNetworks: readonly string[]
  createdAt: Instant
  lastUsedAt?: Instant
}

/** The lists of credentials that a source has. */
export type CredentialKind = 'tokens' | 'clientSecrets' | 'issuers'

/** A connection of an identity provider. Its id is in its SCIM base URL: lower-case letters, digits, `-`. */
export interface SourceRecord {
  id: string
  name: string
  dialect: SourceDialect
  tokens: readonly TokenRecord[]
  /** For the token endpoint; the client id is the id of the source. */
  clientSecrets?: readonly TokenRecord[]
  issuers?: readonly IssuerRecord[]
  /** CIDR ranges from which it may call; absent or empty: from everywhere. */
  allowedNetworks?: readonly string[]
  /** ms without a call after which it counts as silent; absent: learned. */
  silentAfterMs?: number
  createdAt: Instant
  version: number
}
