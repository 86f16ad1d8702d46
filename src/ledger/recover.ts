import type { Instant } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { openCheckpoint } from './checkpoint.ts'
import { idOfBody, referencesOf } from './entry-id.ts'
import { bundlesOfTree } from './export.ts'
import { fsck } from './fsck.ts'
import type { OnSealed } from './intake.ts'
import { readLeaf } from './leaf.ts'
import type { Verifier } from './note.ts'
import { checkRestore } from './restore-check.ts'
import type { CheckpointStore, LogReadStore, SealedEntry, SequencerStore } from './store.ts'
import { decodeBundle } from './tiles.ts'
import type { TlogSource } from './tlog-source.ts'
import { append, EMPTY_EDGE, edgeRoot, leafHash } from './tree.ts'

export type Recovery =
  /** The log is whole again: entries `from` to `to` were put back. `erased`: cases whose keys may have come back. */
  | { kind: 'recovered'; from: number; to: number; erased: string[] }
  /** The copy itself is not sound. Nothing was written. */
  | { kind: 'unsound'; faults: string[] }
  /** What the database still holds is no beginning of the copy, or contradicts itself. Nothing was written. */
  | { kind: 'refused'; reason: 'longer' | 'split-view' | 'damaged'; size: number }

/**
 * Rebuilds a lost log, or the lost end of one, from a copy: every entry is verified first, and the root must be the one
 * that was signed. The hub must not run meanwhile; where it does, the compare-and-swap of the head stops this.
 *
 * @param source the copy, e.g. `wormSource`
 * @param logKeys keys of the log that the caller believes
 * @param onSealed effects of each entry that is put back; those that took place stay as they are
 * @throws HubError ERR_CONFLICT when something else writes to the log
 */
export async function recoverLog(
  source: TlogSource,
  logKeys: readonly Verifier[],
  store: Pick<SequencerStore, 'head' | 'seal'> & Pick<LogReadStore, 'entries'> & CheckpointStore,
  onSealed: OnSealed,
  now: Instant,
): Promise<Recovery> {
  const { faults, size: to } = await fsck(source, logKeys)
  const note = (await source.checkpoint()) ?? ''
  const opened = openCheckpoint(note, logKeys)
  if (faults.length > 0 || opened.kind !== 'verified') return { kind: 'unsound', faults }
  const first = await store.head()
  const from = first.edge.size
  if (from > to) return { kind: 'refused', reason: 'longer', size: from }
  if ((await checkRestore(store, [])).kind !== 'ok') {
    return { kind: 'refused', reason: 'damaged', size: from }
  }
  const erased: string[] = []
  let edge = EMPTY_EDGE
  let head = first
  for (const { index, width } of bundlesOfTree(to)) {
    const leaves = decodeBundle((await source.bundle(index, width)) ?? Buffer.alloc(0))
    const entries = leaves.map((leaf, i) => sealedEntry(leaf, edge.size + i))
    erased.push(...entries.flatMap(erasedCase))
    // What the database holds has to be the same log up to there.
    const known = entries.filter((entry) => entry.index < from)
    edge = append(edge, known.map(hashOf)).edge
    if (edge.size === from && head === first && !edgeRoot(edge).equals(first.root)) {
      return { kind: 'refused', reason: 'split-view', size: from }
    }
    const missing = entries.slice(known.length)
    if (missing.length === 0) continue
    const step = append(edge, missing.map(hashOf))
    const at = Math.max(head.at + 1, now)
    const next = { edge: step.edge, root: edgeRoot(step.edge), at }
    const batch = { from: head, to: next, entries: missing, tiles: step.tiles }
    if ((await store.seal(batch, onSealed)) === 'fenced') {
      throw new HubError('ERR_CONFLICT', 'something else writes to this log; stop every hub first')
    }
    edge = step.edge
    head = next
  }
  const { size, root } = opened.checkpoint
  await store.putCheckpoint({ size, root, note, at: head.at })
  return { kind: 'recovered', from, to, erased }
}

function sealedEntry(leaf: Buffer, index: number): SealedEntry {
  const read = readLeaf(leaf)
  // fsck has read it before.
  if (read.kind === 'refused') throw new HubError('ERR_LEDGER', `entry ${index} is ${read.reason}`)
  const { body } = read.leaf
  return {
    eid: idOfBody(body),
    type: body.type,
    leaf,
    references: referencesOf(body),
    index,
    leafHash: leafHash(leaf).toString('hex'),
  }
}

function hashOf({ leafHash: hex }: SealedEntry): Buffer {
  return Buffer.from(hex, 'hex')
}

function erasedCase({ type, references }: SealedEntry): string[] {
  const { offboardingId } = references
  return type === 'offboarding.keys_erased' && offboardingId !== undefined ? [offboardingId] : []
}
