import { assertNever } from '../shared/assert-never.ts'
import type { Instant } from '../shared/clock.ts'
import { type AccessGrant, type AccessTokens, isAccessToken } from './access-token.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { isSignedToken, verifySignedToken } from './signed-token.ts'
import type { CredentialKind, SourceRecord, TokenRecord } from './source-authenticator.ts'
import { hashToken, isTokenOf, sameHash } from './tokens.ts'

/** A bearer token, by its form. Nothing is proven but the tag of a grant. */
export type Presented =
  | { kind: 'token'; hash: string }
  | { kind: 'grant'; grant: AccessGrant }
  | { kind: 'signed'; token: string }

/** The credential of a source that a token rests on. */
export interface Match {
  kind: CredentialKind
  credentialId: string
  /** When it ends to be right. */
  expiresAt?: Instant
}

/** @returns undefined for what no look-up could make right */
export function presented(
  sourceId: string,
  token: string,
  now: Instant,
  accessTokens: AccessTokens | undefined,
): Presented | undefined {
  if (isTokenOf('scim', token)) return { kind: 'token', hash: hashToken(token) }
  if (isAccessToken(token)) {
    const grant = accessTokens?.read(token, now)
    return grant?.sourceId === sourceId ? { kind: 'grant', grant } : undefined
  }
  return isSignedToken(token) ? { kind: 'signed', token } : undefined
}

/**
 * The credential of the source that accepts the token; undefined when none does.
 *
 * @throws HubError ERR_ISSUER_UNAVAILABLE when the keys for a signed token cannot be read
 */
export async function acceptedBy(
  source: SourceRecord,
  given: Presented,
  now: Instant,
  issuerKeys: IssuerKeys | undefined,
): Promise<Match | undefined> {
  switch (given.kind) {
    case 'token':
      return matchOf('tokens', matchingToken(source.tokens, given.hash, now))
    case 'grant': {
      const { credentialId, expiresAt } = given.grant
      // What was got by a credential ends with it.
      const secret = source.clientSecrets?.find(({ id }) => id === credentialId)
      if (secret !== undefined) {
        const end = Math.min(expiresAt, secret.expiresAt ?? expiresAt)
        return end > now ? { kind: 'clientSecrets', credentialId, expiresAt: end } : undefined
      }
      const issuer = source.issuers?.find(({ id }) => id === credentialId)
      return issuer === undefined ? undefined : { kind: 'issuers', credentialId, expiresAt }
    }
    case 'signed': {
      const { issuers = [] } = source
      if (issuerKeys === undefined || issuers.length === 0) return undefined
      const signed = await verifySignedToken(given.token, issuers, issuerKeys, now)
      return (
        signed && { kind: 'issuers', credentialId: signed.issuer.id, expiresAt: signed.expiresAt }
      )
    }
    default:
      return assertNever(given)
  }
}

/** Looks at every one, whichever matches: the time taken says nothing. */
export function matchingToken(
  tokens: readonly TokenRecord[],
  hash: string,
  now: Instant,
): TokenRecord | undefined {
  const matches = tokens.filter((token) => sameHash(token.hash, hash))
  return matches.find((token) => token.expiresAt === undefined || token.expiresAt > now)
}

function matchOf(kind: CredentialKind, token: TokenRecord | undefined): Match | undefined {
  return (
    token && {
      kind,
      credentialId: token.id,
      ...(token.expiresAt === undefined ? {} : { expiresAt: token.expiresAt }),
    }
  )
}
