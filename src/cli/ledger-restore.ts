import { join } from 'node:path'
import type { Verifier } from '../ledger/note.ts'
import type { Remembered, RestoreVerdict } from '../ledger/restore-check.ts'
import { CliError } from './api-client.ts'
import { command, type MakeContext, type noun } from './context.ts'
import { readText } from './input.ts'
import { verifiers } from './ledger-verifiers.ts'
import { print } from './output.ts'
import { told } from './told.ts'

interface Options {
  key: string[]
  keys?: string
  checkpoint: string[]
  json?: boolean
}

/** Adds `quittance ledger restore-check`: the question to ask of a restored database before a hub runs on it. */
export function registerRestoreCheck(ledger: ReturnType<typeof noun>, context: MakeContext): void {
  command(ledger, 'restore-check', 'is a restored database still the log that was signed?')
    .requiredOption('--key <vkey...>', 'public key of the log, former ones too')
    .option('--keys <directory>', "the signer's DATA_DIR/keys, for its memory")
    .option('--checkpoint <file...>', 'checkpoints that were kept elsewhere', [])
    .addHelpText(
      'after',
      '\nReads MONGODB_URI, MONGODB_DB and LEDGER_ORIGIN as the hub does; changes nothing.' +
        '\nExit codes: 0 the same log, 1 rollback, split view or damage, 2 could not check',
    )
    .action(async (options: Options) => {
      const { output, setExitCode } = context(options)
      const verdict = await told(() => restoreCheck(process.env, options)).catch(
        (error: unknown) => {
          setExitCode(2)
          throw error
        },
      )
      print(output, verdict, () => describe(verdict))
      if (verdict.kind !== 'ok') setExitCode(1)
    })
}

/** @throws CliError when nobody remembers anything, or a checkpoint is not signed by one of the keys */
export async function restoreCheck(
  env: Readonly<Record<string, string | undefined>>,
  options: Options,
): Promise<RestoreVerdict> {
  const { loadConfig } = await import('../config/config.ts')
  // What is not needed to read the log need not be set.
  const unused = { MASTER_KEY: Buffer.alloc(32).toString('base64'), ADMIN_TOKEN: 'x'.repeat(32) }
  const config = loadConfig({ ...unused, ...env })
  if (config.mongodbUri === undefined) {
    throw new CliError(
      'Set MONGODB_URI to the restored database; start a mongod on a copy of DATA_DIR/db.',
    )
  }
  const remembered = await memories(options, await verifiers(options.key), config.ledgerOrigin)
  if (remembered.length === 0) {
    throw new CliError('Nothing to compare with: give --keys, --checkpoint, or both.')
  }
  const { checkRestore } = await import('../ledger/restore-check.ts')
  const { connect } = await import('../storage/connection.ts')
  const { createLedgerStore } = await import('../storage/ledger-store.ts')
  const connection = await connect(config.mongodbUri, config.mongodbDb)
  try {
    return await checkRestore(createLedgerStore(connection, config.ledgerOrigin), remembered)
  } finally {
    await connection.close()
  }
}

async function memories(
  options: Options,
  keys: readonly Verifier[],
  origin: string,
): Promise<Remembered[]> {
  const { openCheckpoint } = await import('../ledger/checkpoint.ts')
  const { createSignerStateFile } = await import('../ledger/signer-state.ts')
  const found: Remembered[] = []
  if (options.keys !== undefined) {
    const state = await createSignerStateFile(join(options.keys, 'signer-state.json')).load()
    if (state === undefined) throw new CliError(`${options.keys} holds no memory of a signer`)
    found.push({ by: 'the signer', size: state.edge.size, root: state.root })
  }
  for (const file of options.checkpoint) {
    const opened = openCheckpoint(await readText(file), keys)
    if (opened.kind !== 'verified' || opened.checkpoint.origin !== origin) {
      throw new CliError(`${file} is no checkpoint of ${origin} under a key of yours`)
    }
    const { size, root } = opened.checkpoint
    found.push({ by: file, size, root })
  }
  return found
}

function describe(verdict: RestoreVerdict): string {
  switch (verdict.kind) {
    case 'ok':
      return `The same log: ${verdict.size} entries, and everything that is remembered is in it.`
    case 'rollback':
      return `ROLLBACK: the database ends at ${verdict.from}, ${verdict.by} remembers ${verdict.to} entries. Restore a newer state; do not start a hub on this one.`
    case 'split-view':
      return `SPLIT VIEW: at ${verdict.at} entries this is another log than ${verdict.by} remembers. Keep both: together they are the evidence.`
    case 'damaged':
      return `DAMAGED: the entries are ${verdict.reason}. Do not start a hub on this database.`
  }
}
