import type { Verifier } from '../ledger/note.ts'
import { CliError } from './api-client.ts'

/** The public keys that somebody typed. @throws CliError when one is none */
export async function verifiers(vkeys: readonly string[]): Promise<Verifier[]> {
  const { parseVkey } = await import('../ledger/note.ts')
  const parsed = vkeys.flatMap((vkey) => parseVkey(vkey) ?? [])
  if (parsed.length !== vkeys.length) throw new CliError('--key is no vkey of a log')
  return parsed
}
