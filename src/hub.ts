import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import express, { type Express } from 'express'
import type { Connection } from 'mongoose'
import type { Finding } from './alerts/alert.ts'
import { feedLook, revocationLook } from './alerts/look.ts'
import { addressFinding, deactivationFinding, requestLook } from './alerts/request-look.ts'
import { RULES } from './alerts/rules.ts'
import { createWatch } from './alerts/watch.ts'
import { createApiRouter } from './api/create-api-router.ts'
import { createHealthRouter, type Readiness } from './api/health.ts'
import { createLedgerTilesRouter } from './api/ledger-tiles.ts'
import { createTokenEndpoint } from './api/sources-token-endpoint.ts'
import { createAccessTokens } from './auth/access-token.ts'
import { createAdminAuthenticator } from './auth/admin-authenticator.ts'
import { createSourceAuthenticator } from './auth/create-source-authenticator.ts'
import { createHeartbeatRecorder } from './auth/heartbeat-recorder.ts'
import { createIssuerKeys } from './auth/issuer-keys.ts'
import { fetchKeySet } from './auth/key-set-fetch.ts'
import { createTokenGrant } from './auth/token-grant.ts'
import type { Config, ProcessRole } from './config/config.ts'
import type { Connector, FacetSpec } from './connector-sdk/contract.ts'
import { builtInConnectors, loadConnectors } from './connector-sdk/load.ts'
import { createConnectorRunner } from './connector-sdk/runner.ts'
import { createDirectory } from './intake/create-directory.ts'
import { openByHand } from './intake/open-by-hand.ts'
import { reopen } from './intake/reopen.ts'
import type { UserChangeDeps } from './intake/user-changes.ts'
import { createAnchors } from './ledger/anchors.ts'
import { createCertificateMaker } from './ledger/certificate.ts'
import { certificatePolicy } from './ledger/certificate-policy.ts'
import type { OnSealed } from './ledger/intake.ts'
import { manifestKey, workerKey } from './ledger/keys.ts'
import { createEntryWriter } from './ledger/leaf.ts'
import { createLedgerReader } from './ledger/reader.ts'
import { createLedger, createSealing, createSigning, type Ledger } from './ledger/start-ledger.ts'
import { authorityOf, logVerifiers, policyOf } from './ledger-parties.ts'
import type { AppRecord, Revocation } from './revocation/types.ts'
import { createWorker, type Worker } from './revocation/worker.ts'
import { createScimRouter } from './scim/router.ts'
import { SECOND, systemClock } from './shared/clock.ts'
import { newId } from './shared/ids.ts'
import { openStores } from './storage/stores.ts'
import type { Log } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { requestLog } from './telemetry/request-log.ts'
import { createVault } from './vault/vault.ts'
import { VERSION } from './version.ts'

export interface HubOptions {
  config: Config
  /** Open, on a replica set. The hub does not close it. */
  connection: Connection
  secrets: { masterKey: Buffer; adminToken: string }
  /** As in the configuration, with the real port. */
  publicUrl: string
  log: Log
}

/** One process of the hub: its HTTP interface, and the roles it plays. */
export interface Hub {
  /** Never listens; the caller does. Answers 404 on SCIM and API paths without the web role. */
  app: Express
  /** The log's public key (vkey), when this process signs. */
  ledgerKey: string | undefined
  start(): void
  /** Finishes or gives back what is under way; resolves within 8 s. */
  stop(): Promise<void>
}

/** How often the database's clock is asked again. */
const CLOCK_REFRESH_MS = 10 * SECOND

/** Providers give up at 60 s, some at 5 s; what takes longer than this is answered 503 and goes on. */
const SCIM_BUDGET_MS = 8 * SECOND

