import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'
import { type Clock, SECOND } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { KeySetFetch } from './key-set-fetch.ts'
import type { IssuerRecord } from './source-authenticator.ts'

/** Finds the key that a token names. Throws HubError ERR_ISSUER_UNAVAILABLE when the key set cannot be read. */
export type IssuerKeys = (issuer: IssuerRecord) => JWTVerifyGetKey

/** A key set that could not be read is not asked for again so soon, however many tokens wait for it. */
const FAILED_FOR_MS = 5 * SECOND
const MAX_SETS = 1_000

/**
 * Key sets, kept for ten minutes. An unknown key id is a reason to look again (keys rotate), at most every
 * `cooldownMs`: tokens with invented key ids must not become requests to the provider.
 */
export function createIssuerKeys(options: {
  fetch: KeySetFetch
  clock: Clock
  cooldownMs?: number
}): IssuerKeys {
  /** By the id of the issuer, whose key set never changes its place. */
  const sets = new Map<string, JWTVerifyGetKey>()
  return (issuer) => {
    const known = sets.get(issuer.id)
    if (known !== undefined) return known
    const made = issuer.jwks === undefined ? remote(issuer) : createLocalJWKSet(issuer.jwks)
    const oldest = sets.size >= MAX_SETS ? sets.keys().next().value : undefined
    if (oldest !== undefined) sets.delete(oldest)
    sets.set(issuer.id, made)
    return made
  }

  function remote({ jwksUri = '', allowNetworks }: IssuerRecord): JWTVerifyGetKey {
    let failed: { until: number; error: HubError } | undefined
    return createRemoteJWKSet(new URL(jwksUri), {
      cooldownDuration: options.cooldownMs ?? 30 * SECOND,
      [customFetch]: async (url, { signal }) => {
        if (failed !== undefined && failed.until > options.clock.now()) throw failed.error
        try {
          const text = await options.fetch(url, { allowNetworks, signal })
          JSON.parse(text)
          failed = undefined
          return new Response(text)
        } catch (cause) {
          const error = issuerUnavailable(cause)
          failed = { until: options.clock.now() + FAILED_FOR_MS, error }
          throw error
        }
      },
    })
  }
}

/** Nobody can say whether the token is right: the provider shall try again, not ask for a new secret. */
export function issuerUnavailable(cause: unknown): HubError {
  return new HubError(
    'ERR_ISSUER_UNAVAILABLE',
    'the keys of the issuer cannot be read; try again',
    {
      cause,
      retryAfterSeconds: 5,
    },
  )
}
