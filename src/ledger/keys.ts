import { createPublicKey, hash, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { HubError } from '../shared/errors.ts'
import { type CheckpointKey, localKey } from './checkpoint-key.ts'
import type { AnnouncedKey, KeyRole } from './keyring.ts'
import {
  COSIGNATURE,
  createNoteSigner,
  ED25519,
  formatSkey,
  type NoteSigner,
  parseSkey,
  parseVkey,
  type Verifier,
} from './note.ts'

/** The keys of the process that signs. They never leave its machine, or the service that keeps them. */
export interface LedgerKeys {
  /** Signs checkpoints, and the entries that speak about the log itself. */
  log: CheckpointKey
  /** The successor of `log`: signs beside it, from the time that the log holds its announcement. */
  next?: CheckpointKey
  /** Former keys of this log, oldest first: what they announced stays believed. */
  former: readonly Verifier[]
  /** Adds a signed time to each checkpoint. */
  cosigner: CheckpointKey
}

/** Names in the directory of keys; rotation.ts moves them. */
export const KEY_FILES = {
  log: 'log.key',
  next: 'log-next.key',
  /** One vkey per line. */
  former: 'log-former.vkeys',
  cosigner: 'cosigner.key',
} as const

/** Whoever holds one of these may announce keys: the log's own key and its predecessors. */
export function logRoots(keys: readonly Verifier[]): AnnouncedKey[] {
  return keys.map(({ raw, publicKey }) => ({ kid: kidOf('log', raw), role: 'log', publicKey }))
}

/**
 * Loads `log.key` and `cosigner.key`, and makes them when the directory has none. One line each, in the form
 * of Go's sumdb/note: `PRIVATE+KEY+<name>+<key id>+<base64>`.
 *
 * @param directory created with mode 0700 when missing; not in the database, not in its backups
 * @throws HubError ERR_LEDGER for a file that others may read, that is no key, or is the key of another log
 */
export async function loadLedgerKeys(directory: string, origin: string): Promise<LedgerKeys> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = (file: keyof typeof KEY_FILES): string => join(directory, KEY_FILES[file])
  const next = await readKey(path('next'), origin, ED25519)
  const log = await readKey(path('log'), origin, ED25519)
  if (log === undefined && next !== undefined) {
    throw new HubError(
      'ERR_LEDGER',
      `${path('log')} is missing beside ${KEY_FILES.next}: run "quittance ledger rotate-key --finish" again`,
    )
  }
  const cosigner = cosignerName(origin)
  return {
    log: localKey(log ?? (await makeKey(path('log'), origin, ED25519))),
    ...(next === undefined ? {} : { next: localKey(next) }),
    former: await formerKeys(path('former'), origin),
    cosigner: localKey(
      (await readKey(path('cosigner'), cosigner, COSIGNATURE)) ??
        (await makeKey(path('cosigner'), cosigner, COSIGNATURE)),
    ),
  }
}

/** Public keys that this log had before, one vkey per line; none when there is no file. */
async function formerKeys(path: string, origin: string): Promise<Verifier[]> {
  const text = await textOrUndefined(path)
  return (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const verifier = parseVkey(line)
      if (verifier?.name === origin && verifier.type === ED25519) return verifier
      throw new HubError('ERR_LEDGER', `${path} holds a line that is no key of ${origin}`)
    })
}

/** The text of a file; undefined when there is none. */
export async function textOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export function cosignerName(origin: string): string {
  return `${origin}/cosigner`
}

/** @returns undefined when there is no such file */
async function readKey(path: string, name: string, type: number): Promise<NoteSigner | undefined> {
  const text = await textOrUndefined(path)
  if (text === undefined) return undefined
  if (((await stat(path)).mode & 0o077) !== 0) {
    throw new HubError('ERR_LEDGER', `${path} is readable by others; chmod 600 it`)
  }
  const signer = parseSkey(text.trim())
  if (signer === undefined || signer.verifier.type !== type) {
    throw new HubError('ERR_LEDGER', `${path} holds no key of the expected kind`)
  }
  if (signer.verifier.name !== name) {
    throw new HubError(
      'ERR_LEDGER',
      `${path} is the key of ${signer.verifier.name}, this log is ${name}`,
    )
  }
  return signer
}

/** `wx`: two processes that start together cannot each make a key. Synced before anything is signed with it. */
export async function makeKey(path: string, name: string, type: number): Promise<NoteSigner> {
  const signer = createNoteSigner(name, type, randomBytes(32))
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`${formatSkey(signer)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  return signer
}

/** A private key under the id that the log announces it by. */
export interface EntryKey extends AnnouncedKey {
  privateKey: KeyObject
}

/**
 * The key that workers and the intake sign entries with. All processes of one hub derive the same one from
 * the master key, which the database never sees; so no key has to be handed around.
 *
 * @param masterKey 32 bytes
 */
export function workerKey(masterKey: Buffer): WorkerKey {
  const key = derivedKey('worker', masterKey, 'quittance/entry-signing/v1')
  return { ...key, macKey: derivedSecret(masterKey, 'quittance/ledger-intake/v1') }
}

export interface WorkerKey extends EntryKey {
  /** 32 bytes; see intake-mac.ts. */
  macKey: Buffer
}

export type ManifestKey = EntryKey & { readonly role: 'manifest' }

/** The key that the manifests of certificates are signed with, and nothing else; derived like `workerKey`. */
export function manifestKey(masterKey: Buffer): ManifestKey {
  const key = derivedKey('manifest', masterKey, 'quittance/certificate-manifest/v1')
  return { ...key, role: 'manifest' }
}

function derivedKey(role: KeyRole, masterKey: Buffer, context: string): EntryKey {
  return entryKey(role, createNoteSigner(role, ED25519, derivedSecret(masterKey, context)))
}

function derivedSecret(masterKey: Buffer, context: string): Buffer {
  if (masterKey.length !== 32) throw new HubError('ERR_MASTER_KEY', 'a master key has 32 bytes')
  return Buffer.from(hkdfSync('sha256', masterKey, '', context, 32))
}

/** A note key in the role of a signer of entries. */
export function entryKey(role: KeyRole, { verifier, privateKey }: NoteSigner): EntryKey {
  return {
    kid: kidOf(role, verifier.raw),
    role,
    publicKey: createPublicKey(privateKey),
    privateKey,
  }
}

/** `<role>-<16 hex digits of SHA-256 of the key>`. @param raw 32 bytes of an Ed25519 public key */
export function kidOf(role: KeyRole, raw: Uint8Array): string {
  return `${role}-${hash('sha256', raw, 'hex').slice(0, 16)}`
}
