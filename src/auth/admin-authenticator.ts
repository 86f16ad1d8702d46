import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { ApiTokenRecord, ApiTokenStore } from './api-token-store.ts'
import { createFailureLimiter } from './failure-limiter.ts'
import type { Principal } from './principal.ts'
import type { BrowserRequest, Sessions } from './sessions.ts'
import { NO_DIRECTORY, type StandingPort } from './standing.ts'
import { bearerToken, hashToken, isTokenOf, sameHash } from './tokens.ts'

export interface AdminAuthenticator {
  /**
   * @throws HubError ERR_UNAUTHENTICATED for a missing, wrong or expired token (the same words for all)
   * @throws HubError ERR_RATE_LIMITED after too many failures from one address
   * @throws HubError ERR_STORAGE_UNAVAILABLE when it could not look
   */
  authenticate(
    authorization: string | undefined,
    address?: string,
    /** What came from a browser: heeded when there is no Authorization header. */
    browser?: BrowserRequest,
  ): Promise<Principal>
}

export interface AdminAuthenticatorParts {
  /** At least 32 characters. */
  adminToken: string
  metricsToken?: string | undefined
  tokens: Pick<ApiTokenStore, 'byHash'>
  clock: Clock
  /** People who have signed in. */
  sessions?: Pick<Sessions, 'authenticate'>
  /** Does the person behind a token still work here? */
  standing?: StandingPort
}

/** Far more API tokens than anybody hands out. */
const MAX_REMEMBERED = 10_000

/** The configured tokens are compared first and need no storage: an admin gets in while the database is away. */
export function createAdminAuthenticator(parts: AdminAuthenticatorParts): AdminAuthenticator {
  const limiter = createFailureLimiter(parts.clock)
  /** Hashes of tokens that have worked: their owners are not locked out by whoever guesses beside them. */
  const worked = new Set<string>()
  const configured: readonly { hash: string; principal: Principal }[] = [
    { hash: hashToken(parts.adminToken), principal: { id: 'admin-token', role: 'admin' } },
    ...(parts.metricsToken === undefined
      ? []
      : [
          {
            hash: hashToken(parts.metricsToken),
            principal: { id: 'metrics-token', role: 'metrics' } as const,
          },
        ]),
  ]
  const standing = parts.standing ?? NO_DIRECTORY
  /** A token ends with the person who holds it, and with the one who made it: both know it. */
  const standingOf = async ({ person, madeBy, linked }: ApiTokenRecord) => {
    const own = person === undefined ? undefined : await standing.standingOf(person, linked)
    const maker =
      madeBy === undefined || madeBy === person || madeBy === 'admin-token'
        ? undefined
        : await standing.standingOf(madeBy, undefined)
    if (own?.kind === 'gone' || maker?.kind === 'gone') return 'gone'
    return own?.kind === 'active' ? own.linked : undefined
  }
  return {
    authenticate: async (authorization, address = '', browser) => {
      if (authorization === undefined && browser !== undefined) {
        const session = await parts.sessions?.authenticate(browser)
        if (session !== undefined) return session.principal
      }
      const token = bearerToken(authorization)
      if (token === undefined) throw refused()
      const hash = hashToken(token)
      const [match] = configured.filter((candidate) => sameHash(candidate.hash, hash))
      if (match !== undefined) return match.principal
      if (!isTokenOf('api', token)) throw refused()

      const wait = limiter.blockedFor(address)
      if (wait !== undefined && !worked.has(hash)) {
        throw new HubError('ERR_RATE_LIMITED', 'too many failed attempts; try again later', {
          retryAfterSeconds: wait,
        })
      }
      const stored = await parts.tokens.byHash(hash)
      if (stored === null || stored.expiresAt <= parts.clock.now()) {
        worked.delete(hash)
        limiter.failed(address)
        throw refused()
      }
      const linked = await standingOf(stored)
      if (linked === 'gone') {
        worked.delete(hash)
        throw refused()
      }
      if (worked.size < MAX_REMEMBERED) worked.add(hash)
      return {
        id: stored.id,
        role: stored.role,
        ...(stored.ownerName === undefined ? {} : { ownerName: stored.ownerName }),
        ...(stored.person === undefined ? {} : { person: stored.person }),
        ...(stored.madeBy === undefined ? {} : { madeBy: stored.madeBy }),
        ...(linked === undefined ? {} : { linked }),
      }
    },
  }
}

const refused = (): HubError => new HubError('ERR_UNAUTHENTICATED', 'a valid API token is needed')
