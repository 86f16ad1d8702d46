import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Connection } from 'mongoose'
import type { Config } from '../config/config.ts'
import { builtInConnectors, loadConnectors } from '../connector-sdk/load.ts'
import { createConnectorRunner } from '../connector-sdk/runner.ts'
import { workerKey } from '../ledger/keys.ts'
import { createEntryWriter } from '../ledger/leaf.ts'
import { systemClock } from '../shared/clock.ts'
import { createLaneWake } from '../storage/lane-wake.ts'
import { openStores } from '../storage/stores.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createTracing } from '../telemetry/tracing.ts'
import { createVault } from '../vault/vault.ts'
import { VERSION } from '../version.ts'
import { appAddress } from './app-visits.ts'
import { createCallWatch } from './call-watch.ts'

export interface HubOptions {
  config: Config
  /** Open, on a replica set. The hub does not close it. */
  connection: Connection
  secrets: { masterKey: Buffer; adminToken: string }
  /** As in the configuration, with the real port. */
  publicUrl: string
  log: Log
}

/** What every role of one process is made of. */
export type Parts = Awaited<ReturnType<typeof createParts>>

/**
 * Opens stores and connectors.
 *
 * @throws HubError ERR_MASTER_KEY, ERR_CONFIG (a connector that cannot be loaded)
 */
export async function createParts({ config, connection, secrets, publicUrl, log }: HubOptions) {
  const vault = createVault(secrets.masterKey, config.otherMasterKeys)
  const stores = await openStores(connection, {
    vault,
    ledgerOrigin: config.ledgerOrigin,
    onWait: () => log.info('indexes are being built; this may take minutes'),
  })
  const connectors = await loadConnectors({ names: [...builtInConnectors(), ...config.connectors] })
  const metrics = createMetrics()
  const tracing = await createTracing({ endpoint: config.otlpEndpoint, version: VERSION, log })
  return {
    config,
    secrets,
    publicUrl,
    log,
    vault,
    stores,
    connectors,
    metrics,
    tracing,
    runner: createConnectorRunner({
      connectors,
      secretsOf: stores.secrets.secretsOf,
      clock: systemClock,
      programDirectory: config.execConnectorDir,
      mailboxOf: stores.mailboxOf,
      addressOf: (appId) => appAddress(publicUrl, appId),
      watch: createCallWatch(metrics, tracing),
    }),
    entries: createEntryWriter({ origin: config.ledgerOrigin, ...workerKey(secrets.masterKey) }),
    /** Work of one process wakes the workers of all. */
    wake: createLaneWake(connection, log),
    /** Names this process in leases. */
    holder: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`,
  }
}
