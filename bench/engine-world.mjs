// A fresh database with registered apps, as one process of the hub sees it.
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { workerKey } from '../src/ledger/keys.ts'
import { createEntryWriter } from '../src/ledger/leaf.ts'
import { connect } from '../src/storage/connection.ts'
import { createLaneWake } from '../src/storage/lane-wake.ts'
import { openStores } from '../src/storage/stores.ts'
import { createVault } from '../src/vault/vault.ts'
import { startHub } from './engine-parts.mjs'

const MASTER_KEY = Buffer.alloc(32, 5)
const ORIGIN = 'bench.example/ledger'
export const ADMIN_TOKEN = 'admin-token-of-the-bench-000000000001'

/** @param {string} name of the database */
export async function openWorld({ mongod, targets, dataDir, profile }, name) {
  const connection = await connect(mongod.uri, name)
  const vault = createVault(MASTER_KEY)
  const entries = createEntryWriter({ origin: ORIGIN, ...workerKey(MASTER_KEY) })
  const stores = await openStores(connection, { vault, ledgerOrigin: ORIGIN })
  const apps = targets.urls.map((url, n) => ({
    id: `app${n}`,
    name: `app ${n}`,
    connectorId: 'bench',
    config: { baseUrl: url, correlateBy: ['userName'] },
    scope: { kind: 'everyone' },
    class: 2,
    owners: ['owner@example.com'],
    state: 'active',
    allowNetworks: ['127.0.0.0/8'],
    createdAt: 0,
    updatedAt: 0,
    version: 1,
  }))
  for (const app of apps) {
    await stores.apps.insert(app)
    await stores.secrets.put(app.id, { token: 'secret' })
  }
  const hubs = []
  return {
    connection,
    vault,
    entries,
    stores,
    wake: createLaneWake(connection, { warn: console.warn }),
    apps,
    database: name,
    /** The processes of one log share its keys. */
    startHub: async (roles) => {
      const folder = join(dataDir, `${name}-${randomBytes(3).toString('hex')}`)
      await mkdir(folder, { recursive: true })
      const hub = await startHub({
        profile,
        env: {
          ROLE: roles,
          MONGODB_URI: mongod.uri,
          MONGODB_DB: name,
          DATA_DIR: roles.includes('ledger') ? join(dataDir, name) : folder,
          MASTER_KEY: MASTER_KEY.toString('base64'),
          ADMIN_TOKEN,
          LEDGER_ORIGIN: ORIGIN,
          LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'error',
        },
      })
      hubs.push(hub)
      return hub
    },
    close: async () => {
      await Promise.all(hubs.map((hub) => hub.stop()))
      await connection.close()
    },
  }
}
