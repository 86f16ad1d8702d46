import { sign } from 'node:crypto'
import type { NoteSigner, Verifier } from './note.ts'

/**
 * A key that signs checkpoints, wherever it lives. The file in `DATA_DIR/keys` is one implementation; a key
 * management service that can sign with Ed25519 (RFC 8032, not prehashed) is another.
 */
export interface CheckpointKey {
  /** Public half, with its name; `formatVkey` spells it. */
  readonly verifier: Verifier
  /**
   * @returns 64 bytes: the signature of exactly these bytes
   * @throws when it could not sign; the checkpoint is tried again later
   */
  sign(bytes: Buffer): Promise<Buffer>
}

/** A key that this process holds itself. */
export function localKey({ verifier, privateKey }: NoteSigner): CheckpointKey {
  return { verifier, sign: async (bytes) => sign(null, bytes, privateKey) }
}
