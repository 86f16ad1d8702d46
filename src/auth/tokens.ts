import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** `scim`: an identity provider's. `client`: its secret at the token endpoint. `api`: a person's or a program's, for /api/v1. */
export type TokenKind = 'scim' | 'client' | 'api'

export interface NewToken {
  /** `qtc_<kind>_<43 characters of base64url>`: 256 random bits. Shown once, never stored. */
  token: string
  /** Hex SHA-256 of the whole token; a plain hash is enough for 256 random bits. */
  hash: string
  /** `qtc_<kind>_` and the first four random characters: enough to recognise a token, too little to guess it. */
  prefix: string
}

/** The fixed start lets secret scanners find a leaked token. */
export function newToken(kind: TokenKind): NewToken {
  const token = `qtc_${kind}_${randomBytes(32).toString('base64url')}`
  return { token, hash: hashToken(token), prefix: token.slice(0, `qtc_${kind}_`.length + 4) }
}

/** Has the text the form of such a token? What has not needs no look-up to be refused. */
export function isTokenOf(kind: TokenKind, text: string): boolean {
  return text.length === `qtc_${kind}_`.length + 43 && text.startsWith(`qtc_${kind}_`)
}

/** Hex SHA-256. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Compares two hex SHA-256 in a time that does not depend on where they differ. */
export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a, 'hex')
  const right = Buffer.from(b, 'hex')
  return left.length === 32 && right.length === 32 && timingSafeEqual(left, right)
}

/**
 * The credential of `Authorization: Bearer <token>`.
 *
 * @returns undefined when the header is missing or says something else
 * @see RFC 6750 §2.1
 */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9\-._~+/]{1,8192}=*) *$/i.exec(authorization ?? '')?.[1]
}
