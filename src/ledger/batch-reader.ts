import { type Admission, admit, type KnownWriter } from './admission.ts'
import type { PendingEntry } from './intake.ts'
import { announcedKey, type Keyring } from './keyring.ts'
import type { SequencerStore, WaitingEntry } from './store.ts'

/** Waiting rows, and what was decided about each. */
export interface Batch {
  rows: readonly WaitingEntry[]
  decisions: readonly Admission[]
  /** With the keys that these rows announce. */
  ring: Keyring
  /** How many batches in a row were read ahead. */
  ahead: number
}

export interface BatchReader {
  /** What was read ahead, or the oldest rows. Empty when nothing waits. */
  next(keyring: Keyring): Promise<Batch>
  /** Begins to read what waits behind this batch, while it is being sealed. */
  readAhead(batch: Batch): void
  /** What was read ahead may be sealed already, by somebody else. */
  forget(): void
  /** Resolves when no read is under way. */
  settled(): Promise<void>
}

/** So often in a row; then from the oldest again, or rows of a slow clock would wait for as long as the rush lasts. */
const MAX_AHEAD = 10

/** Reads the intake, batch by batch, and decides what may be sealed. */
export function createBatchReader(options: {
  store: Pick<SequencerStore, 'pending'>
  origin: string
  /** Rows per batch. */
  batch: number
  known: KnownWriter | undefined
}): BatchReader {
  const { store, origin, batch, known } = options
  let ahead: Promise<Batch> | undefined

  const read = async (keyring: Keyring, after?: WaitingEntry): Promise<Batch> => {
    const rows = await store.pending(batch, after)
    const ring = await withAnnounced(keyring, rows)
    const decisions = await Promise.all(rows.map((row) => admit(row, origin, ring, known)))
    return { rows, decisions, ring, ahead: 0 }
  }

  return {
    next: async (keyring) => {
      const before = ahead
      ahead = undefined
      const found = await before
      return found !== undefined && found.rows.length > 0 ? found : await read(keyring)
    },
    readAhead: ({ rows, ring, ahead: before }) => {
      const last = rows.at(-1)
      // A key that is being sealed decides about the rows behind it.
      const announces = rows.some((row) => row.type === 'log.key')
      if (last === undefined || rows.length < batch || announces || before >= MAX_AHEAD) return
      ahead = read(ring, last).then((found) => ({ ...found, ahead: before + 1 }))
      // Whoever takes the batch gets the error; nobody may, when the term ends first.
      ahead.catch(() => {})
    },
    forget: () => {
      ahead = undefined
    },
    settled: async () => {
      await ahead?.catch(() => {})
    },
  }
}

/** The keyring with the keys that these rows announce. */
export async function withAnnounced(
  keyring: Keyring,
  rows: readonly PendingEntry[],
): Promise<Keyring> {
  let ring = keyring
  for (const row of rows.filter((r) => r.type === 'log.key')) {
    const key = await announcedKey(row.leaf, ring)
    if (key !== undefined && !ring.has(key.kid)) ring = new Map([...ring, [key.kid, key]])
  }
  return ring
}
