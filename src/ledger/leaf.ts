import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { canonicalJson } from '../shared/canonical-json.ts'
import { HubError } from '../shared/errors.ts'
import { isJsonObject, type Json } from '../shared/json.ts'
import { type EntryBody, entryBody } from './entries.ts'
import { idOfBody, referencesOf } from './entry-id.ts'
import type { EntryWriter, PendingEntry } from './intake.ts'
import { intakeMac } from './intake-mac.ts'

/** A bundle carries each entry behind a 16-bit length. C2SP tlog-tiles, "Log Entries". */
const MAX_LEAF_SIZE = 65_535

/** The parts of an entry as it stands in the log. */
export interface Leaf {
  body: EntryBody
  /** Which key signed; the log announces keys in `log.key` entries. */
  kid: string
  /** Ed25519 over the canonical body. */
  sig: Buffer
  /** What `sig` covers. */
  signed: Buffer
}

type LeafRefusal = 'too-long' | 'not-json' | 'not-canonical' | 'unknown-shape' | 'bad-schema'
export type ReadLeaf = { kind: 'leaf'; leaf: Leaf } | { kind: 'refused'; reason: LeafRefusal }

/**
 * Makes entries of one process. What the writer signs cannot be forged by somebody who can only write to
 * the database: the sequencer refuses rows whose signature does not verify.
 *
 * @param options.origin name of the log, the `log` field of every body
 * @param options.privateKey Ed25519; its public half is announced under `kid`
 * @param options.macKey lets the sequencer of the same hub know the rows again; without it they are checked in full
 * @throws HubError ERR_LEDGER from `write` when the body breaks its schema, names another log, or is too long
 */
export function createEntryWriter(options: {
  origin: string
  kid: string
  privateKey: KeyObject
  macKey?: Buffer
}): EntryWriter {
  const { origin, kid, privateKey, macKey } = options
  if (!KID.test(kid)) throw new HubError('ERR_LEDGER', 'a key id has other characters')
  return {
    origin,
    write: (body) => {
      const checked = checkedBody(body, origin)
      const text = canonicalJson(checked)
      const sig = sign(null, Buffer.from(text), privateKey)
      const entry = pending(checked, leafText(text, kid, sig.toString('base64url')))
      return macKey === undefined ? entry : { ...entry, mac: intakeMac(macKey, origin, entry) }
    },
  }
}

/**
 * One entry signed by a key that may live elsewhere.
 *
 * @param by.sign Ed25519 of exactly the bytes given
 * @throws HubError as `createEntryWriter`
 */
export async function signEntry(
  body: EntryBody,
  by: { origin: string; kid: string; sign: (bytes: Buffer) => Promise<Buffer> },
): Promise<PendingEntry> {
  const checked = checkedBody(body, by.origin)
  const text = canonicalJson(checked)
  const sig = await by.sign(Buffer.from(text))
  return pending(checked, leafText(text, by.kid, sig.toString('base64url')))
}

function checkedBody(body: EntryBody, origin: string): EntryBody {
  const checked = entryBody.safeParse(body)
  if (!checked.success) {
    throw new HubError('ERR_LEDGER', 'an entry breaks its schema', {
      // Paths only: values could hold what must not be logged.
      details: { paths: checked.error.issues.map((issue) => issue.path.join('.')) },
    })
  }
  if (checked.data.log !== origin) {
    throw new HubError('ERR_LEDGER', `an entry for ${checked.data.log} was given to ${origin}`)
  }
  return checked.data
}

function pending(body: EntryBody, text: string): PendingEntry {
  const leaf = Buffer.from(text)
  if (leaf.length > MAX_LEAF_SIZE) {
    throw new HubError('ERR_LEDGER', `an entry of ${leaf.length} bytes does not fit the log`)
  }
  return { eid: idOfBody(body), type: body.type, leaf, references: referencesOf(body) }
}

/** Reads the bytes of an entry. Nothing is believed yet: see `leafSignedBy`. */
export function readLeaf(bytes: Uint8Array): ReadLeaf {
  if (bytes.length > MAX_LEAF_SIZE) return { kind: 'refused', reason: 'too-long' }
  const text = Buffer.from(bytes).toString('latin1')
  const parsed = parseJson(text)
  if (parsed === undefined) return { kind: 'refused', reason: 'not-json' }
  if (!isJsonObject(parsed) || Object.keys(parsed).sort().join() !== 'body,kid,sig') {
    return { kind: 'refused', reason: 'unknown-shape' }
  }
  const { kid, sig } = parsed
  if (typeof kid !== 'string' || !KID.test(kid) || typeof sig !== 'string' || !SIG.test(sig)) {
    return { kind: 'refused', reason: 'unknown-shape' }
  }
  const signature = Buffer.from(sig, 'base64url')
  // One spelling per signature: base64 with other spare bits would be another leaf.
  if (signature.toString('base64url') !== sig) return { kind: 'refused', reason: 'unknown-shape' }
  // The schema first: it bounds the depth that the rest walks through.
  const body = entryBody.safeParse(parsed['body'])
  if (!body.success) return { kind: 'refused', reason: 'bad-schema' }
  // ASCII only, so latin1 text compares byte for byte.
  if (!isSorted(parsed) || JSON.stringify(parsed) !== text) {
    return { kind: 'refused', reason: 'not-canonical' }
  }
  const signed = bytes.subarray(
    HEAD.length,
    bytes.length - leafText('', kid, sig).length + HEAD.length,
  )
  return {
    kind: 'leaf',
    leaf: { body: body.data, kid, sig: signature, signed: Buffer.from(signed) },
  }
}

/**
 * Are the members of every object in order? With that, what JSON.stringify writes again unchanged is canonical: RFC
 * 8785 takes numbers and strings from it, and the schemas have neither floats nor names beyond ASCII letters.
 */
function isSorted(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isSorted)
  let last = ''
  for (const name of Object.keys(value)) {
    if (name <= last || !isSorted(value[name] as Json)) return false
    last = name
  }
  return true
}

const HEAD = '{"body":'
const KID = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/
const SIG = /^[A-Za-z0-9_-]{86}$/

/** JCS of `{body, kid, sig}` for a body that is JCS already: members in this order, no character to escape. */
function leafText(body: string, kid: string, sig: string): string {
  return `${HEAD}${body},"kid":"${kid}","sig":"${sig}"}`
}

/** Did this key sign the body? On the thread pool: the sequencer checks thousands a second. */
export function leafSignedBy(leaf: Leaf, publicKey: KeyObject): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify(null, leaf.signed, publicKey, leaf.sig, (error, valid) => {
      if (error === null) resolve(valid)
      else reject(error)
    })
  })
}

/** @param raw 32 bytes */
export function ed25519PublicKey(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
