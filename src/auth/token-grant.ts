import type { Clock } from '../shared/clock.ts'
import { HOUR, MINUTE, SECOND } from '../shared/clock.ts'
import type { AccessTokens } from './access-token.ts'
import { addressList } from './address-list.ts'
import type { AssertionStore } from './assertion-store.ts'
import { createFailureLimiter } from './failure-limiter.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { matchingToken } from './presented-token.ts'
import { createSharedLookup } from './shared-lookup.ts'
import { isSignedToken, verifySignedToken } from './signed-token.ts'
import type { CredentialKind, SourceRecord } from './source-authenticator.ts'
import type { SourceStore } from './source-store.ts'
import { clientProofOf } from './token-request.ts'
import { hashToken, isTokenOf } from './tokens.ts'

/** What the token endpoint answers (RFC 6749 §5). */
export type TokenOutcome =
  | { kind: 'granted'; accessToken: string; expiresInSeconds: number; scope: typeof SCOPE }
  | { kind: 'refused'; error: TokenError; description: string; usedBasic?: boolean }
  | { kind: 'forbidden'; description: string }
  | { kind: 'slowed'; retryAfterSeconds: number }

/** RFC 6749 §5.2. */
export type TokenError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'invalid_scope'

export interface TokenRequest {
  sourceId: string
  parameters: URLSearchParams
  authorization: string | undefined
  /** Where it comes from; failures are counted by source and address. */
  address: string
}

export interface TokenGrantParts {
  sources: Pick<SourceStore, 'source' | 'touchToken'>
  accessTokens: AccessTokens
  issuerKeys: IssuerKeys
  assertions: AssertionStore
  clock: Clock
  /** Told when the time of last use could not be written. The request goes on. */
  onTouchFailed(error: unknown): void
  /** Told when a right proof came from an address that may not use it. */
  onAddressRefused?(refused: { sourceId: string; tokenId: string }, address: string): void
}

const SCOPE = 'scim'
/** Microsoft asks for 1 to 6 hours. */
const LIFE_MS = HOUR

/**
 * The token endpoint of the sources, HTTP taken off: `client_credentials` with a client secret, or with a signed
 * assertion of a registered issuer (workload identity federation). The client id is the id of the source.
 *
 * @returns a function that throws HubError ERR_ISSUER_UNAVAILABLE and ERR_STORAGE_UNAVAILABLE
 * @see RFC 6749 §4.4, RFC 7521 §4.2, RFC 7523 §2.2 and §3
 */
export function createTokenGrant(parts: TokenGrantParts) {
  const limiter = createFailureLimiter(parts.clock)
  const shared = createSharedLookup(parts.sources, parts.clock)

  return async (request: TokenRequest): Promise<TokenOutcome> => {
    const { sourceId, parameters, authorization, address } = request
    const proof = clientProofOf(parameters, authorization)
    if (proof.kind === 'refused') return proof
    const usedBasic = proof.kind === 'secret' && proof.basic
    const unknownClient: TokenOutcome = {
      kind: 'refused',
      error: 'invalid_client',
      description: 'the client is not known, or its proof is not accepted',
      usedBasic,
    }
    const from = `${sourceId} ${address}`
    const wait = limiter.blockedFor(from)

    // A right proof always gets in: whoever guesses must not be able to lock a provider out.
    const source =
      proof.clientId === undefined || proof.clientId === sourceId
        ? await (wait === undefined ? parts.sources : shared).source(sourceId)
        : null
    const credential =
      source &&
      (proof.kind === 'secret'
        ? bySecret(source, proof.secret)
        : await byAssertion(source, proof.assertion))
    if (!source || !credential) {
      limiter.failed(from)
      return wait === undefined ? unknownClient : { kind: 'slowed', retryAfterSeconds: wait }
    }
    const { allowedNetworks = [] } = source
    if (allowedNetworks.length > 0 && !addressList(allowedNetworks)(address)) {
      parts.onAddressRefused?.({ sourceId, tokenId: credential.id }, address)
      return { kind: 'forbidden', description: 'the source may not be called from this address' }
    }

    const now = parts.clock.now()
    parts.sources
      .touchToken(sourceId, credential.id, now, credential.kind)
      .catch(parts.onTouchFailed)
    return {
      kind: 'granted',
      accessToken: parts.accessTokens.issue({
        sourceId,
        credentialId: credential.id,
        expiresAt: now + LIFE_MS,
      }),
      expiresInSeconds: LIFE_MS / SECOND,
      scope: SCOPE,
    }
  }

  function bySecret(source: SourceRecord, secret: string): Credential | undefined {
    if (!isTokenOf('client', secret)) return undefined
    const match = matchingToken(source.clientSecrets ?? [], hashToken(secret), parts.clock.now())
    return match && { kind: 'clientSecrets', id: match.id }
  }

  /** Entra's assertions have no `jti`, and it sends one again as long as it lives; one that has is good once. */
  async function byAssertion(
    source: SourceRecord,
    assertion: string,
  ): Promise<Credential | undefined> {
    const { issuers = [] } = source
    if (!isSignedToken(assertion)) return undefined
    const now = parts.clock.now()
    const signed = await verifySignedToken(assertion, issuers, parts.issuerKeys, now)
    if (signed === undefined) return undefined
    const { issuer, jti, expiresAt } = signed
    if (jti !== undefined) {
      const name = hashToken(JSON.stringify([source.id, issuer.issuer, jti]))
      const end = expiresAt + issuer.clockToleranceSeconds * SECOND + MINUTE
      if (!(await parts.assertions.use(name, end))) return undefined
    }
    return { kind: 'issuers', id: issuer.id }
  }
}

interface Credential {
  kind: CredentialKind
  id: string
}
