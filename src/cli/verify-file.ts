import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseVkey } from '../ledger/note.ts'
import { logOnlyPolicy, type Policy, parsePolicy } from '../ledger/policy.ts'
import { certificatesIn } from '../ledger/timestamp.ts'
import { type Verification, verifyCertificate } from '../ledger/verify.ts'
import { cameBack, describeVerification } from './verify-text.ts'

/** Exit codes of `quittance verify`. Scripts rely on them. */
const EXIT = {
  /** Proved, and nothing is open. */
  complete: 0,
  /** Not to be believed. */
  refused: 1,
  /** What is there verifies, but something is open or came back, or nobody said whose signature to believe. */
  incomplete: 2,
} as const

/** What the reader trusts, and how it is printed. */
export interface VerifyOptions {
  key?: string[]
  policy?: string
  tsa?: string
  json?: boolean
}

/**
 * @param print takes text with its line ends
 * @returns the exit code
 */
export async function verifyCommand(
  file: string,
  options: VerifyOptions,
  print: (text: string) => void,
): Promise<number> {
  const read = await load(file, options)
  if (read.kind === 'unable') {
    print(options.json === true ? `${JSON.stringify(read)}\n` : `Could not check: ${read.reason}\n`)
    return EXIT.incomplete
  }
  const result = await verifyCertificate(read.archive, read.policy, read.authorities)
  print(options.json === true ? `${JSON.stringify(result)}\n` : describeVerification(result))
  return exitCode(result)
}

export function exitCode(result: Verification): number {
  if (result.kind === 'refused') return EXIT.refused
  return result.completeness === 'complete' && result.trust === 'pinned' && !cameBack(result)
    ? EXIT.complete
    : EXIT.incomplete
}

type Loaded =
  | {
      kind: 'loaded'
      archive: Buffer
      policy: Policy | undefined
      authorities: X509Certificate[]
    }
  | { kind: 'unable'; reason: string }

async function load(file: string, options: VerifyOptions): Promise<Loaded> {
  try {
    const policy = await trusted(options)
    if (typeof policy === 'string') return { kind: 'unable', reason: policy }
    const { tsa } = options
    const authorities = tsa === undefined ? [] : certificatesIn(await readFile(tsa, 'utf8'))
    if (tsa !== undefined && authorities.length === 0) {
      return { kind: 'unable', reason: `${tsa} holds no certificate` }
    }
    return { kind: 'loaded', archive: await readFile(file), policy, authorities }
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    return { kind: 'unable', reason: `${path ?? file} cannot be read (${code})` }
  }
}

/** @returns the reader's own trust, undefined when they named none, or what is wrong with it */
async function trusted({ key, policy }: VerifyOptions): Promise<Policy | string | undefined> {
  if (policy !== undefined) {
    const read = parsePolicy(await readFile(policy, 'utf8'))
    return read.kind === 'policy' ? read.policy : `${policy}: ${read.reason}`
  }
  if (key === undefined) return undefined
  const verifiers = key.flatMap((vkey) => parseVkey(vkey) ?? [])
  return verifiers.length === key.length
    ? logOnlyPolicy(verifiers)
    : '--key is no vkey; it looks like hub.example.com/ledger+0123abcd+AQ…'
}
