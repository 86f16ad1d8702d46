import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { z } from 'zod'
import { type ApiResources, apiRoutes, createApiRouter } from '../../src/api/create-api-router.ts'
import { createHealthRouter } from '../../src/api/health.ts'
import { openApi } from '../../src/api/openapi.ts'
import { createSourceAuthenticator } from '../../src/auth/create-source-authenticator.ts'
import { apiResources } from '../../src/composition/api.ts'
import { createChanges } from '../../src/composition/changes.ts'
import { createSignIn } from '../../src/composition/sign-in.ts'
import { loadConfig } from '../../src/config/config.ts'
import {
  type Connector,
  ConnectorError,
  defineConnector,
} from '../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../src/connector-sdk/runner.ts'
import { workerKey } from '../../src/ledger/keys.ts'
import { createEntryWriter } from '../../src/ledger/leaf.ts'
import { createLedgerReader } from '../../src/ledger/reader.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { openStores } from '../../src/storage/stores.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { requestLog } from '../../src/telemetry/request-log.ts'
import { createVault } from '../../src/vault/vault.ts'
import { freshDatabase } from '../support/database.ts'
import { createContract, type Description } from './api-contract.ts'

export const ADMIN = `qtc_api_${'a'.repeat(43)}`
export const METRICS = `qtc_api_${'m'.repeat(43)}`

/** Who is in the application at https://one.example. */
export const ANN = { handle: { facet: 'account', id: 'ann-4711' }, state: 'live' } as const
const read = (at: number) => ({
  at,
  evidence: { method: 'GET', target: '/accounts', status: 200, at, body: '{}' },
})

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
      token: { title: 'Token that may write', required: true, inHeader: true },
      witnessToken: { title: 'Token that may read', required: false },
      longToken: { title: 'Token of many characters', required: false, minLength: 32 },
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
  list: async (_facet, _of, _cursor, { config }) => ({
    items: config.baseUrl === 'https://one.example' ? [{ ...ANN, ...read(Date.now()) }] : [],
    complete: true,
  }),
  revoke: async () => Promise.reject(new Error('not used')),
  observe: async () => Promise.reject(new Error('not used')),
})

/**
 * The API of the hub on real stores and a real port, with an application that stands still and no worker.
 *
 * @param settings as in the environment of a hub
 */
export async function startApi(
  replace: Partial<ApiResources> = {},
  settings: Record<string, string> = {},
) {
  const database = await freshDatabase()
  const { connection } = database
  const secrets = { masterKey: randomBytes(32), adminToken: ADMIN }
  const config = loadConfig({
    ADMIN_TOKEN: ADMIN,
    METRICS_TOKEN: METRICS,
    LEDGER_ORIGIN: 'log',
    ...settings,
  })
  const vault = createVault(secrets.masterKey)
  const stores = await openStores(connection, { vault, ledgerOrigin: config.ledgerOrigin })
  const connectors = new Map<string, Connector>([['still', still as Connector]])
  const lines: string[] = []
  const parts = {
    config,
    secrets,
    stores,
    vault,
    entries: createEntryWriter({ origin: config.ledgerOrigin, ...workerKey(secrets.masterKey) }),
    connectors,
    runner: createConnectorRunner({
      connectors,
      secretsOf: stores.secrets.secretsOf,
      clock: systemClock,
    }),
    publicUrl: 'https://hub.example.com',
    log: createLog({ level: 'debug' }, { write: (line: string) => lines.push(line) }),
  }
  const { log } = parts
  const metrics = createMetrics({ process: false })
  const { authenticator, acts, standing } = await createSignIn(parts)
  const changes = createChanges(parts, () => {})
  const resources: ApiResources = {
    ...apiResources(
      { ...parts, changes, poke: () => {} },
      {
        sourceAuthenticator: createSourceAuthenticator({
          sources: stores.sources,
          clock: systemClock,
          onTouchFailed: (error) => log.warn({ err: error }, 'time of last use not written'),
        }),
        reader: createLedgerReader({ origin: config.ledgerOrigin, store: stores.ledger }),
        acts,
        standing,
      },
    ),
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
          check: stores.ping,
        },
      ],
    }),
  )
  app.use(
    '/api/v1',
    createApiRouter(resources, {
      authenticator,
      acts,
      transactor: stores.transactor,
      idempotency: stores.idempotency,
      vault,
      clock: stores.clock,
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
    stores,
    vault,
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
      await parts.runner.close()
      await database.dispose()
    },
  }
}
