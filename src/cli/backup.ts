import { join } from 'node:path'
import type { Command } from 'commander'
import type { Remembered, RestoreVerdict } from '../ledger/restore-check.ts'
import { isHubError } from '../shared/errors.ts'
import type { BackupCheck } from '../storage/backup-check.ts'
import { VERSION } from '../version.ts'
import { CliError } from './api-client.ts'
import { command, type MakeContext } from './context.ts'
import { withDatabase } from './database.ts'
import { readText } from './input.ts'
import { verifiers } from './ledger-verifiers.ts'
import { print } from './output.ts'
import { told } from './told.ts'

/** Adds `quittance backup`, `restore` and `restore-check`. */
export function registerBackup(program: Command, context: MakeContext): void {
  command(program, 'backup', 'copy the database into a file, of one moment, while hubs run')
    .requiredOption('--out <file>', 'must not exist yet, or is replaced when the new one is whole')
    .addHelpText(
      'after',
      '\nReads MONGODB_URI, MONGODB_DB, DATA_DIR and LEDGER_ORIGIN as the hub does. Without MONGODB_URI its hub must run.' +
        '\nNot in it, on purpose: the master key, DATA_DIR/keys and who is signed in. Keep the keys in another place.' +
        '\nIt holds personal data: keep it where few people can read it. docs/operations.md has the whole plan.',
    )
    .action(async ({ out, ...options }: { out: string; json?: boolean }) => {
      const { output, env, progress } = context(options)
      const { backUp } = await import('../storage/backup.ts')
      const made = await withDatabase(env, [], (connection, config) =>
        backUp(connection, out, {
          software: `quittance@${VERSION}`,
          ledgerOrigin: config.ledgerOrigin,
          onCollection: (name, index, of) => progress.show(name, index / of),
        }),
      ).finally(progress.done)
      print(output, { file: out, ...made }, () => {
        const rows = sum(made.collections)
        return `Saved ${out}: ${rows} rows of ${Object.keys(made.collections).length} collections.\nLook at it: quittance restore-check ${out}`
      })
    })

  command(program, 'restore <file>', 'write a backup into an empty database')
    .addHelpText(
      'after',
      '\nMONGODB_URI and MONGODB_DB name the new database; no hub may run on it. docs/operations.md says what comes before and after.',
    )
    .action(async (file: string, options: { json?: boolean }) => {
      const { output, env, progress } = context(options)
      const { restoreBackup } = await import('../storage/backup.ts')
      const { checkBackup } = await import('../storage/backup-check.ts')
      // Before anything is written: half a backup is worse than none.
      const { collections: held } = await told(() => checkBackup(file, []))
      const collections = await withDatabase(env, [], (connection) =>
        restoreBackup(connection, file, (rows) =>
          progress.show(`${rows} rows`, rows / Math.max(1, sum(held))),
        ),
      ).finally(progress.done)
      print(
        output,
        { file, collections },
        () =>
          `Restored ${sum(collections)} rows. Next:\n  quittance ledger restore-check --key '<public key of the log>' --keys DATA_DIR/keys`,
      )
    })

  command(program, 'restore-check <file>', 'is a backup whole, and is its ledger the signed one?')
    .option('--key <vkey...>', 'public key of the log; needed for --checkpoint')
    .option('--keys <directory>', "the signer's DATA_DIR/keys, for its memory")
    .option('--checkpoint <file...>', 'checkpoints that were kept elsewhere', [])
    .addHelpText(
      'after',
      '\nNeeds no hub and no database. A log that has grown since the backup is no fault.' +
        '\nExit codes: 0 whole, and the same log; 1 not whole, split view or damage; 2 could not check',
    )
    .action(async (file: string, options: CheckOptions) => {
      const { output, setExitCode } = context(options)
      const { checkBackup } = await import('../storage/backup-check.ts')
      const check = await told(async () => checkBackup(file, await memories(options))).catch(
        (error: unknown) => {
          if (!isDamage(error)) setExitCode(2)
          throw error
        },
      )
      print(output, plain(check), () => describe(file, check))
      if (!isUsable(check.verdict)) setExitCode(1)
    })
}

interface CheckOptions {
  key?: string[]
  keys?: string
  checkpoint: string[]
  json?: boolean
}

async function memories(options: CheckOptions): Promise<Remembered[]> {
  const { openCheckpoint } = await import('../ledger/checkpoint.ts')
  const { createSignerStateFile } = await import('../ledger/signer-state.ts')
  const found: Remembered[] = []
  if (options.keys !== undefined) {
    const state = await createSignerStateFile(join(options.keys, 'signer-state.json')).load()
    if (state === undefined) throw new CliError(`${options.keys} holds no memory of a signer`)
    found.push({ by: 'the signer', size: state.edge.size, root: state.root })
  }
  const keys = await verifiers(options.key ?? [])
  for (const file of options.checkpoint) {
    const opened = openCheckpoint(await readText(file), keys)
    if (opened.kind !== 'verified') {
      throw new CliError(`${file} is no checkpoint under a key that you gave with --key`)
    }
    found.push({ by: file, size: opened.checkpoint.size, root: opened.checkpoint.root })
  }
  return found
}

/** The file was read, and is not whole. Anything else that fails means that nobody could look. */
const isDamage = (error: unknown): boolean =>
  error instanceof CliError && isHubError(error.cause, 'ERR_INVALID_VALUE')

/** Since the backup the log has grown: others remember more. */
const isUsable = ({ kind }: RestoreVerdict): boolean => kind === 'ok' || kind === 'rollback'

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

function plain({ header, collections, waiting, verdict }: BackupCheck) {
  return { ...header, collections, waiting, ledger: verdict }
}

function describe(file: string, { header, collections, waiting, verdict }: BackupCheck): string {
  return [
    `${file}: whole, of ${header.at}, ${sum(collections)} rows`,
    `Opens with master key ${header.masterKeys.join(' and ') || '(none was used yet)'}`,
    ledgerLine(verdict),
    ...(waiting === 0
      ? []
      : [`${waiting} entries waited for the ledger; they are sealed after a restore.`]),
  ].join('\n')
}

function ledgerLine(verdict: RestoreVerdict): string {
  switch (verdict.kind) {
    case 'ok':
      return `The ledger: ${verdict.size} entries, as signed.`
    case 'rollback':
      return `The ledger: ${verdict.size} entries, as signed. ${verdict.by} remembers ${verdict.to}: after a restore, put entries ${verdict.from} to ${verdict.to - 1} back with quittance ledger recover.`
    case 'split-view':
      return `SPLIT VIEW: at ${verdict.at} entries this is another log than ${verdict.by} remembers. Keep both: together they are the evidence.`
    case 'damaged':
      return `DAMAGED: the entries are ${verdict.reason}. Do not restore this backup.`
  }
}
