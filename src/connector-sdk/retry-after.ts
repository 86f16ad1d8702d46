import { type Instant, MINUTE, SECOND } from '../shared/clock.ts'

/** No app may push the next try further away than this, whatever it says. */
export const LONGEST_WAIT_MS = 15 * MINUTE

/** Names under which vendors say when a budget is full again, in seconds since the epoch. */
const RESET_AT = ['x-ratelimit-reset', 'x-rate-limit-reset']
/** The same in seconds from now. */
const RESET_IN = ['ratelimit-reset', 'x-ratelimit-reset-after', 'x-retry-after']
/** Later than this many seconds can only be a date. */
const LOOKS_LIKE_EPOCH = 1_000_000_000

/**
 * How long the app asks to wait: `Retry-After` in both its forms, else the rate headers of the vendors.
 *
 * @param headers lower-cased names
 * @returns ms, 0 to LONGEST_WAIT_MS; undefined when it does not say or cannot be understood
 * @see RFC 9110 §10.2.3
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  now: Instant,
): number | undefined {
  const stated = headers['retry-after']
  const ms =
    stated === undefined
      ? rateLimitReset(headers, now)
      : (delaySeconds(stated) ?? httpDate(stated, now))
  return ms === undefined ? undefined : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS)
}

function delaySeconds(text: string): number | undefined {
  return /^\s*\d+(\.\d+)?\s*$/.test(text) ? Math.ceil(Number(text) * SECOND) : undefined
}

function httpDate(text: string, now: Instant): number | undefined {
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at - now
}

function rateLimitReset(
  headers: Readonly<Record<string, string>>,
  now: Instant,
): number | undefined {
  for (const name of [...RESET_AT, ...RESET_IN]) {
    const seconds = Number(headers[name] ?? Number.NaN)
    if (!Number.isFinite(seconds)) continue
    const isDate = seconds > LOOKS_LIKE_EPOCH
    return isDate ? seconds * SECOND - now : seconds * SECOND
  }
  return undefined
}
