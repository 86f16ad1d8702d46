import { appendFile, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { HubError } from '../shared/errors.ts'
import { KEY_FILES, makeKey, textOrUndefined } from './keys.ts'
import { ED25519, formatVkey, parseSkey, type Verifier } from './note.ts'
import { createSignerStateFile } from './signer-state.ts'

/**
 * Makes the successor of the log's own key. The signer takes it up at its next start: the old key announces it in
 * the log, then both sign every checkpoint. Nothing that is running is disturbed.
 *
 * @param directory DATA_DIR/keys of the signer
 * @returns both public keys, for whoever pins them
 * @throws HubError ERR_LEDGER when there is no key yet, or a rotation is under way
 */
export async function beginRotation(directory: string): Promise<{ old: string; next: string }> {
  const old = await keyIn(directory, 'log')
  if (old === undefined) throw refused(`${join(directory, KEY_FILES.log)} is no key of a log`)
  if ((await keyIn(directory, 'next')) !== undefined) {
    throw refused('a rotation is under way already; finish it with --finish')
  }
  const next = await makeKey(join(directory, KEY_FILES.next), old.name, ED25519)
  return { old: formatVkey(old), next: formatVkey(next.verifier) }
}

/**
 * The successor becomes the log's key, from the signer's next start. The private half of the old one goes out of use (its
 * file is kept as `log-former-<key id>.key`: delete it), its public half stays believed for what it signed.
 *
 * Repeated after a crash, it goes on where it was.
 *
 * @throws HubError ERR_LEDGER unless the successor has signed a checkpoint beside the old key
 */
export async function finishRotation(directory: string): Promise<{ old: string; next: string }> {
  const next = await keyIn(directory, 'next')
  if (next === undefined) throw refused('no rotation is under way')
  const state = await createSignerStateFile(join(directory, 'signer-state.json')).load()
  if (state?.signedBy?.includes(formatVkey(next)) !== true) {
    throw refused(
      'the new key has not signed yet: restart the signer, wait for the next checkpoint, hand out the new key',
    )
  }
  const path = (file: keyof typeof KEY_FILES): string => join(directory, KEY_FILES[file])
  const old = await keyIn(directory, 'log')
  if (old !== undefined) {
    const lines = (await textOrUndefined(path('former'))) ?? ''
    if (!lines.split('\n').includes(formatVkey(old))) {
      await appendFile(path('former'), `${formatVkey(old)}\n`, { flush: true })
    }
    await rename(path('log'), join(directory, `log-former-${old.keyId}.key`))
  }
  await rename(path('next'), path('log'))
  const handle = await open(directory, 'r')
  await handle.sync().finally(() => handle.close())
  const lines = ((await textOrUndefined(path('former'))) ?? '').trim().split('\n')
  return { old: lines.at(-1) ?? '', next: formatVkey(next) }
}

async function keyIn(directory: string, file: 'log' | 'next'): Promise<Verifier | undefined> {
  const text = await textOrUndefined(join(directory, KEY_FILES[file]))
  return text === undefined ? undefined : parseSkey(text.trim())?.verifier
}

const refused = (sentence: string): HubError => new HubError('ERR_LEDGER', sentence)
