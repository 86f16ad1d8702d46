import {
  ConnectorError,
  type Fault,
  type HttpRequest,
  type HttpResponse,
  type ReadingOptions,
  refusal,
} from '#connector-sdk'
import type { SsfConfig } from './config.ts'
import type { SubjectId } from './security-event.ts'

/** Requests that carry an order to a receiver, and the reading of its answers. Nothing here sends anything. */

/** @param set a signed Security Event Token @see RFC 8935 §2.1 */
export function pushRequest(endpoint: string, set: string, token: string | undefined): HttpRequest {
  return {
    method: 'POST',
    url: endpoint,
    headers: {
      'content-type': 'application/secevent+jwt',
      accept: 'application/json',
      ...bearer(token),
    },
    body: set,
  }
}

/** @see draft-parecki-oauth-global-token-revocation-06 §3.1 */
export function revocationRequest(
  { endpoint, member }: NonNullable<SsfConfig['gtr']>,
  subject: SubjectId,
  token: string,
): HttpRequest {
  return {
    method: 'POST',
    url: endpoint,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...bearer(token) },
    body: JSON.stringify({ [member]: subject }),
  }
}

/** RFC 8935 §2.4: what a receiver says about a SET that it does not take. */
const FAULT_OF_ERROR: Readonly<Record<string, Fault>> = {
  authentication_failed: 'credential',
  access_denied: 'forbidden',
}

/**
 * RFC 8935 §2.2: only 202 acknowledges; what the receiver does with it, it does not say.
 *
 * @throws ConnectorError
 */
export function checkDelivered(response: HttpResponse, options: ReadingOptions): void {
  const { status, evidence } = response
  if (status === 202) return
  // Nobody is looked up here: it is the receiver that is missing, not the person.
  if (status === 404 || status === 410) {
    throw new ConnectorError('invalid', `no receiver of events at this address: HTTP ${status}`, {
      evidence,
    })
  }
  if (status === 400) {
    const err = errorOf(response.body)
    if (err !== undefined) {
      throw new ConnectorError(FAULT_OF_ERROR[err] ?? 'invalid', `the receiver says ${err}`, {
        evidence,
      })
    }
  }
  if (status >= 400) throw refusal(response, options)
  throw notUnderstood(202, response, options)
}

/** 204: the revocation has begun. 404: there is no such person. @throws ConnectorError */
export function checkBegun(response: HttpResponse, options: ReadingOptions): void {
  if (response.status === 204) return
  if (response.status >= 400) throw refusal(response, options)
  throw notUnderstood(204, response, options)
}

function notUnderstood(
  expected: number,
  { status, evidence }: HttpResponse,
  { what }: ReadingOptions,
): ConnectorError {
  return new ConnectorError('invalid', `could not ${what}: HTTP ${status} instead of ${expected}`, {
    effect: 'unknown',
    evidence,
  })
}

/** The registered name of the error; anything else is not repeated. */
function errorOf(body: string): string | undefined {
  try {
    const { err } = JSON.parse(body) as { err?: unknown }
    return typeof err === 'string' && /^[a-z_]{1,40}$/.test(err) ? err : undefined
  } catch {
    // No JSON: the status has to do.
    return undefined
  }
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}
