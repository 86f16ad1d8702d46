import { isHubError } from '../shared/errors.ts'
import type { LogReadStore } from './store.ts'
import { append, EMPTY_EDGE, edgeRoot, leafHash, type RightEdge } from './tree.ts'

/** A tree head that somebody remembers from before. */
export interface Remembered {
  /** Who: for people. */
  by: string
  size: number
  root: Buffer
}

export type RestoreVerdict =
  /** The database holds everything that anybody remembers. */
  | { kind: 'ok'; size: number }
  /** Entries from `from` on, up to `to`, are gone: an older state was restored. */
  | { kind: 'rollback'; size: number; from: number; to: number; by: string }
  /** At this size the database holds another log than the one remembered. */
  | { kind: 'split-view'; size: number; at: number; by: string }
  /** The database contradicts itself. */
  | { kind: 'damaged'; size: number; reason: 'truncated' | 'edited' }

const CHUNK = 1_000

/**
 * After a restore, before the signer runs: is this still the log that was signed? Computes every entry again, so that
 * nothing in the database is believed.
 *
 * @param remembered the signer's memory, checkpoints that auditors kept, the newest one of a write-once copy
 */
export async function checkRestore(
  store: Pick<LogReadStore, 'head' | 'entries'>,
  remembered: readonly Remembered[],
): Promise<RestoreVerdict> {
  const head = await store.head()
  const { size } = head.edge
  const points = [...remembered].sort((a, b) => a.size - b.size)
  let edge: RightEdge = EMPTY_EDGE
  const stops = new Set([...points.map((point) => point.size), size].filter((n) => n <= size))
  for (const stop of [...stops].sort((a, b) => a - b)) {
    while (edge.size < stop) {
      const leaves = await leavesOf(store, edge.size, Math.min(stop, edge.size + CHUNK))
      if (leaves === undefined) return { kind: 'damaged', size, reason: 'truncated' }
      edge = append(edge, leaves.map(leafHash)).edge
    }
    const root = edgeRoot(edge)
    const other = points.find((point) => point.size === stop && !point.root.equals(root))
    if (other !== undefined) return { kind: 'split-view', size, at: stop, by: other.by }
  }
  if (!edgeRoot(edge).equals(head.root)) return { kind: 'damaged', size, reason: 'edited' }
  const longest = points.at(-1)
  return longest !== undefined && longest.size > size
    ? { kind: 'rollback', size, from: size, to: longest.size, by: longest.by }
    : { kind: 'ok', size }
}

/** @returns undefined when one is missing, which the store says with ERR_LEDGER */
async function leavesOf(
  store: Pick<LogReadStore, 'entries'>,
  from: number,
  to: number,
): Promise<Buffer[] | undefined> {
  try {
    return (await store.entries(from, to)).map((entry) => entry.leaf)
  } catch (error) {
    if (isHubError(error, 'ERR_LEDGER')) return undefined
    throw error
  }
}
