import { stat } from 'node:fs/promises'
import { type Config, loadConfig } from '../config/config.ts'
import { type Recovery, recoverLog } from '../ledger/recover.ts'
import type { TlogSource } from '../ledger/tlog-source.ts'
import { type WormStore, wormSource } from '../ledger/worm.ts'
import { createWormDirectory } from '../ledger/worm-directory.ts'
import { createWormS3 } from '../ledger/worm-s3.ts'
import { systemClock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { connect } from '../storage/connection.ts'
import { eraseRestored } from '../storage/ledger-erasure.ts'
import { createLedgerStore, prepareLedger } from '../storage/ledger-store.ts'
import { createSealEffects } from '../storage/seal-effects.ts'
import { CliError } from './api-client.ts'
import { command, type MakeContext, type noun } from './context.ts'
import { sourceOf } from './ledger-export.ts'
import { verifiers } from './ledger-verifiers.ts'
import { print } from './output.ts'

interface Options {
  key: string[]
  from: string
  json?: boolean
}

/** Adds `quittance ledger recover`: puts a lost log, or the lost end of one, back from a copy. */
export function registerRecover(ledger: ReturnType<typeof noun>, context: MakeContext): void {
  command(ledger, 'recover', 'put a lost log back into the database, from a copy of it')
    .requiredOption(
      '--from <directory>',
      'LEDGER_WORM_DIRECTORY, an exported log, or s3: the bucket of LEDGER_WORM_S3_BUCKET',
    )
    .requiredOption('--key <vkey...>', 'public key of the log, former ones too')
    .addHelpText(
      'after',
      '\nStop every hub first. Reads MONGODB_URI, MONGODB_DB and LEDGER_ORIGIN as the hub does. Verifies the whole' +
        '\ncopy before it writes; erases again what the log says was erased. Then run: quittance ledger restore-check' +
        '\nExit codes: 0 recovered, 1 refused, 2 could not try',
    )
    .action(async (options: Options) => {
      const { api, output, setExitCode } = context(options)
      const recovery = await recover(process.env, options, api).catch((error: unknown) => {
        setExitCode(2)
        if (error instanceof HubError) throw new CliError(error.message, { cause: error })
        throw error
      })
      print(output, recovery, () => describe(recovery))
      if (recovery.kind !== 'recovered') setExitCode(1)
    })
}

async function recover(
  env: Readonly<Record<string, string | undefined>>,
  { from, key }: Options,
  api: Parameters<typeof sourceOf>[1],
): Promise<Recovery & { skipped: readonly string[] }> {
  // What is not needed to write the log need not be set.
  const unused = { MASTER_KEY: Buffer.alloc(32).toString('base64'), ADMIN_TOKEN: 'x'.repeat(32) }
  const config = loadConfig({ ...unused, ...env })
  if (config.mongodbUri === undefined) {
    throw new CliError('Set MONGODB_URI to the database; start a mongod on DATA_DIR/db for it.')
  }
  const keys = verifiers(key)
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

function describe(recovery: Recovery & { skipped: readonly string[] }): string {
  const { skipped } = recovery
  const [first] = skipped
  if (first === undefined) return ending(recovery)
  // A shorter log than the one that was signed is the price of a key that was not named.
  return `${ending(recovery)}
PASSED OVER ${skipped.length} checkpoints that none of these keys has signed, the newest ${first}. Is a --key missing?`
}

function ending(recovery: Recovery): string {
  switch (recovery.kind) {
    case 'recovered': {
      const { from, to, erased } = recovery
      const again = erased.length === 0 ? '' : ` ${erased.length} erased cases were erased again.`
      return `Recovered entries ${from} to ${to}; the log has the root that was signed.${again} Next: quittance ledger restore-check`
    }
    case 'unsound':
      return ['THE COPY IS NOT SOUND; nothing was written', ...recovery.faults].join('\n  ')
    case 'refused':
      return `REFUSED, nothing was written: ${REASONS[recovery.reason]} (${recovery.size} entries)`
  }
}

const REASONS = {
  longer: 'the database holds a longer log than the copy',
  'split-view': 'the database holds another log than the copy; keep both, they are the evidence',
  damaged:
    'what the database holds contradicts itself; keep a dump of it, drop its ledger_ collections, and run this again',
}
