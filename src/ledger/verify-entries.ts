import { compactVerify, errors } from 'jose'
import { entryName, JWS_ALG, proofName } from './certificate-format.ts'
import type { Checkpoint } from './checkpoint.ts'
import { buildKeyring, type Keyring, type SignedBy, signedBy } from './keyring.ts'
import { logRoots } from './keys.ts'
import { type Leaf, readLeaf } from './leaf.ts'
import type { Verifier } from './note.ts'
import { verifyInclusion } from './proofs.ts'
import { parseTlogProof } from './tlog-proof.ts'
import { leafHash } from './tree.ts'
import { type Files, fileText, Refused } from './verify-files.ts'

/** An entry of which it is proved that it stands in the log. */
export interface Included {
  index: number
  leafHash: string
  bytes: Buffer
  leaf: Leaf
  file: string
}

/**
 * Reads the entries and holds each proof against the checkpoint. Size and root come from the one verified checkpoint: a
 * proof does not authenticate them.
 */
export function includedLeaves(files: Files, checkpoint: Checkpoint): Included[] {
  const included: Included[] = []
  for (let i = 0; files.has(entryName(i)) || files.has(proofName(i)); i += 1) {
    const file = entryName(i)
    const bytes = files.get(file)
    if (bytes === undefined) throw new Refused('inclusion', 'a proof has no entry', proofName(i))
    const proof = parseTlogProof(fileText(files, proofName(i), 'inclusion'))
    if (proof === undefined) throw new Refused('inclusion', 'it is no proof', proofName(i))
    if (proof.checkpoint !== fileText(files, 'checkpoint', 'inclusion')) {
      throw new Refused('inclusion', 'it leads to another checkpoint', proofName(i))
    }
    const hashed = leafHash(bytes)
    const { size, root } = checkpoint
    const claim = { index: proof.index, size, root, leafHash: hashed, proof: proof.proof }
    if (!verifyInclusion(claim)) throw new Refused('inclusion', 'it is not in the log', file)
    const read = readLeaf(bytes)
    if (read.kind === 'refused') throw new Refused('inclusion', `the entry is ${read.reason}`, file)
    if (read.leaf.body.log !== checkpoint.origin) {
      throw new Refused('inclusion', 'the entry is of another log', file)
    }
    const { leaf } = read
    included.push({ index: proof.index, leafHash: hashed.toString('hex'), bytes, leaf, file })
  }
  const paired = included.length * 2
  const present = [...files.keys()].filter((name) => /^(entries|proofs)\//.test(name)).length
  if (paired !== present) throw new Refused('inclusion', 'entries are not numbered without a gap')
  return included
}

/**
 * Each entry under the key that it names; each key announced by an entry that a key of the log signed.
 *
 * @param logKeys all keys of this log that the verifier believes: the one that signed the checkpoint, and former ones
 */
export async function checkSignatures(
  included: readonly Included[],
  logKeys: readonly Verifier[],
  origin: string,
): Promise<Keyring> {
  const announcements = included.filter(({ leaf }) => leaf.body.type === 'log.key')
  const { keyring } = await buildKeyring(
    logRoots(logKeys),
    announcements.map(({ bytes }) => bytes),
  )
  for (const { leaf, file } of included) {
    const by = await signedBy(leaf, keyring)
    if (by.kind !== 'signed') {
      throw new Refused('signatures', whyNot(by, leaf, origin), file)
    }
  }
  return keyring
}

function whyNot(by: Exclude<SignedBy, { kind: 'signed' }>, leaf: Leaf, origin: string): string {
  switch (by.kind) {
    case 'unknown-key':
      return `the log ${origin} announced no key ${leaf.kid}`
    case 'wrong-role':
      return `a key for ${by.role} may not sign this`
    case 'bad-signature':
      return 'the signature is wrong'
  }
}

/** The manifest under a key that the log announced for manifests. */
export async function checkManifestSignature(files: Files, keyring: Keyring): Promise<void> {
  const [header, payload, signature] = fileText(files, 'manifest.jws', 'manifest').split('.')
  if (header === undefined || payload !== '' || signature === undefined) {
    throw new Refused('manifest', 'it is no detached signature', 'manifest.jws')
  }
  const body = files.get('manifest.json')?.toString('base64url') ?? ''
  try {
    await compactVerify(
      `${header}.${body}.${signature}`,
      ({ kid }) => {
        const key = keyring.get(kid ?? '')
        if (key?.role !== 'manifest') {
          throw new Refused(
            'manifest',
            'the log announced no such key for manifests',
            'manifest.jws',
          )
        }
        return key.publicKey
      },
      { algorithms: [JWS_ALG] },
    )
  } catch (error) {
    if (error instanceof errors.JOSEError) {
      throw new Refused('manifest', 'the signature is wrong', 'manifest.jws')
    }
    throw error
  }
}
