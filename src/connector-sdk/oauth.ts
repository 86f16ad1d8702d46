import { createHash } from 'node:crypto'
import { tokenRequest, withAccessToken } from './access-token.ts'
import type { CallContext, HttpClient, HttpRequest } from './contract.ts'

export interface ClientCredentials {
  tokenUrl: string
  clientId: string
  clientSecret: string
  scope?: string
  audience?: string
  /** Where the id and the secret go; default `basic` (RFC 6749 §2.3.1). */
  clientAuth?: 'basic' | 'post'
}

/**
 * An HTTP client that sends an access token of the client credentials grant, as `withAccessToken`.
 *
 * @throws ConnectorError credential when the authorization server refuses the client
 * @see RFC 6749 §4.4
 */
export function withClientCredentials(call: CallContext, client: ClientCredentials): HttpClient {
  return withAccessToken(call, {
    key: keyOf(client),
    request: async () => requestOf(call, client),
  })
}

/** Holds no secret: the digest only tells a changed secret from the old one. */
function keyOf({ tokenUrl, clientId, clientSecret, scope, audience }: ClientCredentials): string {
  const digest = createHash('sha256').update(clientSecret).digest('hex')
  return `oauth ${JSON.stringify([tokenUrl, clientId, digest, scope, audience])}`
}

function requestOf(call: CallContext, client: ClientCredentials): HttpRequest {
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (client.scope !== undefined) form.set('scope', client.scope)
  if (client.audience !== undefined) form.set('audience', client.audience)
  if (client.clientAuth === 'post') {
    form.set('client_id', client.clientId)
    form.set('client_secret', client.clientSecret)
    return tokenRequest(client.tokenUrl, form)
  }
  const pair = `${encodeURIComponent(client.clientId)}:${encodeURIComponent(client.clientSecret)}`
  const basic = Buffer.from(pair).toString('base64')
  call.http.hide(basic)
  return tokenRequest(client.tokenUrl, form, { authorization: `Basic ${basic}` })
}
