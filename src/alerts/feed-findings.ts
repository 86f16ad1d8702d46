import { HOUR, type Instant } from '../shared/clock.ts'
import type { Finding } from './alert.ts'
import { daysLeft } from './expiry-days.ts'
import type { RuleName } from './rules.ts'

/** The rules that this file decides; what it no longer finds is resolved. */
export const FEED_RULES: readonly RuleName[] = ['feed-silent', 'source-token-expiring']

/** What the rules must know of a source. */
export interface Feed {
  sourceId: string
  /** ms without a call after which it is silent, as people set it. */
  silentAfterMs?: number
  /** Usual quiet between two bursts of calls. */
  intervalMs?: number
  /** Absent: it has never called, so nothing has stopped. */
  lastCallAt?: Instant
  /** Tokens and client secrets. */
  credentials: readonly FeedCredential[]
}

interface FeedCredential {
  id: string
  createdAt: Instant
  expiresAt?: Instant
  lastUsedAt?: Instant
}

const LEAST_SILENCE_MS = 2 * HOUR
/** A source of which only one burst is known: providers that only speak of events are quiet at night. */
const UNLEARNED_INTERVAL_MS = 8 * HOUR

/** What people must know about one source now. */
export function feedFindings(feed: Feed, now: Instant): Finding[] {
  return [...silence(feed, now), ...feed.credentials.flatMap((one) => expiry(feed, one, now))]
}

/** After how many ms without a call a source is silent. */
export function silentAfterMs(feed: Pick<Feed, 'silentAfterMs' | 'intervalMs'>): number {
  const { intervalMs = UNLEARNED_INTERVAL_MS } = feed
  return feed.silentAfterMs ?? Math.max(3 * intervalMs, LEAST_SILENCE_MS)
}

function silence(feed: Feed, now: Instant): Finding[] {
  const { sourceId, lastCallAt } = feed
  if (lastCallAt === undefined || now - lastCallAt < silentAfterMs(feed)) return []
  return [
    {
      rule: 'feed-silent',
      key: sourceId,
      about: { sourceId },
      facts: {
        silentHours: Math.floor((now - lastCallAt) / HOUR),
        usualHours: Math.round(silentAfterMs(feed) / HOUR),
      },
    },
  ]
}

/** Each step is an alert of its own, so that it is news again. `days` is 0 once it has ended. */
function expiry({ sourceId, credentials }: Feed, one: FeedCredential, now: Instant): Finding[] {
  if (one.expiresAt === undefined || isReplaced(one, credentials)) return []
  const days = daysLeft(one.expiresAt, now)
  if (days === undefined) return []
  return [
    {
      rule: 'source-token-expiring',
      key: `${sourceId}/${one.id}/${days}`,
      about: { sourceId, tokenId: one.id },
      facts: { days },
    },
  ]
}

/** The provider uses a newer one, which lasts longer: this one may end. */
function isReplaced(one: FeedCredential, others: readonly FeedCredential[]): boolean {
  return others.some(
    (other) =>
      other.createdAt > one.createdAt &&
      (other.lastUsedAt ?? 0) > (one.lastUsedAt ?? 0) &&
      (other.expiresAt ?? Number.POSITIVE_INFINITY) > (one.expiresAt ?? 0),
  )
}
