import { MINUTE, SECOND } from '../shared/clock.ts'
import { faultOfStatus } from './classify.ts'
import {
  type CallContext,
  ConnectorError,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
} from './contract.ts'
import { retryAfterMs } from './retry-after.ts'

/** Where an access token comes from. */
export interface TokenSource {
  /** Tells the tokens of one app apart in its memory. Holds no secret. */
  key: string
  /** What to ask the authorization server, made afresh for every token. */
  request(): Promise<HttpRequest>
}

interface Token {
  value: string
  /** ms since the epoch; already shortened by the margin. */
  until: number
}

/**
 * An HTTP client that sends an access token. The token is kept in the call's memory, fetched once however many ask,
 * and renewed once when an answer is 401.
 *
 * @throws ConnectorError credential when the authorization server refuses
 * @see RFC 6749 §5
 */
export function withAccessToken(call: CallContext, source: TokenSource): HttpClient {
  const memory = call.memory ?? new Map<string, unknown>()
  const { key } = source
  const token = async (): Promise<Token> => {
    const kept = memory.get(key) as Promise<Token> | undefined
    if (kept !== undefined) {
      // Somebody else's fetch may fail for their reasons (their abort): then fetch ourselves.
      const shared = await kept.catch(() => undefined)
      if (shared !== undefined && shared.until > call.now()) return shared
      if (memory.get(key) === kept) memory.delete(key)
      return token()
    }
    const fetched = fetchToken(call, source)
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

async function fetchToken(call: CallContext, source: TokenSource): Promise<Token> {
  return tokenOf(await call.http.send(await source.request()), call.now())
}

/** A form for a token endpoint. Getting a token changes nothing at the app. */
export function tokenRequest(
  url: string,
  form: URLSearchParams,
  headers: Readonly<Record<string, string>> = {},
): HttpRequest {
  return {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      ...headers,
    },
    body: form.toString(),
    reads: true,
  }
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
