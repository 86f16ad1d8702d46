import type { Instant } from '../shared/clock.ts'
import {
  type CallContext,
  ConnectorError,
  type Effect,
  type Evidence,
  type Fault,
  type HttpResponse,
} from './contract.ts'
import { retryAfterMs } from './retry-after.ts'

/**
 * The fault behind an HTTP status of 4xx or 5xx. Vendors with other habits (Google's 403 for a full budget,
 * AWS's 400) classify before they ask this.
 *
 * @see RFC 9110 §15, RFC 7644 §3.12
 */
export function faultOfStatus(response: Pick<HttpResponse, 'status' | 'headers'>): Fault {
  const { status, headers } = response
  switch (status) {
    case 401:
      return 'credential'
    case 403:
      return isOutOfBudget(headers) ? 'throttled' : 'forbidden'
    case 404:
    case 410:
      return 'gone'
    case 405:
    case 501:
      return 'unsupported'
    case 408:
    case 423:
    case 425:
      return 'transient'
    case 409:
    case 412:
    case 428:
      return 'conflict'
    case 429:
      return 'throttled'
    case 503:
      return headers['retry-after'] === undefined ? 'transient' : 'throttled'
    default:
      return status >= 500 ? 'transient' : 'invalid'
  }
}

/** GitHub and others say "too many" with 403. */
function isOutOfBudget(headers: Readonly<Record<string, string>>): boolean {
  return headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0'
}

/** These were refused at the door; every other 5xx, and 408, may have come after the deed. */
const CERTAINLY_NOT_DONE = new Set([501, 503])

/** What an error status says about the deed. A read never has an effect. */
export function effectOfStatus(status: number, isRead: boolean): Effect {
  if (isRead) return 'none'
  return status === 408 || (status >= 500 && !CERTAINLY_NOT_DONE.has(status)) ? 'unknown' : 'none'
}

/** How one exchange is to be read. */
export interface ReadingOptions {
  /** For the message, e.g. `disable the account`. */
  what: string
  /** True when the request could not change anything. */
  isRead: boolean
  now: Instant
}

/** How the answer to a read is to be read. @param what e.g. `read the user` */
export function reading(what: string, call: Pick<CallContext, 'now'>): ReadingOptions {
  return { what, isRead: true, now: call.now() }
}

/** How the answer to a write is to be read. @param what e.g. `disable the account` */
export function writing(what: string, call: Pick<CallContext, 'now'>): ReadingOptions {
  return { what, isRead: false, now: call.now() }
}

/** The error behind an answer of 4xx or 5xx, with its evidence. */
export function refusal(
  response: HttpResponse,
  { what, isRead, now }: ReadingOptions,
): ConnectorError {
  const fault = faultOfStatus(response)
  const wait =
    fault === 'throttled' || fault === 'transient' ? retryAfterMs(response.headers, now) : undefined
  return new ConnectorError(fault, `could not ${what}: HTTP ${response.status}`, {
    effect: effectOfStatus(response.status, isRead),
    evidence: response.evidence,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  })
}

/**
 * The JSON object of a 2xx answer. A login page with 200 is no answer: somebody must look at the set-up. Broken
 * JSON under a JSON content type is bad luck.
 *
 * @throws ConnectorError the refusal for 4xx and 5xx; invalid or transient for a 2xx that is not a JSON object
 */
export function jsonObject(
  response: HttpResponse,
  options: ReadingOptions,
): Record<string, unknown> {
  const value = jsonValue(response, options)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw unexpected('object', value, response, options)
}

/** The JSON list of a 2xx answer, as `jsonObject`. @throws ConnectorError */
export function jsonArray(response: HttpResponse, options: ReadingOptions): unknown[] {
  const value = jsonValue(response, options)
  if (Array.isArray(value)) return value
  throw unexpected('list', value, response, options)
}

/**
 * The evidence of a write that was acknowledged: 2xx with JSON or with nothing. A login page with 200 is no
 * acknowledgement.
 *
 * @throws ConnectorError
 */
export function acknowledged(response: HttpResponse, options: ReadingOptions): Evidence {
  if (response.body.trim() !== '' || response.status < 200 || response.status > 299) {
    const value = jsonValue(response, options)
    if (value === undefined) throw unexpected('value', value, response, options)
  }
  return response.evidence
}

function jsonValue(response: HttpResponse, options: ReadingOptions): unknown {
  if (response.status < 200 || response.status > 299) throw refusal(response, options)
  try {
    return JSON.parse(response.body)
  } catch {
    // The caller tells "no JSON" and "other JSON" apart.
    return undefined
  }
}

function unexpected(
  what: string,
  value: unknown,
  response: HttpResponse,
  options: ReadingOptions,
): ConnectorError {
  const isJson = /^application\/([\w.+-]+\+)?json\b/i.test(response.headers['content-type'] ?? '')
  return new ConnectorError(
    isJson && value === undefined ? 'transient' : 'invalid',
    `could not ${options.what}: HTTP ${response.status} without a JSON ${what}`,
    { effect: options.isRead ? 'none' : 'unknown', evidence: response.evidence },
  )
}
