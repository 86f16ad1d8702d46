import { type CryptoKey, importJWK, importPKCS8, type JWK, SignJWT } from 'jose'
import { ConnectorError } from './contract.ts'

/** A private key as its owner gave it. */
export interface SigningKey {
  /** PKCS #8 in PEM, or a private JWK. */
  secret: string
  /** e.g. `RS256` */
  algorithm: string
  keyId?: string | undefined
  /** What errors call it, e.g. `signingKey`. */
  name: string
}

/**
 * Signs claims as a JWT.
 *
 * @param typ of the header
 * @throws ConnectorError credential when the key is none, or does not fit the algorithm; it never quotes the key
 * @see RFC 7519
 */
export async function signJwt(key: SigningKey, typ: string, claims: object): Promise<string> {
  const { algorithm: alg, keyId, name } = key
  const privateKey = await keyFrom(key)
  try {
    return await new SignJWT({ ...claims })
      .setProtectedHeader({ alg, typ, ...(keyId === undefined ? {} : { kid: keyId }) })
      .sign(privateKey)
  } catch {
    // Without the cause: it may describe the key.
    throw new ConnectorError('credential', `${name} cannot sign with ${alg}`)
  }
}

async function keyFrom({ secret, algorithm, name }: SigningKey): Promise<CryptoKey | Uint8Array> {
  const text = secret.trim()
  try {
    return text.startsWith('{')
      ? await importJWK(JSON.parse(text) as JWK, algorithm)
      : await importPKCS8(text, algorithm)
  } catch {
    // Without the cause: it may quote the key.
    throw new ConnectorError('credential', `${name} is no PKCS #8 or JWK key for ${algorithm}`)
  }
}
