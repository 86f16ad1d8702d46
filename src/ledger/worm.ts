import { hash } from 'node:crypto'
import { parseNote } from './note.ts'
import { pathSource, type TlogSource } from './tlog-source.ts'

/**
 * Storage that keeps what it was given: nothing is changed there and nothing deleted, also not by the hub. From it a
 * lost log is recovered, and against it one that was set back is held.
 */
export interface WormStore {
  /**
   * Durable when it returns.
   *
   * @param name path of lower-case words, digits, `.`, `-` and `/`
   * @returns `present` when these bytes are there already, `other` when other bytes have the name
   */
  putIfAbsent(name: string, bytes: Buffer): Promise<'stored' | 'present' | 'other'>
  /** @returns null when there is no such name */
  get(name: string): Promise<Buffer | null>
  /** Names that begin with `folder/`, in order; not those of folders below it. */
  list(folder: string): Promise<string[]>
}

const FOLDER = 'checkpoint'
const DIGITS = 16

/** `checkpoint/<size, 16 digits>-<first of the note's hash>`: a size has more than one note when witnesses sign later. */
export function checkpointName(size: number, note: string): string {
  const digest = hash('sha256', note, 'hex').slice(0, 16)
  return `${FOLDER}/${String(size).padStart(DIGITS, '0')}-${digest}`
}

/** The note of the longest log in a write-once copy; of several, the one with the most signatures. Not verified. */
export async function newestNote(
  worm: Pick<WormStore, 'get' | 'list'>,
): Promise<{ size: number; note: string } | undefined> {
  const names = await worm.list(FOLDER)
  const size = names.at(-1)?.slice(FOLDER.length + 1, FOLDER.length + 1 + DIGITS)
  if (size === undefined) return undefined
  let newest: { size: number; note: string; signatures: number } | undefined
  for (const name of names.filter((other) => other.startsWith(`${FOLDER}/${size}-`))) {
    const note = (await worm.get(name))?.toString() ?? ''
    const signatures = parseNote(note)?.signatures.length ?? 0
    if (newest === undefined || signatures > newest.signatures) {
      newest = { size: Number(size), note, signatures }
    }
  }
  return newest
}

/** A write-once copy, read as a log. */
export function wormSource(worm: Pick<WormStore, 'get' | 'list'>): TlogSource {
  return {
    ...pathSource((path) => worm.get(path)),
    checkpoint: async () => (await newestNote(worm))?.note ?? null,
  }
}
