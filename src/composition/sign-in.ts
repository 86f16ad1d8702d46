import type { Router } from 'express'
import type { ActRecorder } from '../api/acts.ts'
import { createSignInRouter } from '../api/sign-in.ts'
import { createStanding } from '../api/standing.ts'
import { type AdminAuthenticator, createAdminAuthenticator } from '../auth/admin-authenticator.ts'
import type { OidcClient } from '../auth/oidc.ts'
import { createSessions } from '../auth/sessions.ts'
import { NO_DIRECTORY, type StandingPort } from '../auth/standing.ts'
import type { OidcConfig } from '../config/config.ts'
import { systemClock } from '../shared/clock.ts'
import { actRecorder } from './acts.ts'
import type { Parts } from './parts.ts'

/** Who may use the API, and how they get in. */
export interface SignIn {
  authenticator: AdminAuthenticator
  standing: StandingPort
  acts: ActRecorder
  /** /auth */
  router: Router
}

/** Tokens, sessions, and the directory that says who still works here. */
export async function createSignIn({
  config,
  secrets,
  stores,
  vault,
  entries,
  publicUrl,
  log,
}: Pick<
  Parts,
  'config' | 'secrets' | 'stores' | 'vault' | 'entries' | 'publicUrl' | 'log'
>): Promise<SignIn> {
  const { adminSource, oidc } = config
  const standing =
    adminSource === undefined ? NO_DIRECTORY : createStanding(stores.directory, adminSource)
  const acts = actRecorder({ stores, entries, vault })
  const sessions = createSessions({
    store: stores.sessions,
    masterKey: secrets.masterKey,
    standing,
    publicUrl,
    clock: systemClock,
  })
  return {
    standing,
    acts,
    authenticator: createAdminAuthenticator({
      adminToken: secrets.adminToken,
      metricsToken: config.metricsToken,
      tokens: stores.apiTokens,
      clock: systemClock,
      sessions,
      standing,
    }),
    router: createSignInRouter({
      oidc: oidc && (await oidcClient(oidc, publicUrl)),
      sessions,
      store: stores.sessions,
      standing,
      mustBeKnown: adminSource !== undefined,
      acts,
      transactor: stores.transactor,
      vault,
      publicUrl,
      log,
    }),
  }
}

/** Loaded only where people sign in by a provider: its library is of no use to the others. */
async function oidcClient(oidc: OidcConfig, publicUrl: string): Promise<OidcClient> {
  const { createOidcClient } = await import('../auth/oidc.ts')
  return createOidcClient(oidc, `${publicUrl}/auth/callback`)
}
