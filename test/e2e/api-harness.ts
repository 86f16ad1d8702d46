import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { z } from 'zod'
import { createActRecorder } from '../../src/api/acts.ts'
import { type ApiResources, apiRoutes, createApiRouter } from '../../src/api/create-api-router.ts'
import { createHealthRouter } from '../../src/api/health.ts'
import { openApi } from '../../src/api/openapi.ts'
import { createAdminAuthenticator } from '../../src/auth/admin-authenticator.ts'
import { createSourceAuthenticator } from '../../src/auth/create-source-authenticator.ts'
import {
  type Connector,
  ConnectorError,
  defineConnector,
} from '../../src/connector-sdk/contract.ts'
import { cancelLeave, scheduleLeave } from '../../src/intake/scheduled-leave.ts'
import { workerKey } from '../../src/ledger/keys.ts'
import { createEntryWriter } from '../../src/ledger/leaf.ts'
import { createLaneDesk } from '../../src/revocation/lane-desk.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { HubError } from '../../src/shared/errors.ts'
import { newId } from '../../src/shared/ids.ts'
import { createApiTokenStore, prepareApiTokens } from '../../src/storage/admin-store.ts'
import { createAlertStore, prepareAlerts } from '../../src/storage/alert-store.ts'
import { createAppStore, prepareApps } from '../../src/storage/app-store.ts'
import { createApprovalStore, prepareApprovals } from '../../src/storage/approval-store.ts'
import { createEventSource } from '../../src/storage/audit-events.ts'
import { createAuditStore, prepareAudit } from '../../src/storage/audit-store.ts'
import { createCaseKeyStore } from '../../src/storage/case-key-store.ts'
import { prepareDirectory } from '../../src/storage/directory-models.ts'
import { createDirectoryStore } from '../../src/storage/directory-store.ts'
import { prepareEvidence } from '../../src/storage/evidence-store.ts'
import {
  createExemptionStore,
  createLegalHoldStore,
  prepareExemptions,
} from '../../src/storage/exemption-store.ts'
import { createIdempotencyStore, prepareIdempotency } from '../../src/storage/idempotency-store.ts'
import { prepareLanes } from '../../src/storage/lane-models.ts'
import { createLaneStore } from '../../src/storage/lane-store.ts'
import { prepareLedger } from '../../src/storage/ledger-collections.ts'
import { createErasure } from '../../src/storage/ledger-erasure.ts'
import { createLedgerIntake } from '../../src/storage/ledger-intake-store.ts'
import { createReportStore } from '../../src/storage/report-store.ts'
import { createRevocationDesk } from '../../src/storage/revocation-desk-store.ts'
import { prepareRevocations } from '../../src/storage/revocation-models.ts'
import { createRevocationStore } from '../../src/storage/revocation-store.ts'
import {
  createLeaveStore,
  prepareScheduledLeaves,
} from '../../src/storage/scheduled-leave-store.ts'
import { createSecretStore, prepareSecrets } from '../../src/storage/secret-store.ts'
import { createHeartbeatStore } from '../../src/storage/source-heartbeat-store.ts'
import { createSourceStore, prepareSources } from '../../src/storage/source-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { requestLog } from '../../src/telemetry/request-log.ts'
import { createVault } from '../../src/vault/vault.ts'
import { freshDatabase } from '../support/database.ts'
import { createContract, type Description } from './api-contract.ts'

export const ADMIN = `qtc_api_${'a'.repeat(43)}`
export const METRICS = `qtc_api_${'m'.repeat(43)}`

