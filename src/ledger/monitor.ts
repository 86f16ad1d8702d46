import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { strictBase64, type Verifier } from './note.ts'
import { verifyConsistency } from './proofs.ts'

export type Growth =
  /** Keep the new checkpoint in place of the old one. */
  | { kind: 'grown' | 'unchanged' | 'first'; size: number }
  | {
      kind: 'refused'
      reason: 'unsigned' | 'rollback' | 'split-view' | 'inconsistent' | 'no-proof'
    }

/**
 * Is the log that is shown now the one that was shown before, only longer? Whoever keeps the last checkpoint
 * and asks this from time to time cannot be shown a rewritten past.
 *
 * @param known the note that was kept; undefined the first time
 * @param proof base64 hashes; needed when the log has grown
 */
export function judgeGrowth(
  known: string | undefined,
  shown: { checkpoint: string; proof: readonly string[] | undefined },
  logKeys: readonly Verifier[],
): Growth {
  const now = signed(shown.checkpoint, logKeys)
  if (now === undefined) return { kind: 'refused', reason: 'unsigned' }
  if (known === undefined) return { kind: 'first', size: now.size }
  const before = signed(known, logKeys)
  if (before === undefined || before.origin !== now.origin) {
    return { kind: 'refused', reason: 'unsigned' }
  }
  if (now.size < before.size) return { kind: 'refused', reason: 'rollback' }
  if (now.size === before.size) {
    return now.root.equals(before.root)
      ? { kind: 'unchanged', size: now.size }
      : { kind: 'refused', reason: 'split-view' }
  }
  const proof = shown.proof?.map((line) => strictBase64(line))
  if (proof === undefined || proof.includes(undefined))
    return { kind: 'refused', reason: 'no-proof' }
  const holds = verifyConsistency({
    oldSize: before.size,
    oldRoot: before.root,
    size: now.size,
    root: now.root,
    proof: proof as Buffer[],
  })
  return holds ? { kind: 'grown', size: now.size } : { kind: 'refused', reason: 'inconsistent' }
}

function signed(note: string, logKeys: readonly Verifier[]): Checkpoint | undefined {
  const opened = openCheckpoint(note, logKeys)
  return opened.kind === 'verified' ? opened.checkpoint : undefined
}
