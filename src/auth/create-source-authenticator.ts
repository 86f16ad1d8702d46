import type { Clock } from '../shared/clock.ts'
import { MINUTE, SECOND } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { createFailureLimiter } from './failure-limiter.ts'
import type {
  SourceAuthenticator,
  SourceIdentity,
  SourceRecord,
  TokenRecord,
} from './source-authenticator.ts'
import type { SourceStore } from './source-store.ts'
import { bearerToken, hashToken, isTokenOf, sameHash } from './tokens.ts'

export interface SourceAuthenticatorParts {
  sources: Pick<SourceStore, 'source' | 'touchToken'>
  clock: Clock
  /** Told when the time of last use could not be written. The request goes on. */
  onTouchFailed(error: unknown): void
}

/** A successful look-up is believed for this long, so a deleted token is refused everywhere after at most this. */
const BELIEVED_MS = SECOND
const MAX_CACHED = 10_000

/** `invalidate` makes a deleted token of the source refused at once in this process. */
export interface CachingSourceAuthenticator extends SourceAuthenticator {
  invalidate(sourceId: string): void
}

/** Failures are never cached: a token works from the moment it is made. */
export function createSourceAuthenticator(
  parts: SourceAuthenticatorParts,
): CachingSourceAuthenticator {
  const { sources, clock } = parts
  const limiter = createFailureLimiter(clock)
  /** By source and token hash. */
  const known = new Map<string, { identity: SourceIdentity; believedUntil: number }>()
  const touched = new Map<string, number>()
  /** Look-ups for addresses that fail too often: one a second and source, however many ask. */
  const shared = new Map<string, { until: number; source: Promise<SourceRecord | null> }>()
  /** A look-up that began before an invalidation is not remembered. */
  let epoch = 0

  const remember = (key: string, identity: SourceIdentity, token: TokenRecord): void => {
    known.delete(key)
    known.set(key, {
      identity,
      believedUntil: Math.min(
        clock.now() + BELIEVED_MS,
        token.expiresAt ?? Number.POSITIVE_INFINITY,
      ),
    })
    evictOldest(known)
  }

  const lookUpShared = (sourceId: string): Promise<SourceRecord | null> => {
    const recent = shared.get(sourceId)
    if (recent !== undefined && recent.until > clock.now()) return recent.source
    const fresh = { until: clock.now() + BELIEVED_MS, source: sources.source(sourceId) }
    shared.delete(sourceId)
    shared.set(sourceId, fresh)
    evictOldest(shared)
    return fresh.source
  }

  const touch = (identity: SourceIdentity): void => {
    const now = clock.now()
    if (now - (touched.get(identity.tokenId) ?? 0) < MINUTE) return
    touched.delete(identity.tokenId)
    touched.set(identity.tokenId, now)
    evictOldest(touched)
    sources.touchToken(identity.sourceId, identity.tokenId, now).catch(parts.onTouchFailed)
  }

  return {
    authenticate: async (sourceId, authorization, address = '') => {
      const token = bearerToken(authorization)
      if (token === undefined || !isTokenOf('scim', token)) throw refused()
      const hash = hashToken(token)
      const key = `${sourceId} ${hash}`
      const seen = known.get(key)
      if (seen !== undefined && seen.believedUntil > clock.now()) {
        touch(seen.identity)
        return seen.identity
      }
      const from = `${sourceId} ${address}`
      const wait = limiter.blockedFor(from)
      const begunIn = epoch
      // A right token always gets in: whoever guesses must not be able to lock a provider out.
      const source = await (wait === undefined ? sources.source(sourceId) : lookUpShared(sourceId))
      const match = matching(source?.tokens ?? [], hash, clock.now())
      if (source === null || match === undefined) {
        limiter.failed(from)
        if (wait === undefined) throw refused()
        throw new HubError('ERR_RATE_LIMITED', 'too many failed attempts; try again later', {
          retryAfterSeconds: wait,
        })
      }
      const identity = { sourceId: source.id, dialect: source.dialect, tokenId: match.id }
      if (begunIn === epoch) remember(key, identity, match)
      touch(identity)
      return identity
    },
    invalidate: (sourceId) => {
      epoch += 1
      shared.delete(sourceId)
      for (const [key, entry] of known) {
        if (entry.identity.sourceId === sourceId) known.delete(key)
      }
    },
  }
}

const refused = (): HubError =>
  new HubError('ERR_UNAUTHENTICATED', 'the source or its token is not known')

/** Looks at every token, whichever matches: the time taken says nothing. */
function matching(
  tokens: readonly TokenRecord[],
  hash: string,
  now: number,
): TokenRecord | undefined {
  const matches = tokens.filter((token) => sameHash(token.hash, hash))
  return matches.find((token) => token.expiresAt === undefined || token.expiresAt > now)
}

function evictOldest(map: Map<string, unknown>): void {
  if (map.size <= MAX_CACHED) return
  const oldest = map.keys().next().value
  if (oldest !== undefined) map.delete(oldest)
}
