import express, { type Express, type Router } from 'express'
import { addressFinding, deactivationFinding } from '../alerts/request-look.ts'
import { createHealthRouter, type Readiness } from '../api/health.ts'
import { homePage, unknownPath } from '../api/home-page.ts'
import { createLedgerTilesRouter } from '../api/ledger-tiles.ts'
import { createTokenEndpoint } from '../api/sources-token-endpoint.ts'
import { createAccessTokens } from '../auth/access-token.ts'
import { createSourceAuthenticator } from '../auth/create-source-authenticator.ts'
import type { HeartbeatRecorder } from '../auth/heartbeat-recorder.ts'
import { createIssuerKeys } from '../auth/issuer-keys.ts'
import { fetchKeySet } from '../auth/key-set-fetch.ts'
import type { SourceAuthenticator } from '../auth/source-authenticator.ts'
import { createTokenGrant } from '../auth/token-grant.ts'
import { createDirectory } from '../intake/create-directory.ts'
import type { UserChangeDeps } from '../intake/user-changes.ts'
import type { Policy } from '../ledger/policy.ts'
import { createLedgerReader } from '../ledger/reader.ts'
import { createScimRouter } from '../scim/router.ts'
import { SECOND, systemClock } from '../shared/clock.ts'
import { newId } from '../shared/ids.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { requestLog } from '../telemetry/request-log.ts'
import { requestTrace } from '../telemetry/request-trace.ts'
import type { Alerting } from './alerting.ts'
import { createApi } from './api.ts'
import { createVisitRouter } from './app-visits.ts'
import { showState } from './gauges.ts'
import { lastResort } from './last-resort.ts'
import { type LedgerRole, signing } from './ledger-role.ts'
import type { Parts } from './parts.ts'
import { createSignIn, type SignIn } from './sign-in.ts'

/** Providers give up at 60 s, some at 5 s; what takes longer than this is answered 503 and goes on. */
const SCIM_BUDGET_MS = 8 * SECOND

export interface HttpParts extends Parts {
  alerting: Alerting
  changes: UserChangeDeps
  /** Undefined without the web role: then nothing but health and metrics is served. */
  heartbeats: HeartbeatRecorder | undefined
  ledger: LedgerRole | undefined
  ledgerPolicy: Policy | undefined
  /** Work was made due: a worker in this process looks at once. */
  poke(): void
}

/** The HTTP interface of one process. It does not listen. */
export async function createHttp(parts: HttpParts): Promise<Express> {
  const { config, stores, ledger, metrics, tracing, log } = parts
  showState(parts)
  const signIn = await createSignIn(parts)
  const { authenticator } = signIn
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', config.trustProxy)
  app.use(requestLog(log, metrics))
  app.use(requestTrace(tracing))
  if (config.roles.includes('web')) mountWeb(app, parts, metrics, signIn)
  const readiness: Readiness[] = [{ name: 'storage', check: stores.ping }]
  if (ledger?.status !== undefined) {
    readiness.push({ name: 'ledger', check: signing(ledger.status) })
  }
  app.use(createHealthRouter({ readiness, metrics, authenticator, log }))
  app.use(unknownPath)
  app.use(lastResort(log))
  return app
}

function mountWeb(app: Express, parts: HttpParts, metrics: Metrics, signIn: SignIn): void {
  const { config, stores, log } = parts
  const { authenticator } = signIn
  const { sourceAuthenticator, tokenEndpoint } = sourceAuthentication(parts, metrics)
  app.get('/', homePage)
  app.use('/oauth', tokenEndpoint)
  app.use('/auth', signIn.router)
  app.use('/scim', scim(parts, metrics, sourceAuthenticator))
  const reader = createLedgerReader({
    origin: config.ledgerOrigin,
    store: stores.ledger,
    policy: parts.ledgerPolicy,
  })
  app.use('/ledger', createLedgerTilesRouter({ ledger: reader, authenticator, log, metrics }))
  app.use(createVisitRouter({ apps: stores.apps, runner: parts.runner, clock: systemClock, log }))
  app.use('/api/v1', createApi(parts, { ...signIn, sourceAuthenticator, reader, metrics }))
}

function sourceAuthentication(
  { config, secrets, stores, alerting, log }: HttpParts,
  metrics: Metrics,
): { sourceAuthenticator: ReturnType<typeof createSourceAuthenticator>; tokenEndpoint: Router } {
  const shared = {
    sources: stores.sources,
    accessTokens: createAccessTokens([secrets.masterKey, ...config.otherMasterKeys]),
    issuerKeys: createIssuerKeys({ fetch: fetchKeySet, clock: systemClock }),
    clock: systemClock,
    onTouchFailed: (error: unknown) => log.warn({ err: error }, 'time of last use was not written'),
    onAddressRefused: (token: { sourceId: string; tokenId: string }, address: string) => {
      metrics.addressRefused()
      alerting.keep(addressFinding({ ...token, address }))
    },
  }
  const grant = createTokenGrant({ ...shared, assertions: stores.assertions })
  return {
    sourceAuthenticator: createSourceAuthenticator(shared),
    tokenEndpoint: createTokenEndpoint({ grant, log, metrics }),
  }
}

function scim(parts: HttpParts, metrics: Metrics, authenticator: SourceAuthenticator): Router {
  const { config, stores, heartbeats, alerting, log } = parts
  return createScimRouter({
    directory: createDirectory(parts.changes),
    store: stores.directory,
    authenticator,
    clock: stores.clock,
    publicUrl: parts.publicUrl,
    extensions: config.scimExtensions,
    newId,
    log,
    metrics,
    onAnswered: (call) => {
      heartbeats?.heard(call)
      metrics.tolerated(call.tolerated ?? [])
    },
    onDeactivation: (trouble) => alerting.keep(deactivationFinding(trouble)),
    budgetMs: SCIM_BUDGET_MS,
  })
}