/** The composition root: the one place that knows everybody. */
export async function createHub({
  config,
  connection,
  secrets,
  publicUrl,
  log,
}: HubOptions): Promise<Hub> {
  const has = (role: ProcessRole): boolean => config.roles.includes(role)
  const holder = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
  const vault = createVault(secrets.masterKey)
  const stores = await openStores(connection, { vault, ledgerOrigin: config.ledgerOrigin })
  const connectors = await loadConnectors({ names: [...builtInConnectors(), ...config.connectors] })
  const runner = createConnectorRunner({
    connectors,
    secretsOf: stores.secrets.secretsOf,
    clock: systemClock,
  })
  const signingKey = workerKey(secrets.masterKey)
  const entries = createEntryWriter({ origin: config.ledgerOrigin, ...signingKey })

  // The two roles wake each other; either may be absent in this process.
  let worker: Worker | undefined
  const ledgerPolicy = await policyOf(config.ledgerPolicyFile)
  const ledger = await ledgerRole(async (sealed, tx) => {
    await stores.revocations.markSealed(sealed, tx)
    worker?.onSealed()
  })
  if (ledger?.verifierKeys !== undefined) {
    // Beside the keys, for people: what an auditor pins, handed over by another way than a certificate.
    await writeFile(join(config.dataDir, 'keys', 'log.vkey'), `${ledger.verifierKeys.log}\n`)
  }
  if (has('worker')) {
    worker = createWorker({
      apps: stores.apps,
      connectors,
      runner,
      lanes: stores.lanes,
      revocations: stores.revocations,
      evidence: stores.evidence,
      caseKeys: stores.caseKeys,
      entries,
      ledger: stores.intake,
      transactor: stores.transactor,
      vault,
      clock: stores.clock,
      holder,
      newId,
      log,
      onEnqueued: () => ledger?.poke?.(),
      watch: stores.watch,
      onRevived: async (revocation) => {
        await reopen({ ...changes, offboarding: stores.revocations.offboarding }, revocation)
        const finding = cameBack(revocation)
        if (await stores.alerts.raise(finding, stores.clock.now())) announce(log, finding)
      },
    })
  }
  const authority = await authorityOf(config)
  const anchors =
    (ledgerPolicy ?? authority) !== undefined && ledger?.status !== undefined
      ? createAnchors({
          store: stores.ledger,
          policy: ledgerPolicy,
          authority,
          clock: stores.clock,
          fetch,
          log,
        })
      : undefined
  const changes: UserChangeDeps = {
    ...stores,
    store: stores.directory,
    ledger: stores.intake,
    entries,
    vault,
    newId,
    facetsOf: (app) => facetsOf(connectors, app),
    onCommitted: () => {
      worker?.poke()
      ledger?.poke?.()
    },
  }

  const watch = has('worker')
    ? createWatch({
        alerts: stores.alerts,
        looks: [
          revocationLook((paging) => stores.revocations.list({ open: true }, paging), stores.clock),
          feedLook(stores.feeds, stores.clock),
          requestLook({
            alerts: stores.alerts,
            isActive: async (sourceId, userId) =>
              (await stores.directory.user(sourceId, userId))?.active === true,
            clock: stores.clock,
          }),
        ],
        clock: stores.clock,
        log,
        onNew: (finding) => announce(log, finding),
      })
    : undefined

  /** The answer does not wait for it. */
  const keepAlert = (finding: Finding): void => {
    stores.alerts.raise(finding, stores.clock.now()).then(
      (isNew) => isNew && announce(log, finding),
      (error: unknown) => {
        announce(log, finding)
        log.error({ err: error }, 'an alert was not kept')
      },
    )
  }

  const heartbeats = has('web')
    ? createHeartbeatRecorder({
        store: stores.heartbeats,
        clock: systemClock,
        onFailed: (error) => log.warn({ err: error }, 'a heartbeat was not written; it is kept'),
      })
    : undefined

  let refreshing: NodeJS.Timeout | undefined
  return {
    app: httpInterface(),
    ledgerKey: ledger?.verifierKeys?.log,
    start: () => {
      refreshing = setInterval(() => {
        stores.clock.refresh().catch((error: unknown) => log.warn({ err: error }, 'clock'))
      }, CLOCK_REFRESH_MS)
      worker?.start()
      ledger?.start()
      anchors?.start()
      watch?.start()
      heartbeats?.start()
    },
    stop: async () => {
      clearInterval(refreshing)
      await watch?.stop()
      await heartbeats?.stop()
      await worker?.stop()
      await ledger?.stop()
      await anchors?.stop()
      await runner.close()
    },
  }

  /** Sealing, signing, or both: what this process does for the ledger. */
  async function ledgerRole(onSealed: OnSealed): Promise<LedgerRole | undefined> {
    const { ledgerOrigin: origin, ledgerLogKeys } = config
    const common = { origin, store: stores.ledger, clock: stores.clock, log }
    const signer = {
      ...common,
      directory: join(config.dataDir, 'keys'),
      masterKey: secrets.masterKey,
      software: `quittance@${VERSION}`,
    }
    const sealer = { ...common, onSealed, holder }
    if (has('ledger') && ledgerLogKeys.length > 0 && !has('signer')) {
      return createSealing({ ...sealer, logKeys: logVerifiers(ledgerLogKeys, origin) })
    }
    if (has('ledger')) return await createLedger({ ...signer, ...sealer })
    if (!has('signer')) return undefined
    return await createSigning({
      ...signer,
      announce: (announced) =>
        stores.transactor.transaction((tx) => stores.firstIntake.enqueue(announced, tx)),
    })
  }

  function httpInterface(): Express {
    const metrics = createMetrics()
    metrics.onScrape(() => stores.revocations.openSummary(stores.clock.now()))
    const adminAuthenticator = createAdminAuthenticator({
      adminToken: secrets.adminToken,
      metricsToken: config.metricsToken,
      tokens: stores.apiTokens,
      clock: systemClock,
    })
    const app = express()
    app.disable('x-powered-by')
    app.set('trust proxy', config.trustProxy)
    app.use(requestLog(log, metrics))
    if (has('web')) {
      const tokenParts = {
        sources: stores.sources,
        accessTokens: createAccessTokens(secrets.masterKey),
        issuerKeys: createIssuerKeys({ fetch: fetchKeySet, clock: systemClock }),
        clock: systemClock,
        onTouchFailed: (error: unknown) =>
          log.warn({ err: error }, 'time of last use was not written'),
        onAddressRefused: (
          { sourceId, tokenId }: { sourceId: string; tokenId: string },
          address: string,
        ) => {
          metrics.addressRefused()
          keepAlert(addressFinding({ sourceId, tokenId, address }))
        },
      }
      const sourceAuthenticator = createSourceAuthenticator(tokenParts)
      app.use(
        '/oauth',
        createTokenEndpoint({
          grant: createTokenGrant({ ...tokenParts, assertions: stores.assertions }),
          log,
          metrics,
        }),
      )
      app.use(
        '/scim',
        createScimRouter({
          directory: createDirectory(changes),
          store: stores.directory,
          authenticator: sourceAuthenticator,
          clock: systemClock,
          publicUrl,
          extensions: config.scimExtensions,
          newId,
          log,
          metrics,
          onAnswered: (call) => {
            heartbeats?.heard(call)
            metrics.tolerated(call.tolerated ?? [])
          },
          onDeactivation: (trouble) => keepAlert(deactivationFinding(trouble)),
          budgetMs: SCIM_BUDGET_MS,
        }),
      )
      const reader = createLedgerReader({
        origin: config.ledgerOrigin,
        store: stores.ledger,
        policy: ledgerPolicy,
      })
      app.use(
        '/ledger',
        createLedgerTilesRouter({
          ledger: reader,
          authenticator: adminAuthenticator,
          log,
          metrics,
        }),
      )
      app.use(
        '/api/v1',
        createApiRouter(
          {
            ...stores,
            sourceAuthenticator,
            connectors,
            runner,
            ledger: reader,
            certificates: createCertificateMaker({
              source: stores.certificateSource,
              manifestKey: manifestKey(secrets.masterKey),
              policy: async () => certificatePolicy(await reader.verifierKeys()),
              now: systemClock.now,
            }),
            byHand: { openByHand: (request) => openByHand(changes, request) },
            groupExists: async (sourceId, groupId) =>
              (await stores.directory.group(sourceId, groupId)) !== null,
            sourceExists: async (id) => (await stores.sources.source(id)) !== null,
            poke: () => worker?.poke(),
            publicUrl,
            clock: stores.clock,
          },
          { authenticator: adminAuthenticator, log, metrics },
        ),
      )
    }
    const readiness: Readiness[] = [{ name: 'storage', check: stores.ping }]
    if (ledger?.status !== undefined) {
      readiness.push({ name: 'ledger', check: signing(ledger.status) })
    }
    app.use(createHealthRouter({ readiness, metrics, authenticator: adminAuthenticator, log }))
    return app
  }
}

