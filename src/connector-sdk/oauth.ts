import { createHash } from 'node:crypto'
import { MINUTE, SECOND } from '../shared/clock.ts'
import { faultOfStatus } from './classify.ts'
import { type CallContext, ConnectorError, type HttpClient, type HttpResponse } from './contract.ts'
import { retryAfterMs } from './retry-after.ts'

export interface ClientCredentials {
  tokenUrl: string
  clientId: string
  clientSecret: string
  scope?: string
  audience?: string
  /** Where the id and the secret go; default `basic` (RFC 6749 §2.3.1). */
  clientAuth?: 'basic' | 'post'
}

interface Token {
  value: string
  /** ms since the epoch; already shortened by the margin. */
  until: number
}

/**
 * An HTTP client that sends an access token of the client credentials grant. The token is kept in the call's
 * memory, fetched once however many ask, and renewed once when an answer is 401.
 *
 * @throws ConnectorError credential when the authorization server refuses the client
 * @see RFC 6749 §4.4
 */
export function withClientCredentials(call: CallContext, client: ClientCredentials): HttpClient {
  const memory = call.memory ?? new Map<string, unknown>()
  const key = keyOf(client)
  const token = async (): Promise<Token> => {
    const kept = memory.get(key) as Promise<Token> | undefined
    if (kept !== undefined) {
      // Somebody else's fetch may fail for their reasons (their abort): then fetch ourselves.
      const shared = await kept.catch(() => undefined)
      if (shared !== undefined && shared.until > call.now()) return shared
      if (memory.get(key) === kept) memory.delete(key)
      return token()
    }
    const fetched = fetchToken(call, client)
    memory.set(key, fetched)
    try {
      return await fetched
    } catch (error) {
      if (memory.get(key) === fetched) memory.delete(key)
      throw error
    }
  }
  const forget = async (refused: Token): Promise<void> => {
    const kept = memory.get(key) as Promise<Token> | undefined
    const current = await kept?.catch(() => undefined)
    // Another caller may have renewed it already.
    if (current?.value === refused.value && memory.get(key) === kept) memory.delete(key)
  }
  return {
    hide: call.http.hide,
    send: async (request) => {
      const sendWith = async ({ value }: Token): Promise<HttpResponse> => {
        call.http.hide(value)
        const headers = { ...request.headers, authorization: `Bearer ${value}` }
        return call.http.send({ ...request, headers })
      }
      const first = await token()
      const answer = await sendWith(first)
      if (answer.status !== 401) return answer
      await forget(first)
      return sendWith(await token())
    },
  }
}

/** Holds no secret: the digest only tells a changed secret from the old one. */
function keyOf({ tokenUrl, clientId, clientSecret, scope, audience }: ClientCredentials): string {
  const digest = createHash('sha256').update(clientSecret).digest('hex')
  return `oauth ${JSON.stringify([tokenUrl, clientId, digest, scope, audience])}`
}

async function fetchToken(call: CallContext, client: ClientCredentials): Promise<Token> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (client.scope !== undefined) form.set('scope', client.scope)
  if (client.audience !== undefined) form.set('audience', client.audience)
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  }
  if (client.clientAuth === 'post') {
    form.set('client_id', client.clientId)
    form.set('client_secret', client.clientSecret)
  } else {
    const pair = `${encodeURIComponent(client.clientId)}:${encodeURIComponent(client.clientSecret)}`
    const basic = Buffer.from(pair).toString('base64')
    call.http.hide(basic)
    headers['authorization'] = `Basic ${basic}`
  }
  const response = await call.http.send({
    method: 'POST',
    url: client.tokenUrl,
    headers,
    body: form.toString(),
    reads: true,
  })
  return tokenOf(response, call.now())
}

function tokenOf(response: HttpResponse, now: number): Token {
  const body = fieldsOf(response.body)
  if (response.status !== 200) {
    const fault = faultOfStatus(response)
    const wait = retryAfterMs(response.headers, now)
    // RFC 6749 §5.2: 400 invalid_client, invalid_grant, unauthorized_client, invalid_scope: the client is wrong.
    throw new ConnectorError(
      fault === 'throttled' || fault === 'transient' ? fault : 'credential',
      `the authorization server gave no token: HTTP ${response.status}`,
      { evidence: response.evidence, ...(wait === undefined ? {} : { retryAfterMs: wait }) },
    )
  }
  const { access_token: value, expires_in: seconds } = body
  if (typeof value !== 'string' || value === '') {
    // Without the body: it may hold a token under another name.
    throw new ConnectorError(
      'invalid',
      'the authorization server answered 200 without access_token',
    )
  }
  const lifeMs = (Number(seconds) || 300) * SECOND
  return { value, until: now + lifeMs - Math.min(MINUTE, lifeMs / 10) }
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // An answer without fields has no token either: the caller reports that.
    return {}
  }
}
