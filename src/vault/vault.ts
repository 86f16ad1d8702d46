import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { HubError } from '../shared/errors.ts'

/** AES-256-GCM: 12 bytes nonce, 16 bytes tag, ciphertext. */
export type Sealed = Buffer

/**
 * Envelope encryption. Each secret has a data key of its own, wrapped by the master key, so that a new
 * master key re-wraps keys and touches no ciphertext. `context` is authenticated, not encrypted: a
 * ciphertext moved to another record does not open.
 */
export interface Vault {
  /** Names the master key without revealing it; kept beside the data to notice a wrong key at start. */
  readonly fingerprint: string
  newKey(context: string): { key: Buffer; wrapped: Sealed }
  /** @throws HubError ERR_MASTER_KEY when the master key or the context is another one */
  unwrap(wrapped: Sealed, context: string): Buffer
  seal(plaintext: Uint8Array, context: string): { wrapped: Sealed; sealed: Sealed }
  open(box: { wrapped: Sealed; sealed: Sealed }, context: string): Buffer
}

/** @param masterKey 32 bytes */
export function createVault(masterKey: Buffer): Vault {
  if (masterKey.length !== 32)
    throw new HubError('ERR_MASTER_KEY', 'the master key must be 32 bytes')
  const unwrap = (wrapped: Sealed, context: string): Buffer =>
    decrypt(masterKey, wrapped, `key|${context}`)
  const newKey = (context: string): { key: Buffer; wrapped: Sealed } => {
    const key = randomBytes(32)
    return { key, wrapped: encrypt(masterKey, key, `key|${context}`) }
  }
  return {
    fingerprint: createHmac('sha256', masterKey).update('fingerprint').digest('hex').slice(0, 16),
    newKey,
    unwrap,
    seal: (plaintext, context) => {
      const { key, wrapped } = newKey(context)
      return { wrapped, sealed: encrypt(key, plaintext, context) }
    },
    open: ({ wrapped, sealed }, context) => decrypt(unwrap(wrapped, context), sealed, context),
  }
}

/** Encrypts under a data key. */
export function encrypt(key: Buffer, plaintext: Uint8Array, context: string): Sealed {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext])
}

/** @throws HubError ERR_MASTER_KEY when the key, the context or the bytes are not those of `encrypt` */
export function decrypt(key: Buffer, sealed: Sealed, context: string): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
    decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(12, 28))
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
  } catch (error) {
    throw new HubError('ERR_MASTER_KEY', 'a secret does not open with this key', { cause: error })
  }
}