/** A connector that talks to nobody; its test says what its configuration tells it to say. */
const still = defineConnector<{ baseUrl: string; says: 'ok' | 'refused' | 'broken' }>({
  manifest: {
    id: 'still',
    version: '1.0.0',
    title: 'An application that stands still',
    configSchema: z.strictObject({
      baseUrl: z.url(),
      says: z.enum(['ok', 'refused', 'broken']).default('ok'),
    }),
    secrets: {
      token: { title: 'Token that may write', required: true },
      witnessToken: { title: 'Token that may read', required: false },
    },
    facets: [
      {
        facet: 'account',
        enumerate: 'complete',
        revoke: 'api',
        observe: 'strong',
        settleMs: 0,
        residualMs: 0,
        reversible: true,
      },
    ],
    limits: { concurrency: 1, timeoutMs: 1_000 },
    quarantineMs: 0,
    absenceIs: 'suspect',
  },
  test: async ({ config, credential }) => {
    if (config.says === 'refused') {
      throw new ConnectorError('credential', 'the token is not accepted')
    }
    if (config.says === 'broken') throw new TypeError('a bug in the connector')
    return [{ name: `account.observe ${credential}`, ok: true, detail: 'read one account' }]
  },
  correlate: async () => [],
  list: async () => ({ items: [], complete: true }),
  revoke: async () => Promise.reject(new Error('not used')),
  observe: async () => Promise.reject(new Error('not used')),
})

