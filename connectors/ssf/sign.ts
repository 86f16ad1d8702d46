import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { JWK } from 'jose'
import { ConnectorError, signJwt } from '#connector-sdk'
import type { SsfConfig } from './config.ts'
import type { EventClaims } from './security-event.ts'

/** How long a bearer assertion of ours is good, in s. */
const ASSERTION_LIFE_S = 300

/** Signs with the app's key. */
export interface Signer {
  /** A Security Event Token. RFC 8417 §2.3: `typ` says so, that nobody takes it for a token of access. */
  event(claims: EventClaims): Promise<string>
  /** A bearer assertion for a global token revocation endpoint. RFC 7523 §3 */
  assertion(audience: string, id: string, now: number): Promise<string>
}

/**
 * @param secret PKCS #8 in PEM, or a private JWK
 * @throws ConnectorError credential when it is neither, or does not fit the algorithm
 */
export function signer(
  { issuer, signing }: Pick<SsfConfig, 'issuer' | 'signing'>,
  secret: string | undefined,
): Signer {
  if (signing === undefined || secret === undefined) {
    throw new ConnectorError('credential', 'signingKey is missing')
  }
  const key = { ...signing, secret, name: 'signingKey' }
  const sign = (typ: string, claims: object): Promise<string> => signJwt(key, typ, claims)
  return {
    event: (claims) => sign('secevent+jwt', claims),
    assertion: (aud, jti, now) => {
      const iat = Math.floor(now / 1_000)
      const claims = { iss: issuer, sub: issuer, aud, jti, iat, exp: iat + ASSERTION_LIFE_S }
      return sign('global-token-revocation+jwt', claims)
    },
  }
}

/**
 * The public half of the signing key as a key set (RFC 7517 §5).
 *
 * @throws ConnectorError credential when there is no key
 */
export function publicKeys(
  { signing }: Pick<SsfConfig, 'signing'>,
  secret: string | undefined,
): { keys: object[] } {
  if (signing === undefined || secret === undefined) {
    throw new ConnectorError('credential', 'signingKey is missing')
  }
  const text = secret.trim()
  try {
    const key = text.startsWith('{')
      ? createPrivateKey({ key: JSON.parse(text) as JWK, format: 'jwk' })
      : createPrivateKey(text)
    const jwk = createPublicKey(key).export({ format: 'jwk' })
    return { keys: [{ ...jwk, kid: signing.keyId, alg: signing.algorithm, use: 'sig' }] }
  } catch {
    // Without the cause: it may quote the key.
    throw new ConnectorError('credential', 'signingKey is no PKCS #8 or JWK key')
  }
}
