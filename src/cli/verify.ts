import { type Command, Option } from 'commander'
import type { VerifyOptions } from './verify-file.ts'

/** Adds `verify` to the program. It works without the hub, without its database and without a network. */
export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('verify a certificate, offline')
    .argument('<file>', 'a .quittance.zip')
    .addOption(
      new Option(
        '--key <vkey...>',
        'public key of the log, as you got it from somebody you trust',
      ).conflicts('policy'),
    )
    .option('--policy <file>', 'C2SP tlog-policy: keys of the log, witnesses, quorum')
    .option('--tsa <file>', 'certificate (PEM) of a time-stamping authority, or of its issuer')
    .option('--json', 'machine-readable result')
    .addHelpText(
      'after',
      '\nExit codes: 0 proved and complete, 1 refused, 2 verified but incomplete or not checked against a key of yours',
    )
    .action(async (file: string, options: VerifyOptions) => {
      const { verifyCommand } = await import('./verify-file.ts')
      process.exitCode = await verifyCommand(file, options, (text) => process.stdout.write(text))
    })
}
