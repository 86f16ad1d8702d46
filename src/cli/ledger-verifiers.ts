import { parseVkey, type Verifier } from '../ledger/note.ts'
import { CliError } from './api-client.ts'

/** The public keys that somebody typed. @throws CliError when one is none */
export function verifiers(vkeys: readonly string[]): Verifier[] {
  const parsed = vkeys.flatMap((vkey) => parseVkey(vkey) ?? [])
  if (parsed.length !== vkeys.length) throw new CliError('--key is no vkey of a log')
  return parsed
}
