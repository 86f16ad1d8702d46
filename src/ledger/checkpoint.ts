import { type Note, type OpenNote, openNote, strictBase64, type Verifier } from './note.ts'
import { EMPTY_ROOT, HASH_SIZE } from './tree.ts'

/** A tree head: which log, how many entries, and the hash over all of them. */
export interface Checkpoint {
  origin: string
  size: number
  /** 32 bytes. */
  root: Buffer
}

/** The text that is signed: origin, size, base64 root. No extension lines. C2SP tlog-checkpoint. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** @returns undefined when the text is no checkpoint; extension lines are allowed and ignored */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin, digits, encoded, ...rest] = text.split('\n')
  if (origin === undefined || origin === '' || rest.at(-1) !== '') return undefined
  // Extension lines are not empty. C2SP tlog-checkpoint, "Note text".
  if (rest.slice(0, -1).includes('')) return undefined
  if (digits === undefined || !/^(0|[1-9]\d{0,15})$/.test(digits)) return undefined
  const size = Number(digits)
  const root = strictBase64(encoded ?? '')
  if (!Number.isSafeInteger(size) || root?.length !== HASH_SIZE) return undefined
  if (size === 0 && !root.equals(EMPTY_ROOT)) return undefined
  return { origin, size, root }
}

export type OpenCheckpoint =
  | { kind: 'verified'; checkpoint: Checkpoint; note: Note; by: readonly Verifier[] }
  | Exclude<OpenNote, { kind: 'verified' }>

/**
 * Verifies a checkpoint against keys of the log. The key's name must be the origin: a key that signs
 * something else under another name says nothing about this log.
 */
export function openCheckpoint(message: string, logKeys: readonly Verifier[]): OpenCheckpoint {
  const opened = openNote(message, logKeys)
  if (opened.kind !== 'verified') return opened
  const checkpoint = parseCheckpoint(opened.note.text)
  if (checkpoint === undefined) return { kind: 'malformed' }
  const by = opened.by.filter((verifier) => verifier.name === checkpoint.origin)
  if (by.length === 0) return { kind: 'no-known-key' }
  return { kind: 'verified', checkpoint, note: opened.note, by }
}
