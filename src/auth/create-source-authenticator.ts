import type { Clock, Instant } from '../shared/clock.ts'
import { MINUTE, SECOND } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { AccessTokens } from './access-token.ts'
import { addressList } from './address-list.ts'
import { createFailureLimiter } from './failure-limiter.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { acceptedBy, type Match, type Presented, presented } from './presented-token.ts'
import { createSharedLookup } from './shared-lookup.ts'
import type { SourceAuthenticator, SourceIdentity } from './source-authenticator.ts'
import type { SourceStore } from './source-store.ts'
import { bearerToken, hashToken } from './tokens.ts'

export interface SourceAuthenticatorParts {
  sources: Pick<SourceStore, 'source' | 'touchToken'>
  clock: Clock
  /** For tokens of the token endpoint; without it, none is accepted. */
  accessTokens?: AccessTokens
  /** For signed tokens; without it, none is accepted. */
  issuerKeys?: IssuerKeys
  /** Told when the time of last use could not be written. The request goes on. */
  onTouchFailed(error: unknown): void
  /** Told when a right token came from an address that may not use it. */
  onAddressRefused?(refused: { sourceId: string; tokenId: string }, address: string): void
}

/** A successful look-up is believed for this long, so a deleted token is refused everywhere after at most this. */
const BELIEVED_MS = SECOND
const MAX_CACHED = 10_000

/** `invalidate` makes a deleted token of the source refused at once in this process. */
export interface CachingSourceAuthenticator extends SourceAuthenticator {
  invalidate(sourceId: string): void
}

interface Known {
  identity: SourceIdentity
  match: Match
  /** Absent: from everywhere. */
  mayCallFrom?: (address: string) => boolean
  believedUntil: Instant
}

/** Failures are never cached: a token works from the moment it is made. */
export function createSourceAuthenticator(
  parts: SourceAuthenticatorParts,
): CachingSourceAuthenticator {
  const { sources, clock } = parts
  const limiter = createFailureLimiter(clock)
  /** By source and token hash. */
  const known = new Map<string, Known>()
  const touched = new Map<string, number>()
  const shared = createSharedLookup(sources, clock)
  /** A look-up that began before an invalidation is not remembered. */
  let epoch = 0

  const touch = ({ identity, match }: Known): void => {
    const now = clock.now()
    if (now - (touched.get(identity.tokenId) ?? 0) < MINUTE) return
    touched.delete(identity.tokenId)
    touched.set(identity.tokenId, now)
    evictOldest(touched)
    sources
      .touchToken(identity.sourceId, identity.tokenId, now, match.kind)
      .catch(parts.onTouchFailed)
  }

  const admit = (one: Known, address: string): SourceIdentity => {
    if (one.mayCallFrom?.(address) === false) {
      parts.onAddressRefused?.(one.identity, address)
      throw new HubError('ERR_FORBIDDEN', 'the source may not be called from this address')
    }
    touch(one)
    return one.identity
  }

  const lookUp = async (
    sourceId: string,
    given: Presented,
    address: string,
  ): Promise<Omit<Known, 'believedUntil'>> => {
    const from = `${sourceId} ${address}`
    const wait = limiter.blockedFor(from)
    // A right token always gets in: whoever guesses must not be able to lock a provider out.
    const source = await (wait === undefined ? sources.source(sourceId) : shared.source(sourceId))
    const match =
      source === null ? undefined : await acceptedBy(source, given, clock.now(), parts.issuerKeys)
    if (source === null || match === undefined) {
      limiter.failed(from)
      if (wait === undefined) throw refused()
      throw new HubError('ERR_RATE_LIMITED', 'too many failed attempts; try again later', {
        retryAfterSeconds: wait,
      })
    }
    const { allowedNetworks = [] } = source
    return {
      identity: { sourceId: source.id, dialect: source.dialect, tokenId: match.credentialId },
      match,
      ...(allowedNetworks.length === 0 ? {} : { mayCallFrom: addressList(allowedNetworks) }),
    }
  }

  return {
    authenticate: async (sourceId, authorization, address = '') => {
      const token = bearerToken(authorization)
      const given = token && presented(sourceId, token, clock.now(), parts.accessTokens)
      if (!token || !given) throw refused()
      const key = `${sourceId} ${hashToken(token)}`
      const seen = known.get(key)
      if (seen !== undefined && seen.believedUntil > clock.now()) return admit(seen, address)
      const begunIn = epoch
      const found = await lookUp(sourceId, given, address)
      const believedUntil = Math.min(
        clock.now() + BELIEVED_MS,
        found.match.expiresAt ?? Number.POSITIVE_INFINITY,
      )
      if (begunIn === epoch) {
        known.delete(key)
        known.set(key, { ...found, believedUntil })
        evictOldest(known)
      }
      return admit({ ...found, believedUntil }, address)
    },
    invalidate: (sourceId) => {
      epoch += 1
      shared.forget(sourceId)
      for (const [key, entry] of known) {
        if (entry.identity.sourceId === sourceId) known.delete(key)
      }
    },
  }
}

const refused = (): HubError =>
  new HubError('ERR_UNAUTHENTICATED', 'the source or its token is not known')

function evictOldest(map: Map<string, unknown>): void {
  if (map.size <= MAX_CACHED) return
  const oldest = map.keys().next().value
  if (oldest !== undefined) map.delete(oldest)
}
