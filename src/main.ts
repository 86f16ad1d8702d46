import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join, resolve } from 'node:path'
import { createHub, type Hub } from './composition/hub.ts'
import { loadConfig } from './config/config.ts'
import { localSecrets } from './config/local-secrets.ts'
import { HubError, isHubError } from './shared/errors.ts'
import { connect } from './storage/connection.ts'
import { lockDataDir } from './storage/data-dir-lock.ts'
import type { EmbeddedMongod } from './storage/embedded-mongod.ts'
import { createLog } from './telemetry/log.ts'

/** What SIGTERM may take, in ms, before the process leaves anyway. Everything acknowledged is durable already. */
const STOP_MS = 10_000

/** Steps to undo at the end, last one first. */
const cleanups: (() => Promise<unknown>)[] = []
let stopping: Promise<void> | undefined

process.on('SIGTERM', () => void stop(0))
process.on('SIGINT', () => void stop(0))

try {
  await start()
} catch (error) {
  // Known faults are a sentence; anything else is ours and shows its stack.
  console.error(isHubError(error) ? `✘ ${error.message}` : error)
  await stop(1)
}

async function start(): Promise<void> {
  const config = loadConfig(process.env)
  const log = createLog({ level: config.logLevel })
  const unlock = await lockDataDir(config.dataDir, {
    onLost: () => {
      log.fatal('another hub has taken the data folder over while this one was frozen; it stops')
      void stop(1)
    },
  })
  cleanups.push(unlock)

  // The port first: a taken one is told before a database starts. Until the hub is ready, 503.
  const server = createServer()
  server.on('request', starting)
  const port = await listen(server, config.port, config.host)
  const publicUrl =
    config.port === 0 ? config.publicUrl.replace(/:0$/, `:${port}`) : config.publicUrl

  const mongod = config.mongodbUri === undefined ? await embedded(config) : undefined
  const connection = await connect(mongod?.uri ?? config.mongodbUri ?? '', config.mongodbDb)
  cleanups.push(() => connection.close())
  connection.getClient().on('serverHeartbeatFailed', () => log.warn('storage does not answer'))

  const isNew = !existsSync(join(config.dataDir, 'admin-token'))
  const secrets = await localSecrets(config)
  const hub = await createHub({ config, connection, secrets, publicUrl, log })
  cleanups.push(() => hub.stop())
  // Last in, first out: no new requests and no new work, then the roles, then storage. The first two side by side: a
  // slow request must not use up the time in which lanes are given back.
  cleanups.push(() => Promise.all([close(server), hub.drain()]))
  hub.start()
  server.off('request', starting)
  server.on('request', hub.app)
  greet(hub, publicUrl, { ...secrets, isNew }, config.dataDir)
}

/** A provider that calls while the hub starts must hear "later", in its own words. */
function starting(request: IncomingMessage, response: ServerResponse): void {
  const isScim = request.url?.startsWith('/scim/')
  const detail = 'the hub is starting; try again'
  response.writeHead(503, {
    'Retry-After': '2',
    'Content-Type': isScim ? 'application/scim+json' : 'application/problem+json',
  })
  response.end(
    JSON.stringify(
      isScim
        ? { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '503', detail }
        : { type: 'about:blank', title: 'Service Unavailable', status: 503, detail },
    ),
  )
}

async function embedded(config: {
  dataDir: string
  mongodBinary: string | undefined
}): Promise<EmbeddedMongod> {
  // Loaded only where it is used: it brings a driver of its own.
  const { startEmbeddedMongod } = await import('./storage/embedded-mongod.ts')
  const mongod = await startEmbeddedMongod({
    dataDir: config.dataDir,
    ...(config.mongodBinary === undefined ? {} : { binary: config.mongodBinary }),
  })
  cleanups.push(() => mongod.stop())
  return mongod
}

/** What a newcomer needs next. The token is shown when it was made just now, and is in the file ever after. */
function greet(
  hub: Hub,
  publicUrl: string,
  secrets: { adminToken: string; adminTokenFile: string | undefined; isNew: boolean },
  dataDir: string,
): void {
  const lines = [
    `Quittance is ready: ${publicUrl}`,
    '',
    `  create a source   POST ${publicUrl}/api/v1/sources   {"id": "okta-prod", "name": "Okta", "dialect": "okta"}`,
    `  API to read       ${publicUrl}/api/v1/docs`,
    `  health            ${publicUrl}/readyz`,
    `  data              ${resolve(dataDir)}`,
    ...(hub.ledgerKey === undefined ? [] : [`  log public key    ${hub.ledgerKey}`]),
  ]
  if (secrets.adminTokenFile !== undefined) {
    lines.push(
      secrets.isNew
        ? `  admin token       ${secrets.adminToken}   (shown once; kept in ${secrets.adminTokenFile})`
        : `  admin token       in ${secrets.adminTokenFile}`,
    )
  }
  console.log(`${lines.join('\n')}\n`)
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolvePort, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      reject(
        taken
          ? new HubError('ERR_CONFIG', `port ${port} is taken; set PORT to another one`)
          : error,
      )
    })
    server.listen(port, host, () => {
      const address = server.address()
      resolvePort(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** Requests under way may finish; idle connections are closed. */
async function close(server: Server): Promise<void> {
  await new Promise<void>((resolveClosed) => {
    server.close(() => resolveClosed())
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), 3_000).unref()
  })
}

/** Drains and stops everything that was started, in the opposite order, once. */
function stop(code: number): Promise<void> {
  stopping ??= (async () => {
    setTimeout(() => {
      console.error(`✘ still stopping after ${STOP_MS / 1000} s; leaving`)
      process.exit(1)
    }, STOP_MS).unref()
    let exitCode = code
    for (const cleanup of cleanups.reverse()) {
      await cleanup().catch((error: unknown) => {
        console.error(error)
        exitCode = 1
      })
    }
    process.exit(exitCode)
  })()
  return stopping
}