type LedgerRole = Pick<Ledger, 'start' | 'stop'> &
  Partial<Pick<Ledger, 'poke' | 'status' | 'verifierKeys'>>

/** Alerts are in the log as well: an operator without the API must not miss one. */
function announce(log: Log, { rule, about, facts }: Finding): void {
  const { severity, title } = RULES[rule]
  log[severity === 'critical' ? 'error' : 'warn']({ rule, ...about, ...facts }, title)
}

const cameBack = (revocation: Revocation): Finding => ({
  rule: 'came-back',
  key: revocation.id,
  about: {
    sourceId: revocation.sourceId,
    appId: revocation.appId,
    offboardingId: revocation.offboardingId,
    revocationId: revocation.id,
  },
  facts: { facet: revocation.facet },
  owners: revocation.owners,
})

/** An app whose connector is gone, or whose configuration no longer fits it, still owes its account. */
function facetsOf(
  connectors: ReadonlyMap<string, Connector>,
  app: AppRecord,
): readonly FacetSpec[] {
  const connector = connectors.get(app.connectorId)
  const parsed = connector?.manifest.configSchema.safeParse(app.config)
  if (connector === undefined || parsed?.success !== true) return [ACCOUNT_BY_HAND]
  return connector.facetsOf?.(parsed.data) ?? connector.manifest.facets
}

const ACCOUNT_BY_HAND: FacetSpec = {
  facet: 'account',
  enumerate: 'none',
  revoke: 'manual',
  observe: 'none',
  settleMs: 0,
  residualMs: 0,
  reversible: false,
}

/** A ledger that refuses to sign is a reason to look, not to send traffic elsewhere; it is named all the same. */
const signing = (status: Ledger['status']) => async (): Promise<void> => {
  const { refused } = status()
  if (refused !== undefined) throw new Error(`the signer refuses: ${refused}`)
}
