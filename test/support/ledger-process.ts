import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createLedger } from '../../src/ledger/start-ledger.ts'
import { connect } from '../../src/storage/connection.ts'
import { createLedgerStore } from '../../src/storage/ledger-store.ts'
import { createServerClock } from '../../src/storage/server-clock.ts'
import { sessionOf } from '../../src/storage/transaction.ts'

/** A process with nothing but the ledger role, for tests that kill it. */
export interface LedgerProcessOptions {
  uri: string
  dbName: string
  origin: string
  directory: string
  /** Hex. */
  masterKey: string
  holder: string
  leaseMs: number
  batch: number
}

/** The effects of sealing, as a test counts them. */
export const EFFECTS = 'effects'

export function startLedgerProcess(options: LedgerProcessOptions): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [JSON.stringify(options)], {
    execArgv: ['--conditions=hub-source', '--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}

async function main(text: string): Promise<void> {
  const options = JSON.parse(text) as LedgerProcessOptions
  const connection = await connect(options.uri, options.dbName)
  const effects = connection.getClient().db(options.dbName).collection(EFFECTS)
  const log = { info: () => {}, warn: () => {}, error: console.error }
  const ledger = await createLedger({
    origin: options.origin,
    store: createLedgerStore(connection, options.origin),
    directory: options.directory,
    masterKey: Buffer.from(options.masterKey, 'hex'),
    software: 'quittance@0.0.0-test',
    onSealed: async (entries, tx) => {
      const rows = entries.map(({ eid, index }) => ({ eid, index }))
      await effects.insertMany(rows, sessionOf(tx))
    },
    clock: await createServerClock(connection),
    holder: options.holder,
    leaseMs: options.leaseMs,
    batch: options.batch,
    log,
  })
  ledger.start()
  process.on('SIGTERM', () => {
    void ledger
      .stop()
      .then(() => connection.close())
      .then(() => process.exit(0))
  })
  process.send?.('ready')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2] ?? '{}')
