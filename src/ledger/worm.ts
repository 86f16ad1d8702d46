import { hash } from 'node:crypto'
import { openCheckpoint } from './checkpoint.ts'
import type { Verifier } from './note.ts'
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

/** What a write-once copy says of the log, as far as its notes can be believed. */
export interface NewestNote {
  /** Absent: no note is signed by the log. */
  newest?: { size: number; note: string }
  /** Notes that say a longer log and are not believed: damaged, misnamed, or not signed by a key of the log. Newest first. */
  skipped: readonly { name: string; kind: 'malformed' | 'foreign' }[]
}

/**
 * The note of the longest log in a write-once copy; of several, the one with the most signatures. Whoever may write to
 * the storage can put a note there: only those count that a key of the log has signed.
 */
export async function newestNote(
  worm: Pick<WormStore, 'get' | 'list'>,
  logKeys: readonly Verifier[],
): Promise<NewestNote> {
  const skipped: { name: string; kind: 'malformed' | 'foreign' }[] = []
  let newest: { size: number; note: string; signatures: number } | undefined
  for (const name of (await worm.list(FOLDER)).reverse()) {
    const size = Number(name.slice(FOLDER.length + 1, FOLDER.length + 1 + DIGITS))
    if (newest !== undefined && size < newest.size) break
    const note = (await worm.get(name))?.toString() ?? ''
    const opened = openCheckpoint(note, logKeys)
    if (opened.kind !== 'verified' || opened.checkpoint.size !== size) {
      skipped.push({ name, kind: opened.kind === 'no-known-key' ? 'foreign' : 'malformed' })
      continue
    }
    const signatures = opened.note.signatures.length
    if (newest === undefined || signatures > newest.signatures) newest = { size, note, signatures }
  }
  return { ...(newest === undefined ? {} : { newest }), skipped }
}

/**
 * A write-once copy, read as a log.
 *
 * @param logKeys keys of the log that the caller believes, former ones too
 * @param onSkipped told of notes that are passed over, by name, where there are any
 */
export function wormSource(
  worm: Pick<WormStore, 'get' | 'list'>,
  logKeys: readonly Verifier[],
  onSkipped: (names: readonly string[]) => void = () => {},
): TlogSource {
  return {
    ...pathSource((path) => worm.get(path)),
    checkpoint: async () => {
      const { newest, skipped } = await newestNote(worm, logKeys)
      if (skipped.length > 0) onSkipped(skipped.map(({ name }) => name))
      return newest?.note ?? null
    },
  }
}
