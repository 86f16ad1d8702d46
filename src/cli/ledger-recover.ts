import { command, type MakeContext, type noun } from './context.ts'
import { print } from './output.ts'
import type { Recovered } from './recover-log.ts'
import { told } from './told.ts'

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
      const { recover } = await import('./recover-log.ts')
      const recovery = await told(() => recover(process.env, options, api)).catch(
        (error: unknown) => {
          setExitCode(2)
          throw error
        },
      )
      print(output, recovery, () => describe(recovery))
      if (recovery.kind !== 'recovered') setExitCode(1)
    })
}

function describe(recovery: Recovered): string {
  const { skipped } = recovery
  const [first] = skipped
  if (first === undefined) return ending(recovery)
  // A shorter log than the one that was signed is the price of a key that was not named.
  return `${ending(recovery)}
PASSED OVER ${skipped.length} checkpoints that none of these keys has signed, the newest ${first}. Is a --key missing?`
}

function ending(recovery: Recovered): string {
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
