import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import { HubError } from '../shared/errors.ts'
import { ROLES, type Role } from './principal.ts'

/** The provider at which people sign in, and what its claims mean here. */
export interface OidcSettings {
  issuer: string
  clientId: string
  clientSecret: string
  /** Claim with groups or roles: a text or a list of texts. */
  roleClaim: string
  /** Value of that claim → role. */
  roles: ReadonlyMap<string, Role>
  /** Claim that names the person, e.g. `email`. */
  personClaim: string
  scope: string
}

/** What has to come back with the browser. It is kept sealed in a cookie of ten minutes. */
export interface LoginAttempt {
  state: string
  nonce: string
  codeVerifier: string
  /** Path on this hub. */
  returnTo: string
}

/** Who the provider says that it is. */
export interface SignedIn {
  person: string
  role: Role
  ownerName?: string
}

export interface OidcClient {
  /** @throws HubError ERR_ISSUER_UNAVAILABLE */
  begin(returnTo: string): Promise<{ url: URL; attempt: LoginAttempt }>
  /**
   * @param url the address that was called back, whole
   * @throws HubError ERR_UNAUTHENTICATED when the answer is not the one to this attempt
   * @throws HubError ERR_FORBIDDEN when none of the person's groups has a role here
   * @throws HubError ERR_ISSUER_UNAVAILABLE
   */
  finish(url: URL, attempt: LoginAttempt): Promise<SignedIn>
}

/** Authorization code with PKCE. @see RFC 7636, RFC 9700 */
export function createOidcClient(settings: OidcSettings, redirectUri: string): OidcClient {
  const { issuer, clientId, clientSecret } = settings
  let known: Promise<Configuration> | undefined
  const configuration = async (): Promise<Configuration> => {
    known ??= discovery(
      new URL(issuer),
      clientId,
      clientSecret,
      undefined,
      // Only for a provider on this machine; the configuration refuses other http addresses.
      issuer.startsWith('http:') ? { execute: [allowInsecureRequests] } : {},
    )
    try {
      return await known
    } catch (error) {
      known = undefined
      throw away(error)
    }
  }

  return {
    begin: async (returnTo) => {
      const client = await configuration()
      const attempt: LoginAttempt = {
        state: randomState(),
        nonce: randomNonce(),
        codeVerifier: randomPKCECodeVerifier(),
        returnTo,
      }
      const url = buildAuthorizationUrl(client, {
        redirect_uri: redirectUri,
        scope: settings.scope,
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: await calculatePKCECodeChallenge(attempt.codeVerifier),
        code_challenge_method: 'S256',
      })
      return { url, attempt }
    },

    finish: async (url, attempt) => {
      const client = await configuration()
      const tokens = await authorizationCodeGrant(client, url, {
        pkceCodeVerifier: attempt.codeVerifier,
        expectedState: attempt.state,
        expectedNonce: attempt.nonce,
        idTokenExpected: true,
      }).catch((error: unknown) => {
        throw refusedOrAway(error)
      })
      return signedIn(tokens.claims() ?? {}, settings)
    },
  }
}

/** Most rights first: who is in several groups has the role of the first that matches. */
const BY_RIGHTS: readonly Role[] = ROLES

/** What claims mean here. @throws HubError ERR_FORBIDDEN */
export function signedIn(
  claims: Readonly<Record<string, unknown>>,
  settings: Pick<OidcSettings, 'roleClaim' | 'roles' | 'personClaim'>,
): SignedIn {
  const person = claims[settings.personClaim]
  if (typeof person !== 'string' || person.trim() === '') {
    throw new HubError('ERR_FORBIDDEN', `the provider does not say ${settings.personClaim}`)
  }
  if (settings.personClaim === 'email' && claims['email_verified'] === false) {
    throw new HubError('ERR_FORBIDDEN', 'the provider has not verified your e-mail address')
  }
  const claimed = claims[settings.roleClaim]
  const values = Array.isArray(claimed) ? claimed : [claimed]
  const roles = values.flatMap((value) => settings.roles.get(String(value)) ?? [])
  const role = BY_RIGHTS.find((candidate) => roles.includes(candidate))
  if (role === undefined) {
    throw new HubError('ERR_FORBIDDEN', 'none of your groups has a role in this hub')
  }
  const name = person.trim()
  return { person: name.toLowerCase(), role, ...(role === 'owner' ? { ownerName: name } : {}) }
}

function refusedOrAway(error: unknown): HubError {
  const refused =
    error instanceof AuthorizationResponseError ||
    error instanceof ResponseBodyError ||
    error instanceof ClientError
  // Reasons of the provider may hold what a person typed: they are for the log.
  return refused
    ? new HubError('ERR_UNAUTHENTICATED', 'signing in has failed; begin again', { cause: error })
    : away(error)
}

const away = (cause: unknown): HubError =>
  new HubError('ERR_ISSUER_UNAVAILABLE', 'the identity provider does not answer', { cause })
