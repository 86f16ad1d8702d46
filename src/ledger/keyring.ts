import type { KeyObject } from 'node:crypto'
import { ed25519PublicKey, type Leaf, leafSignedBy, readLeaf } from './leaf.ts'

export type KeyRole = 'log' | 'worker' | 'cosigner' | 'manifest'

export interface AnnouncedKey {
  kid: string
  role: KeyRole
  publicKey: KeyObject
}

/** Which keys may sign entries. A key is in here because the log's own key announced it in a `log.key` entry. */
export type Keyring = ReadonlyMap<string, AnnouncedKey>

/**
 * Builds the keyring out of announcements, in log order. Somebody who can only write to the database cannot
 * add a key: every announcement must be signed by a log key that is trusted already.
 *
 * @param roots the keys that everything hangs on: the log's own, and those it had before
 * @param leaves `log.key` entries, verbatim
 * @returns the keyring, and the indices of leaves that were not believed
 */
export async function buildKeyring(
  roots: readonly AnnouncedKey[],
  leaves: readonly Uint8Array[],
): Promise<{ keyring: Keyring; refused: number[] }> {
  const keyring = new Map(roots.map((root) => [root.kid, root]))
  const refused: number[] = []
  for (const [i, bytes] of leaves.entries()) {
    const key = await announcedKey(bytes, keyring)
    if (key === undefined) refused.push(i)
    else if (!keyring.has(key.kid)) keyring.set(key.kid, key)
  }
  return { keyring, refused }
}

/** Who signed an entry, or why it counts as nobody. */
export type SignedBy =
  | { kind: 'signed' }
  | { kind: 'unknown-key' }
  | { kind: 'wrong-role'; role: KeyRole }
  | { kind: 'bad-signature' }

/** Only the log's own key speaks about the log itself; only workers speak about the work. */
export async function signedBy(leaf: Leaf, keyring: Keyring): Promise<SignedBy> {
  const key = keyring.get(leaf.kid)
  if (key === undefined) return { kind: 'unknown-key' }
  const { role } = key
  const needed: KeyRole = leaf.body.type.startsWith('log.') ? 'log' : 'worker'
  if (role !== needed) return { kind: 'wrong-role', role }
  return { kind: (await leafSignedBy(leaf, key.publicKey)) ? 'signed' : 'bad-signature' }
}

/** The key that a `log.key` entry announces, when a trusted log key signed the entry. */
export async function announcedKey(
  bytes: Uint8Array,
  keyring: Keyring,
): Promise<AnnouncedKey | undefined> {
  const read = readLeaf(bytes)
  if (read.kind === 'refused' || read.leaf.body.type !== 'log.key') return undefined
  const by = keyring.get(read.leaf.kid)
  if (by?.role !== 'log' || !(await leafSignedBy(read.leaf, by.publicKey))) return undefined
  const { kid, role, public_key } = read.leaf.body
  return { kid, role, publicKey: ed25519PublicKey(Buffer.from(public_key, 'base64url')) }
}
