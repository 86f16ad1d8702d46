import { createPrivateKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { ed25519PublicKey } from './leaf.ts'

/** Signature types of C2SP signed-note: how the bytes behind the key id are to be read. */
export const ED25519 = 0x01
export const COSIGNATURE = 0x04

/** A public key with a name. C2SP signed-note, "Verifier keys". */
export interface Verifier {
  name: string
  /** First four bytes of SHA-256(name || "\n" || type || key), as hex. A hint, not an identity. */
  keyId: string
  type: number
  publicKey: KeyObject
  /** 32 bytes. */
  raw: Buffer
}

export interface NoteSignature {
  name: string
  keyId: string
  /** What follows the key id. */
  bytes: Buffer
}

export interface Note {
  /** With its final newline; this is what is signed. */
  text: string
  signatures: readonly NoteSignature[]
}

/** C2SP asks for at least 16 signatures; an upper bound keeps a hostile note cheap. */
const MAX_SIGNATURES = 100
const MAX_NOTE_SIZE = 1_000_000

/** Not empty, no space of any kind, no `+`. C2SP signed-note, "Format". */
function isKeyName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  return name !== '' && !/[\s+\u0000-\u001f\u007f\u0085\ufffd]/u.test(name)
}

/** @param raw 32 bytes of an Ed25519 public key */
export function createVerifier(name: string, type: number, raw: Buffer): Verifier {
  if (!isKeyName(name)) throw new RangeError('a key name has no spaces and no "+"')
  if (raw.length !== 32) throw new RangeError('an Ed25519 public key has 32 bytes')
  return { name, keyId: keyId(name, type, raw), type, publicKey: ed25519PublicKey(raw), raw }
}

function keyId(name: string, type: number, raw: Buffer): string {
  const input = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([type]), raw])
  return hash('sha256', input, 'hex').slice(0, 8)
}

/** `<name>+<key id>+<base64 of type and key>`, as people exchange it. */
export function formatVkey({ name, keyId, type, raw }: Verifier): string {
  return `${name}+${keyId}+${Buffer.concat([Buffer.from([type]), raw]).toString('base64')}`
}

/** @returns undefined when it is no key, of an unknown type, or its id is not that of its bytes */
export function parseVkey(vkey: string): Verifier | undefined {
  const [name, id, encoded, ...rest] = splitVkey(vkey)
  if (name === undefined || id === undefined || encoded === undefined || rest.length > 0) {
    return undefined
  }
  const bytes = strictBase64(encoded)
  const type = bytes?.[0]
  if (bytes?.length !== 33 || (type !== ED25519 && type !== COSIGNATURE) || !isKeyName(name)) {
    return undefined
  }
  const verifier = createVerifier(name, type, bytes.subarray(1))
  return verifier.keyId === id ? verifier : undefined
}

/** The base64 part may hold `+`: only the first two separate. */
function splitVkey(vkey: string): string[] {
  const first = vkey.indexOf('+')
  const second = vkey.indexOf('+', first + 1)
  if (first < 0 || second < 0) return []
  return [vkey.slice(0, first), vkey.slice(first + 1, second), vkey.slice(second + 1)]
}

/** A private key with a name. */
export interface NoteSigner {
  verifier: Verifier
  privateKey: KeyObject
}

