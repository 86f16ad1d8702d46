import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { createHub, type Hub } from '../../src/composition/hub.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createHubClient, type HubClient } from './client.ts'
import { freshDatabase } from './database.ts'

/** A whole hub in this process: real HTTP, a database of its own, all roles. */
export interface TestHub {
  hub: Hub
  database: Awaited<ReturnType<typeof freshDatabase>>
  client: HubClient
  dataDir: string
  /** Public key of its log. */
  vkey: string
  stop(): Promise<void>
}

export const ADMIN_TOKEN = 'admin-token-of-the-test-hub-0000000001'

export async function startHub(env: Record<string, string> = {}): Promise<TestHub> {
  const database = await freshDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'quittance-hub-'))
  const masterKey = Buffer.alloc(32, 7)
  const config = loadConfig({
    MONGODB_URI: inject('mongodbUri'),
    MONGODB_DB: database.dbName,
    DATA_DIR: dataDir,
    ADMIN_TOKEN,
    MASTER_KEY: masterKey.toString('base64'),
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    ...env,
  })
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  const origin = `http://127.0.0.1:${address.port}`
  const hub = await createHub({
    config,
    connection: database.connection,
    secrets: { masterKey, adminToken: ADMIN_TOKEN },
    publicUrl: origin,
    log: createLog({ level: config.logLevel }),
  })
  server.on('request', hub.app)
  hub.start()
  return {
    hub,
    database,
    client: createHubClient(origin, ADMIN_TOKEN),
    dataDir,
    vkey: hub.ledgerKey ?? '',
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await hub.stop()
      await database.dispose()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
