import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import { parseVkey, type Verifier } from '../ledger/note.ts'
import { type Policy, parsePolicy } from '../ledger/policy.ts'
import { certificatesIn } from '../ledger/timestamp.ts'
import { HubError } from '../shared/errors.ts'

/** Whom the hub itself asks to cosign; undefined when nobody was named. */
export async function policyOf(file: string | undefined): Promise<Policy | undefined> {
  if (file === undefined) return undefined
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HubError('ERR_CONFIG', `LEDGER_POLICY_FILE: ${file} cannot be read`, { cause })
  })
  const read = parsePolicy(text)
  if (read.kind === 'policy') return read.policy
  throw new HubError('ERR_CONFIG', `LEDGER_POLICY_FILE: ${file}: ${read.reason}`)
}

/** Who stamps checkpoints; undefined when nobody was named. */
export async function authorityOf({
  ledgerTsaUrl: url,
  ledgerTsaCertificates: file,
}: Config): Promise<{ url: string; trusted: X509Certificate[] } | undefined> {
  if (url === undefined) return undefined
  const pem =
    file === undefined
      ? ''
      : await readFile(file, 'utf8').catch((cause: unknown) => {
          throw new HubError('ERR_CONFIG', `LEDGER_TSA_CERTIFICATES: ${file} cannot be read`, {
            cause,
          })
        })
  const trusted = certificatesIn(pem)
  if (trusted.length > 0) return { url, trusted }
  throw new HubError('ERR_CONFIG', 'LEDGER_TSA_CERTIFICATES must be a PEM file with a certificate')
}

/** The log's public keys that a sealing process without the signer trusts. @throws HubError ERR_CONFIG */
export function logVerifiers(vkeys: readonly string[], origin: string): Verifier[] {
  return vkeys.map((vkey) => {
    const verifier = parseVkey(vkey)
    if (verifier?.name === origin) return verifier
    throw new HubError('ERR_CONFIG', `LEDGER_LOG_KEY holds what is no key of ${origin}`)
  })
}
