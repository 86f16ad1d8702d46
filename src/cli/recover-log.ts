import { stat } from 'node:fs/promises'
import { type Config, loadConfig } from '../config/config.ts'
import { type Recovery, recoverLog } from '../ledger/recover.ts'
import type { TlogSource } from '../ledger/tlog-source.ts'
import { type WormStore, wormSource } from '../ledger/worm.ts'
import { createWormDirectory } from '../ledger/worm-directory.ts'
import { createWormS3 } from '../ledger/worm-s3.ts'
import { systemClock } from '../shared/clock.ts'
import { connect } from '../storage/connection.ts'
import { eraseRestored } from '../storage/ledger-erasure.ts'
import { createLedgerStore, prepareLedger } from '../storage/ledger-store.ts'
import { createSealEffects } from '../storage/seal-effects.ts'
import { CliError } from './api-client.ts'
import { sourceOf } from './ledger-export.ts'
import { verifiers } from './ledger-verifiers.ts'

/** How it went, and the checkpoints of the copy that were passed over, newest first. */
export type Recovered = Recovery & { skipped: readonly string[] }

/**
 * Puts a log back from a copy, into the database that `env` names.
 *
 * @throws CliError when a setting is missing
 * @throws HubError ERR_CONFIG, ERR_STORAGE_UNAVAILABLE, ERR_CONFLICT while something else writes
 */
export async function recover(
  env: Readonly<Record<string, string | undefined>>,
  { from, key }: { from: string; key: string[] },
  api: Parameters<typeof sourceOf>[1],
): Promise<Recovered> {
  // What is not needed to write the log need not be set.
  const unused = { MASTER_KEY: Buffer.alloc(32).toString('base64'), ADMIN_TOKEN: 'x'.repeat(32) }
  const config = loadConfig({ ...unused, ...env })
  if (config.mongodbUri === undefined) {
    throw new CliError('Set MONGODB_URI to the database; start a mongod on DATA_DIR/db for it.')
  }
  const keys = await verifiers(key)
  let skipped: readonly string[] = []
  const source = await sourceIn(from, config.ledgerWormS3, api, (worm) =>
    wormSource(worm, keys, (names) => {
      skipped = names
    }),
  )
  const connection = await connect(config.mongodbUri, config.mongodbDb)
  try {
    await prepareLedger(connection)
    const store = createLedgerStore(connection, config.ledgerOrigin)
    const effects = createSealEffects(connection)
    const now = systemClock.now()
    const recovery = await recoverLog(source, keys, store, effects, now)
    if (recovery.kind === 'recovered') await eraseRestored(connection, recovery.erased)
    return { ...recovery, skipped }
  } finally {
    await connection.close()
  }
}

async function sourceIn(
  from: string,
  s3: Config['ledgerWormS3'],
  api: Parameters<typeof sourceOf>[1],
  ofWorm: (worm: WormStore) => TlogSource,
): Promise<TlogSource> {
  if (from === 's3') {
    if (s3 === undefined) throw new CliError('Set LEDGER_WORM_S3_BUCKET, as the hub had it.')
    return ofWorm(createWormS3(s3, { clock: systemClock }))
  }
  const isExport = await isFile(`${from}/checkpoint`)
  return isExport ? sourceOf(from, api) : ofWorm(createWormDirectory(from))
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
