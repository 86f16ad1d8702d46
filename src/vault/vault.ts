import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { HubError } from '../shared/errors.ts'

/** AES-256-GCM: 12 bytes nonce, 16 bytes tag, ciphertext. */
export type Sealed = Buffer

/** A data key under a master key: 8 bytes id of the master key, then the key, sealed. */
export type Wrapped = Buffer

const ID_BYTES = 8

/**
 * Envelope encryption. Each secret has a data key of its own, wrapped by the master key, so that a new
 * master key re-wraps keys and touches no ciphertext. `context` is authenticated, not encrypted: a
 * ciphertext moved to another record does not open.
 */
export interface Vault {
  /** Id of the master key that wraps, in hex; reveals nothing of it. Kept beside the data to notice a wrong key at start. */
  readonly fingerprint: string
  /** Ids of all keys that open, the one that wraps first. */
  readonly fingerprints: readonly string[]
  newKey(context: string): { key: Buffer; wrapped: Wrapped }
  /** @throws HubError ERR_MASTER_KEY when this vault has not that master key, or the context is another one */
  unwrap(wrapped: Wrapped, context: string): Buffer
  /**
   * The same data key under the master key that wraps now.
   * @throws HubError ERR_MASTER_KEY as `unwrap`
   */
  rewrap(wrapped: Wrapped, context: string): Wrapped
  seal(plaintext: Uint8Array, context: string): { wrapped: Wrapped; sealed: Sealed }
  open(box: { wrapped: Wrapped; sealed: Sealed }, context: string): Buffer
}

/**
 * @param masterKey 32 bytes; wraps and opens
 * @param others master keys that only open: the former one, or the coming one; 32 bytes each
 */
export function createVault(masterKey: Buffer, others: readonly Buffer[] = []): Vault {
  const keys = new Map([masterKey, ...others].map((key) => [fingerprintOf(key), key]))
  const [fingerprint = ''] = keys.keys()
  const wrap = (key: Buffer, context: string): Wrapped =>
    Buffer.concat([Buffer.from(fingerprint, 'hex'), encrypt(masterKey, key, `key|${context}`)])
  const unwrap = (wrapped: Wrapped, context: string): Buffer => {
    const id = wrappedBy(wrapped)
    const key = keys.get(id)
    if (key !== undefined) return decrypt(key, wrapped.subarray(ID_BYTES), `key|${context}`)
    throw new HubError(
      'ERR_MASTER_KEY',
      `a secret was sealed under master key ${id}; this process has ${[...keys.keys()].join(', ')}`,
    )
  }
  const newKey = (context: string): { key: Buffer; wrapped: Wrapped } => {
    const key = randomBytes(32)
    return { key, wrapped: wrap(key, context) }
  }
  return {
    fingerprint,
    fingerprints: [...keys.keys()],
    newKey,
    unwrap,
    rewrap: (wrapped, context) => wrap(unwrap(wrapped, context), context),
    seal: (plaintext, context) => {
      const { key, wrapped } = newKey(context)
      return { wrapped, sealed: encrypt(key, plaintext, context) }
    },
    open: ({ wrapped, sealed }, context) => decrypt(unwrap(wrapped, context), sealed, context),
  }
}

/** Id of the master key that a data key is wrapped under, in hex. */
export function wrappedBy(wrapped: Wrapped): string {
  return wrapped.toString('hex', 0, ID_BYTES)
}

function fingerprintOf(masterKey: Buffer): string {
  if (masterKey.length !== 32) {
    throw new HubError('ERR_MASTER_KEY', 'the master key must be 32 bytes')
  }
  const mac = createHmac('sha256', masterKey).update('fingerprint').digest()
  return mac.toString('hex', 0, ID_BYTES)
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
