import { join } from 'node:path'
import { command, type MakeContext, type noun } from './context.ts'
import { print } from './output.ts'
import { told } from './told.ts'

/** Adds `quittance ledger rotate-key`. It works on files, where the signer runs; a running one is not disturbed. */
export function registerRotation(ledger: ReturnType<typeof noun>, context: MakeContext): void {
  command(ledger, 'rotate-key', "give the log a new key; run it where the signer's keys are")
    .option('--finish', 'the new key alone signs from the next start; the old one goes out of use')
    .option('--keys <directory>', "folder of the signer's keys (default DATA_DIR/keys)")
    .action(async (options: { finish?: boolean; keys?: string; json?: boolean }) => {
      const { output, env } = context(options)
      const folder = options.keys ?? join(env['DATA_DIR'] || './.data', 'keys')
      const { beginRotation, finishRotation } = await import('../ledger/rotation.ts')
      const rotate = options.finish === true ? finishRotation : beginRotation
      const keys = await told(() => rotate(folder))
      print(output, keys, () =>
        options.finish === true
          ? `Restart the signer: from then on only the new key signs.\n  new  ${keys.next}\n  old  ${keys.old}\nKeep the old public key pinned beside the new one; delete the file of its private half.`
          : `Restart the signer: from then on both keys sign.\n  old  ${keys.old}\n  new  ${keys.next}\nHand out the new key, then: quittance ledger rotate-key --finish`,
      )
    })
}
