import type { Command } from 'commander'
import { createVault } from '../vault/vault.ts'
import { command, type MakeContext, noun } from './context.ts'
import { masterKeyOf, withDatabase } from './database.ts'
import { print } from './output.ts'

/** Adds `quittance keys …`: the master key, and what is wrapped under it. */
export function registerKeys(program: Command, context: MakeContext): void {
  const keys = noun(program, 'keys', 'the master key and its change')

  command(keys, 'status', 'which master keys do the data need, and which are here?').action(
    async (options: { json?: boolean }) => {
      const { output, env } = context(options)
      const found = await withDatabase(env, ['MASTER_KEY'], async (connection, config) => {
        const { masterKeysInUse } = await import('../storage/master-key.ts')
        const { countOthers } = await import('../storage/rewrap.ts')
        const masterKey = await masterKeyOf(config)
        const vault = createVault(masterKey, config.otherMasterKeys)
        return {
          wraps: vault.fingerprint,
          opens: vault.fingerprints,
          needed: await masterKeysInUse(connection),
          underOthers: await countOthers(connection, vault),
        }
      })
      print(output, found, () =>
        [
          `Here: ${found.wraps} wraps; ${found.opens.join(', ')} open`,
          `The data need: ${found.needed.join(', ') || 'none yet'}`,
          `${found.underOthers} keys are wrapped under another master key than ${found.wraps}.`,
        ].join('\n'),
      )
    },
  )

  command(keys, 'rewrap', 'wrap every stored key under MASTER_KEY; then the other one can go')
    .addHelpText(
      'after',
      '\nReads MONGODB_URI, MONGODB_DB, DATA_DIR, MASTER_KEY and MASTER_KEY_OTHER as the hub does. Hubs may run, with both keys.' +
        '\nBroken off, it goes on where it was. docs/operations.md has the steps of a change.',
    )
    .action(async (options: { json?: boolean }) => {
      const { output, env, progress } = context(options)
      const wrapped = await withDatabase(env, ['MASTER_KEY'], async (connection, config) => {
        const { rewrapAll } = await import('../storage/rewrap.ts')
        const masterKey = await masterKeyOf(config)
        return await rewrapAll(
          connection,
          createVault(masterKey, config.otherMasterKeys),
          ({ collection, done, total }) => progress.show(`${collection} ${done}`, done / total),
        )
      }).finally(progress.done)
      print(output, { wrapped }, () => {
        const lines = Object.entries(wrapped).map(([name, count]) => `  ${name}  ${count}`)
        return [
          'Wrapped anew:',
          ...lines,
          'Nothing needs the other key any more. Restart every hub without MASTER_KEY_OTHER; keep the old key as long as you keep backups from before.',
        ].join('\n')
      })
    })
}