/** The API on real stores and a real port, with everything behind the ports that others fill left empty. */
export async function startApi(replace: Partial<ApiResources> = {}) {
  const database = await freshDatabase()
  const { connection } = database
  await Promise.all([
    prepareSources(connection),
    prepareApps(connection),
    prepareSecrets(connection),
    prepareApiTokens(connection),
    prepareDirectory(connection),
    prepareRevocations(connection),
    prepareAlerts(connection),
    prepareAudit(connection),
    prepareApprovals(connection),
    prepareExemptions(connection),
    prepareEvidence(connection),
    prepareIdempotency(connection),
    prepareLanes(connection),
    prepareScheduledLeaves(connection),
    prepareLedger(connection),
  ])
  const masterKey = randomBytes(32)
  const vault = createVault(masterKey)
  const sources = createSourceStore(connection)
  const directory = createDirectoryStore(connection)
  const revocations = createRevocationStore(connection)
  const secrets = createSecretStore(connection, vault)
  const apiTokens = createApiTokenStore(connection)
  const transactor = createTransactor(connection)
  const audit = createAuditStore(connection)
  const lanes = createLaneStore(connection)
  const entries = createEntryWriter({ origin: 'log', ...workerKey(masterKey) })
  const acts = createActRecorder({
    audit,
    entries,
    ledger: createLedgerIntake(connection),
    vault,
    clock: systemClock,
  })
  const caseKeys = createCaseKeyStore(connection, vault)
  const ledgerIntake = createLedgerIntake(connection)
  const leaves = createLeaveStore(connection)
  const desk = createLaneDesk({ lanes, clock: systemClock, onChanged: () => {} })
  const revocationDesk = createRevocationDesk(connection)
  const connectors = new Map<string, Connector>([['still', still as Connector]])
  const lines: string[] = []
  const log = createLog({ level: 'debug' }, { write: (line: string) => lines.push(line) })
  const metrics = createMetrics({ process: false })
  const sourceAuthenticator = createSourceAuthenticator({
    sources,
    clock: systemClock,
    onTouchFailed: (error) => log.warn({ err: error }, 'time of last use not written'),
  })
  const authenticator = createAdminAuthenticator({
    adminToken: ADMIN,
    metricsToken: METRICS,
    tokens: apiTokens,
    clock: systemClock,
  })
  const resources: ApiResources = {
    sources,
    heartbeats: createHeartbeatStore(connection),
    sourceAuthenticator,
    apps: createAppStore(connection),
    secrets,
    audit,
    acts,
    revocationDesk,
    desk,
    lanes,
    events: createEventSource(connection),
    reports: createReportStore(connection),
    facetsOf: () => still.manifest.facets,
    version: '0.0.0',
    approvals: createApprovalStore(connection, vault),
    exemptions: createExemptionStore(connection),
    legalHolds: createLegalHoldStore(connection),
    waiving: { revocationDesk, desk, caseKeys, entries, ledger: ledgerIntake, clock: systemClock },
    erasure: {
      eraseCase: (id, tx) =>
        createErasure(connection, {
          caseKeys,
          entries,
          intake: ledgerIntake,
          transactor: { transaction: (work) => work(tx) },
          clock: systemClock,
        }).eraseCase(id),
    },
    connectors,
    runner: {
      open: async (app) => ({
        connector: still as Connector,
        call: (options) => ({
          config: still.manifest.configSchema.parse(app.config),
          secrets: {},
          http: { send: () => Promise.reject(new Error('not used')), hide: () => {} },
          net: { connect: () => Promise.reject(new Error('not used')), tls: () => ({}) },
          now: () => Date.now(),
          dryRun: false,
          ...options,
        }),
      }),
    },
    groupExists: async (sourceId, id) => (await directory.group(sourceId, id)) !== null,
    sourceExists: async (id) => (await sources.source(id)) !== null,
    directory,
    revocations,
    alerts: createAlertStore(connection),
    byHand: {
      openByHand: async () => {
        throw new HubError('ERR_NOT_FOUND', 'there is no such user')
      },
    },
    leaves,
    planned: {
      schedule: ({ transactor: own, ...request }) =>
        scheduleLeave(
          { leaves, store: directory, transactor: own, clock: systemClock, newId },
          request,
        ),
      cancel: ({ transactor: own, ...request }) =>
        cancelLeave({ leaves, transactor: own, clock: systemClock }, request),
    },
    certificates: { certificate: async () => null },
    ledger: {
      checkpointText: async () => null,
      entry: async () => null,
      inclusionProof: async () => null,
      consistencyProof: async () => null,
      verifierKeys: async () => ({ log: [], cosigner: [] }),
      status: async () => ({
        origin: 'log',
        waiting: { count: 0, since: null },
        sealed: { size: 0, at: 0 },
        signed: null,
        lag: 0,
        stamped: null,
        signer: null,
        worm: null,
      }),
    },
    apiTokens,
    publicUrl: 'https://hub.example.com',
    clock: systemClock,
    ...replace,
  }

  const contract = createContract(
    openApi(apiRoutes(resources), resources.publicUrl) as unknown as Description,
  )
  const app = express()
  app.disable('x-powered-by')
  app.use(requestLog(log, metrics))
  app.use(
    createHealthRouter({
      authenticator,
      metrics,
      log,
      readiness: [
        {
          name: 'storage',
          check: async () => {
            await connection.db?.admin().ping()
          },
        },
      ],
    }),
  )
  app.use(
    '/api/v1',
    createApiRouter(resources, {
      authenticator,
      acts,
      transactor,
      idempotency: createIdempotencyStore(connection),
      vault,
      clock: systemClock,
      log,
      metrics,
      checkAnswers: true,
    }),
  )
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const send = async (
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; token?: string | null } = {},
  ) => {
    const { token = ADMIN } = options
    const raw = typeof options.body === 'string' || options.body instanceof Uint8Array
    const response = await fetch(origin + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined
        ? {}
        : { body: raw ? (options.body as string) : JSON.stringify(options.body) }),
    })
    const text = await response.text()
    const contentType = response.headers.get('content-type')
    const json = /json/.test(contentType ?? '') ? JSON.parse(text) : undefined
    const { status } = response
    const [at = ''] = path.split('?')
    if (at.startsWith('/api/v1/')) {
      const faults = contract({ method, path: at.slice(7), status, contentType, json })
      // Every answer of every test is held against the document.
      if (faults.length > 0) throw new Error(faults.join('; '))
    }
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
    return { status, headers: response.headers, text, json: json as any }
  }

  return {
    origin,
    database,
    connection,
    resources,
    revocations,
    directory,
    vault,
    transactor,
    lanes,
    lines,
    send,
    api: (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      send(method, `/api/v1${path}`, {
        ...(body === undefined ? {} : { body }),
        ...(headers === undefined ? {} : { headers }),
      }),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await database.dispose()
    },
  }
}