/** @param seed 32 bytes; the private key of RFC 8032 */
export function createNoteSigner(name: string, type: number, seed: Buffer): NoteSigner {
  // RFC 8410 §7: the fixed head of an Ed25519 private key in PKCS #8, then the 32 bytes.
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  const privateKey = createPrivateKey({
    key: Buffer.concat([head, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const x = privateKey.export({ format: 'jwk' }).x ?? ''
  return { verifier: createVerifier(name, type, Buffer.from(x, 'base64url')), privateKey }
}

/** `PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>`, the form of Go's sumdb/note. */
export function formatSkey({ verifier, privateKey }: NoteSigner): string {
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url')
  const encoded = Buffer.concat([Buffer.from([verifier.type]), seed]).toString('base64')
  return `PRIVATE+KEY+${verifier.name}+${verifier.keyId}+${encoded}`
}

/** @returns undefined when it is no private key or its id is not that of its public half */
export function parseSkey(skey: string): NoteSigner | undefined {
  if (!skey.startsWith('PRIVATE+KEY+')) return undefined
  const [name, id, encoded] = splitVkey(skey.slice('PRIVATE+KEY+'.length))
  const bytes = strictBase64(encoded ?? '')
  const type = bytes?.[0]
  if (name === undefined || bytes?.length !== 33 || !isKeyName(name)) return undefined
  if (type !== ED25519 && type !== COSIGNATURE) return undefined
  const signer = createNoteSigner(name, type, bytes.subarray(1))
  return signer.verifier.keyId === id ? signer : undefined
}

/** Signs a text with a key of type `ED25519`. */
export function signText(text: string, { verifier, privateKey }: NoteSigner): NoteSignature {
  const bytes = sign(null, Buffer.from(text), privateKey)
  return { name: verifier.name, keyId: verifier.keyId, bytes }
}

/** Writes a note: the text, a blank line, one line per signature. */
export function formatNote({ text, signatures }: Note): string {
  const lines = signatures.map(({ name, keyId, bytes }) => {
    const encoded = Buffer.concat([Buffer.from(keyId, 'hex'), bytes]).toString('base64')
    return `\u2014 ${name} ${encoded}\n`
  })
  return `${text}\n${lines.join('')}`
}

/** Reads a note without verifying it. @returns undefined when it is malformed or above the limits */
export function parseNote(message: string): Note | undefined {
  if (message.length > MAX_NOTE_SIZE) return undefined
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u0009\u000b-\u001f\ufffd]/.test(message)) return undefined
  const split = message.lastIndexOf('\n\n')
  if (split < 0 || !message.endsWith('\n')) return undefined
  const text = message.slice(0, split + 1)
  const lines = message.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) return undefined
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const match = /^\u2014 (\S+) (\S+)$/u.exec(line)
    const name = match?.[1] ?? ''
    const bytes = strictBase64(match?.[2] ?? '')
    if (bytes === undefined || bytes.length < 5 || !isKeyName(name)) return undefined
    signatures.push({ name, keyId: bytes.toString('hex', 0, 4), bytes: bytes.subarray(4) })
  }
  return { text, signatures }
}

/** What one signature line says about the note, given the keys somebody trusts. */
export type OpenNote =
  | { kind: 'verified'; note: Note; by: readonly Verifier[] }
  | { kind: 'malformed' }
  | { kind: 'bad-signature'; by: string }
  | { kind: 'no-known-key' }

/**
 * Verifies a note. Lines of unknown keys are ignored, that is how keys are rotated and witnesses added; one
 * bad line of a known key refuses the whole note.
 *
 * Only plain signatures (type 0x01) are looked at here; timestamped ones have a reader in cosignature.ts.
 *
 * @see C2SP signed-note, "Verifying"
 */
export function openNote(message: string, trusted: readonly Verifier[]): OpenNote {
  const note = parseNote(message)
  if (note === undefined) return { kind: 'malformed' }
  const by: Verifier[] = []
  for (const signature of note.signatures) {
    const verifier = verifierOf(signature, trusted, ED25519)
    if (verifier === undefined || by.includes(verifier)) continue
    if (!verify(null, Buffer.from(note.text), verifier.publicKey, signature.bytes)) {
      return { kind: 'bad-signature', by: verifier.name }
    }
    by.push(verifier)
  }
  return by.length === 0 ? { kind: 'no-known-key' } : { kind: 'verified', note, by }
}

/** The trusted key that a signature line claims to be of. */
export function verifierOf(
  signature: NoteSignature,
  trusted: readonly Verifier[],
  type: number,
): Verifier | undefined {
  return trusted.find(
    (v) => v.type === type && v.name === signature.name && v.keyId === signature.keyId,
  )
}

/** Standard alphabet, padded, one spelling per value: Node's decoder forgives, a verifier must not. */
export function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined
}
