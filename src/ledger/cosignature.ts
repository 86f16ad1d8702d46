import { sign, verify } from 'node:crypto'
import type { CheckpointKey } from './checkpoint-key.ts'
import {
  COSIGNATURE,
  type Note,
  type NoteSignature,
  type NoteSigner,
  type Verifier,
  verifierOf,
} from './note.ts'

/**
 * `cosignature/v1`: a second key states that at this time it saw this checkpoint as the newest one. C2SP
 * tlog-cosignature; the line holds a 64-bit time in seconds and an Ed25519 signature.
 */
const SIZE = 8 + 64

/** @param seconds POSIX time; @param text the checkpoint's text, with its final newline */
export function cosign(text: string, signer: NoteSigner, seconds: number): NoteSignature {
  const { verifier, privateKey } = signer
  if (verifier.type !== COSIGNATURE) throw new RangeError('not a cosigner key')
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(seconds))
  const signature = sign(null, signedBytes(text, String(seconds)), privateKey)
  return { name: verifier.name, keyId: verifier.keyId, bytes: Buffer.concat([time, signature]) }
}

/** The same, by a key that may live elsewhere. */
export async function cosignWith(
  text: string,
  { verifier, sign: signed }: CheckpointKey,
  seconds: number,
): Promise<NoteSignature> {
  if (verifier.type !== COSIGNATURE) throw new RangeError('not a cosigner key')
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(seconds))
  const signature = await signed(signedBytes(text, String(seconds)))
  return { name: verifier.name, keyId: verifier.keyId, bytes: Buffer.concat([time, signature]) }
}

export interface Cosignature {
  by: Verifier
  /** POSIX time, in seconds. */
  seconds: number
}

export type ReadCosignatures =
  | { kind: 'read'; cosignatures: readonly Cosignature[] }
  | { kind: 'bad-signature'; by: string }

/** The cosignatures of trusted keys on a note; lines of unknown keys are ignored, one bad line refuses. */
export function readCosignatures(note: Note, trusted: readonly Verifier[]): ReadCosignatures {
  const found = new Map<Verifier, Cosignature>()
  for (const signature of note.signatures) {
    const by = verifierOf(signature, trusted, COSIGNATURE)
    if (by === undefined || found.has(by)) continue
    const { bytes } = signature
    if (bytes.length !== SIZE) return { kind: 'bad-signature', by: by.name }
    const seconds = bytes.readBigUInt64BE()
    const valid = verify(
      null,
      signedBytes(note.text, seconds.toString()),
      by.publicKey,
      bytes.subarray(8),
    )
    if (!valid) return { kind: 'bad-signature', by: by.name }
    found.set(by, { by, seconds: Number(seconds) })
  }
  return { kind: 'read', cosignatures: [...found.values()] }
}

function signedBytes(text: string, seconds: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
}
