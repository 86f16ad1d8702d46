import type { Clock } from '../shared/clock.ts'
import { MINUTE, SECOND } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { createFailureLimiter } from './failure-limiter.ts'
import type { SourceAuthenticator, SourceIdentity, TokenRecord } from './source-authenticator.ts'
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
  /** By source and token hash. It outlives `believedUntil` so that a token that once worked is not locked out by its neighbours. */
  const known = new Map<string, { identity: SourceIdentity; believedUntil: number }>()
  const touched = new Map<string, number>()
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
      if (wait !== undefined && seen === undefined) {
        throw new HubError('ERR_RATE_LIMITED', 'too many failed attempts; try again later', {
          retryAfterSeconds: wait,
        })
      }
      const begunIn = epoch
      const source = await sources.source(sourceId)
      const match = matching(source?.tokens ?? [], hash, clock.now())
      if (source === null || match === undefined) {
        known.delete(key)
        limiter.failed(from)
        throw refused()
      }
      const identity = { sourceId: source.id, dialect: source.dialect, tokenId: match.id }
      if (begunIn === epoch) remember(key, identity, match)
      touch(identity)
      return identity
    },
    invalidate: (sourceId) => {
      epoch += 1
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
