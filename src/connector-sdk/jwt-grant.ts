import { createHash, randomUUID } from 'node:crypto'
import { SECOND } from '../shared/clock.ts'
import { tokenRequest, withAccessToken } from './access-token.ts'
import type { CallContext, HttpClient } from './contract.ts'
import { signJwt } from './sign-jwt.ts'

/** How long an assertion of ours is good, in s. */
const ASSERTION_LIFE_S = 300

/** Somebody who proves with a key who they are. */
export interface AssertingClient {
  tokenUrl: string
  /** Client id, or address of the service account. */
  issuer: string
  /** PKCS #8 in PEM, or a private JWK. */
  privateKey: string
  /** e.g. `RS256` */
  algorithm: string
  keyId?: string
  /** Separated by blanks. */
  scope: string
}

/**
 * An HTTP client that sends an access token of the client credentials grant; the client signs instead of sending a
 * secret (`private_key_jwt`).
 *
 * @throws ConnectorError credential when the key is none, or the authorization server refuses the client
 * @see RFC 7523 §2.2
 */
export function withPrivateKeyJwt(call: CallContext, client: AssertingClient): HttpClient {
  return withAccessToken(call, {
    key: keyOf('private_key_jwt', client),
    request: async () => {
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        scope: client.scope,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion(call, client, { sub: client.issuer }),
      })
      return tokenRequest(client.tokenUrl, form)
    },
  })
}

/**
 * An HTTP client that sends an access token which was given for an assertion.
 *
 * @param subject on whose behalf; the scopes are a claim, as Google has it
 * @throws ConnectorError credential when the key is none, or the authorization server refuses
 * @see RFC 7523 §2.1, https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
export function withJwtBearer(
  call: CallContext,
  client: AssertingClient & { subject: string },
): HttpClient {
  const { subject: sub, scope } = client
  return withAccessToken(call, {
    key: keyOf(`jwt-bearer ${sub}`, client),
    request: async () => {
      const form = new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: await assertion(call, client, { sub, scope }),
      })
      return tokenRequest(client.tokenUrl, form)
    },
  })
}

async function assertion(
  call: CallContext,
  { tokenUrl, issuer, privateKey, algorithm, keyId }: AssertingClient,
  claims: Record<string, string>,
): Promise<string> {
  call.http.hide(privateKey)
  const iat = Math.floor(call.now() / SECOND)
  const exp = iat + ASSERTION_LIFE_S
  const key = { secret: privateKey, algorithm, keyId, name: 'the private key' }
  const all = { ...claims, iss: issuer, aud: tokenUrl, iat, exp, jti: randomUUID() }
  const jwt = await signJwt(key, 'JWT', all)
  call.http.hide(jwt)
  return jwt
}

/** Holds no secret: the digest only tells a changed key from the old one. */
function keyOf(kind: string, { tokenUrl, issuer, privateKey, scope }: AssertingClient): string {
  const digest = createHash('sha256').update(privateKey).digest('hex')
  return `${kind} ${JSON.stringify([tokenUrl, issuer, digest, scope])}`
}
