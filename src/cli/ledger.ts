import { rename, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Growth } from '../ledger/monitor.ts'
import type { Verifier } from '../ledger/note.ts'
import { type ApiClient, CliError } from './api-client.ts'
import { command, type MakeContext, noun } from './context.ts'
import { exportTo, fileOrNull, hubSource, sourceOf } from './ledger-export.ts'
import { registerRotation } from './ledger-keys.ts'
import { registerRecover } from './ledger-recover.ts'
import { registerRestoreCheck } from './ledger-restore.ts'
import { verifiers } from './ledger-verifiers.ts'
import { print } from './output.ts'

/** Adds `quittance ledger …`: what an auditor keeps an eye on the log with. */
export function registerLedger(program: Command, context: MakeContext): void {
  const ledger = noun(program, 'ledger', 'keep an eye on the log')

  command(ledger, 'keys', 'public keys of the log; pin them once, over another channel').action(
    async (options) => {
      const { api, output } = context(options)
      const keys = await api.json<{ log: string[]; cosigner: string[] }>('GET', '/ledger/keys')
      print(output, keys, () =>
        [
          ...keys.log.map((key) => `log (pin this one)  ${key}`),
          ...keys.cosigner.map((key) => `cosigner            ${key}`),
        ].join('\n'),
      )
    },
  )

  command(ledger, 'monitor', 'is the log still the one that was shown before? For cron')
    .requiredOption('--key <vkey...>', 'public key of the log')
    .requiredOption('--state <file>', 'where the last checkpoint is kept, away from the hub')
    .addHelpText('after', '\nExit codes: 0 the same log, 1 another one, 2 could not check')
    .action(async (options: { key: string[]; state: string; json?: boolean }) => {
      const { api, output, setExitCode } = context(options)
      const growth = await monitor(api, options.state, await verifiers(options.key)).catch(
        (error: unknown) => {
          if (!(error instanceof CliError)) throw error
          setExitCode(2)
          throw error
        },
      )
      print(output, growth, () => describe(growth))
      if (growth.kind === 'refused') setExitCode(1)
    })

  command(ledger, 'export <directory>', 'copy the whole log as static files (C2SP tlog-tiles)')
    .addHelpText(
      'after',
      '\nRepeated, it fetches what is new. Check it: quittance ledger fsck <directory>',
    )
    .action(async (directory: string, options: { json?: boolean }) => {
      const { api, output } = context(options)
      const size = await exportTo(directory, hubSource(api))
      print(output, { directory, size }, () => `${size} entries are in ${directory}.`)
    })

  command(ledger, 'fsck <place>', 'compute a log again: a directory, or the URL of a log')
    .requiredOption('--key <vkey...>', 'public key of the log, former ones too')
    .action(async (place: string, options: { key: string[]; json?: boolean }) => {
      const { api, output, setExitCode } = context(options)
      const { fsck } = await import('../ledger/fsck.ts')
      const report = await fsck(sourceOf(place, api), await verifiers(options.key))
      print(output, report, () =>
        report.faults.length === 0
          ? `Sound: ${report.size} entries, root ${report.root}`
          : ['DAMAGED', ...report.faults.map((fault) => `  ${fault}`)].join('\n'),
      )
      if (report.faults.length > 0) setExitCode(1)
    })

  registerRotation(ledger, context)
  registerRestoreCheck(ledger, context)
  registerRecover(ledger, context)
}

/** The kept checkpoint moves only after everything about the new one was verified. */
async function monitor(
  api: Pick<ApiClient, 'bytes' | 'json'>,
  state: string,
  keys: readonly Verifier[],
): Promise<Growth> {
  const known = (await fileOrNull(state))?.toString()
  const checkpoint = (await api.bytes('/ledger/checkpoint')).toString()
  const { parseCheckpoint } = await import('../ledger/checkpoint.ts')
  const { judgeGrowth } = await import('../ledger/monitor.ts')
  const { parseNote } = await import('../ledger/note.ts')
  const sizeOf = (note: string | undefined): number | undefined => {
    const text = note === undefined ? undefined : parseNote(note)?.text
    return text === undefined ? undefined : parseCheckpoint(text)?.size
  }
  const [before, now] = [known, checkpoint].map(sizeOf)
  const shown =
    before !== undefined && now !== undefined && before < now
      ? await api.json<{ checkpoint: string; proof: string[] }>(
          'GET',
          `/ledger/consistency/${before}`,
        )
      : { checkpoint, proof: undefined }
  const growth = judgeGrowth(known, shown, keys)
  if (growth.kind === 'grown' || growth.kind === 'first') {
    await writeFile(`${state}.new`, shown.checkpoint)
    await rename(`${state}.new`, state)
  }
  return growth
}

function describe(growth: Growth): string {
  switch (growth.kind) {
    case 'first':
      return `Kept the first checkpoint, ${growth.size} entries.`
    case 'grown':
      return `The same log, now ${growth.size} entries.`
    case 'unchanged':
      return `The same log, still ${growth.size} entries.`
    case 'refused':
      return `ANOTHER LOG: ${growth.reason}. Keep the state file and the checkpoint that is shown: together they are the evidence.`
  }
}
