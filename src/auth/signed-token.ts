import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Instant } from '../shared/clock.ts'
import { type IssuerKeys, issuerUnavailable } from './issuer-keys.ts'
import type { IssuerRecord } from './source-authenticator.ts'

/** A signed token that one of the issuers vouches for. */
export interface SignedToken {
  issuer: IssuerRecord
  expiresAt: Instant
  /** Its own name, where it has one. */
  jti?: string
}

/** Public keys only: with `HS256` a public key would do as the secret. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/** The form of a compact JWS. */
export const isSignedToken = (token: string): boolean =>
  /^[\w-]{2,2048}\.[\w-]{2,6144}\.[\w-]{2,2048}$/.test(token)

/**
 * Checks a JWT against the issuers that a source has registered: signature, exact issuer and tenant, audience,
 * subject and application where they are pinned, `exp` and `nbf`.
 *
 * @returns undefined when it is refused
 * @throws HubError ERR_ISSUER_UNAVAILABLE when the keys cannot be read
 * @see RFC 7519 §7.2, RFC 8725 §3
 */
export async function verifySignedToken(
  token: string,
  issuers: readonly IssuerRecord[],
  keys: IssuerKeys,
  now: Instant,
): Promise<SignedToken | undefined> {
  const named = issuerOf(token)
  for (const issuer of issuers) {
    if (issuer.issuer !== named) continue
    const claims = await verified(token, issuer, keys, now)
    if (claims?.exp === undefined || !isPinned(claims, issuer)) continue
    return {
      issuer,
      expiresAt: claims.exp * 1_000,
      ...(claims.jti === undefined ? {} : { jti: claims.jti }),
    }
  }
  return undefined
}

/** What the token says of itself: it chooses the keys, and proves nothing. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
    throw error
  }
}

async function verified(
  token: string,
  issuer: IssuerRecord,
  keys: IssuerKeys,
  now: Instant,
): Promise<JWTPayload | undefined> {
  // Entra shows the audience with `/.default` at its end, and sends it without.
  const audience = issuer.audience.replace(/\/\.default$/, '')
  try {
    const { payload } = await jwtVerify(token, keys(issuer), {
      algorithms: ALGORITHMS,
      issuer: issuer.issuer,
      audience: [audience, `${audience}/.default`],
      requiredClaims: ['exp'],
      clockTolerance: issuer.clockToleranceSeconds,
      currentDate: new Date(now),
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JWKSInvalid || error instanceof errors.JWKSTimeout) {
      throw issuerUnavailable(error)
    }
    if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
    throw error
  }
}

function isPinned(claims: JWTPayload, { tenant, subject, appId }: IssuerRecord): boolean {
  return (
    (tenant === undefined || claims['tid'] === tenant) &&
    (subject === undefined || claims.sub === subject) &&
    (appId === undefined || (claims['appid'] ?? claims['azp']) === appId)
  )
}
