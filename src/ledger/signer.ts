import type { Clock } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'
import { formatCheckpoint, openCheckpoint } from './checkpoint.ts'
import type { CheckpointKey } from './checkpoint-key.ts'
import { cosignWith, readCosignatures } from './cosignature.ts'
import { buildKeyring } from './keyring.ts'
import { kidOf, type LedgerKeys, logRoots } from './keys.ts'
import { formatNote, formatVkey } from './note.ts'
import type { SignerState, SignerStateFile } from './signer-state.ts'
import type { LogHead, LogReadStore, StoredCheckpoint } from './store.ts'
import {
  append,
  EMPTY_EDGE,
  EMPTY_ROOT,
  edgeRoot,
  type FullTile,
  leafHash,
  type RightEdge,
  TILE_WIDTH,
} from './tree.ts'

/**
 * Why the signer will not put its name to a tree. `rollback`: shorter than what it signed. `split-view`: other
 * entries where it signed before. `truncated`: entries are missing. `edited`: the entries do not give the
 * root. `state-missing`: checkpoints are published, but the signer's own memory is gone.
 */
export type SigningRefusal =
  | 'rollback'
  | 'split-view'
  | 'truncated'
  | 'edited'
  | 'state-missing'
  | 'other-log'

export type SignOutcome =
  | { kind: 'signed'; checkpoint: StoredCheckpoint }
  | { kind: 'refused'; reason: SigningRefusal; signedSize: number; size: number }

export interface Signer {
  /** Verifies what was added since the last time, and signs the log as it is now. */
  sign(): Promise<SignOutcome>
}

const CHUNK = 1_000

/**
 * The first witness: it signs only a tree that it has computed itself, entry by entry, on top of the tree it
 * signed before. Its memory is a file of its own, written before each signature.
 *
 * @param options.adopt a checkpoint that was kept elsewhere. When the state file is gone although checkpoints are
 *   published, the signer begins anew from a log that holds this one. A person's decision.
 */
export function createSigner(options: {
  origin: string
  keys: LedgerKeys
  state: SignerStateFile
  store: LogReadStore & { keyLeaves(): Promise<Buffer[]> }
  clock: Clock
  adopt?: string
}): Signer {
  const { origin, keys, store, clock, adopt } = options

  const begin = async (
    kept: string | undefined,
    known: SignerState | undefined,
    head: LogHead,
  ): Promise<Followed> => {
    if (kept === undefined) {
      return await follow(known ?? { origin, edge: EMPTY_EDGE, root: EMPTY_ROOT }, head, store)
    }
    const opened = openCheckpoint(kept, [keys.log.verifier, ...keys.former])
    if (opened.kind !== 'verified') return { kind: 'refused', reason: 'other-log' }
    const { size, root } = opened.checkpoint
    if (size > head.edge.size) return { kind: 'refused', reason: 'rollback' }
    const edge = await rebuild(size, store)
    if (!edgeRoot(edge).equals(root)) return { kind: 'refused', reason: 'split-view' }
    return await follow({ origin, edge, root }, head, store)
  }

  /** A successor signs once the log itself says that it is one: whoever checks the log finds it there. */
  const logKeysNow = async (): Promise<CheckpointKey[]> => {
    if (keys.next === undefined) return [keys.log]
    const roots = logRoots([keys.log.verifier, ...keys.former])
    const { keyring } = await buildKeyring(roots, await store.keyLeaves())
    const announced = keyring.get(kidOf('log', keys.next.verifier.raw))?.role === 'log'
    return announced ? [keys.log, keys.next] : [keys.log]
  }

  return {
    sign: async () => {
      const head = await store.head()
      const known = await options.state.load()
      const refuse = (reason: SigningRefusal): SignOutcome => ({
        kind: 'refused',
        reason,
        signedSize: known?.edge.size ?? 0,
        size: head.edge.size,
      })
      if (known !== undefined && known.origin !== origin) return refuse('other-log')
      const mustAdopt = known === undefined && (await store.checkpoint()) !== undefined
      if (mustAdopt && adopt === undefined) return refuse('state-missing')
      const followed = await begin(mustAdopt ? adopt : undefined, known, head).catch(
        (error: unknown): Followed => {
          // The one thing the store says with this code: entries that should be there are not.
          if (isHubError(error, 'ERR_LEDGER')) return { kind: 'refused', reason: 'truncated' }
          throw error
        },
      )
      if (followed.kind === 'refused') return refuse(followed.reason)
      // The intent first: after a crash here, signing the same tree again does no harm, another one would.
      const by = await logKeysNow()
      const signedBy = by.map(({ verifier }) => formatVkey(verifier))
      await options.state.save({ ...followed.state, signedBy })
      const { edge, root } = followed.state
      const note = await signedNote(
        { origin, size: edge.size, root },
        by,
        keys.cosigner,
        clock.now(),
      )
      return { kind: 'signed', checkpoint: { size: edge.size, root, note, at: clock.now() } }
    },
  }
}

type Followed =
  | { kind: 'followed'; state: SignerState }
  | { kind: 'refused'; reason: SigningRefusal }

async function follow(last: SignerState, head: LogHead, store: LogReadStore): Promise<Followed> {
  const { size } = head.edge
  if (size < last.edge.size) return { kind: 'refused', reason: 'rollback' }
  if (size === last.edge.size) {
    return head.root.equals(last.root)
      ? { kind: 'followed', state: last }
      : { kind: 'refused', reason: 'split-view' }
  }
  let { edge } = last
  let misplaced = false
  while (edge.size < size) {
    const to = Math.min(size, edge.size + CHUNK)
    const entries = await store.entries(edge.size, to)
    // From the bytes, not from the stored hashes.
    const hashes = entries.map((entry) => leafHash(entry.leaf))
    if (hashes.some((hash, i) => hash.toString('hex') !== entries[i]?.leafHash)) {
      return { kind: 'refused', reason: 'edited' }
    }
    const step = append(edge, hashes)
    edge = step.edge
    for (const tile of step.tiles) {
      if (!(await tileAgrees(tile, store))) misplaced = true
    }
  }
  if (!edgeRoot(edge).equals(head.root)) {
    return { kind: 'refused', reason: await whyAnotherRoot(last, head, store) }
  }
  // Readers are served from these: they must lead to the root that is signed.
  if (misplaced || !sameEdge(edge, head.edge)) return { kind: 'refused', reason: 'edited' }
  return { kind: 'followed', state: { origin: last.origin, edge, root: head.root } }
}

/** Were the new entries edited, or is the past another one? The last entry signed before tells. */
async function whyAnotherRoot(
  last: SignerState,
  head: LogHead,
  store: LogReadStore,
): Promise<SigningRefusal> {
  const edge = await rebuild(last.edge.size, store)
  return edgeRoot(edge).equals(last.root) && head.edge.size > last.edge.size
    ? 'edited'
    : 'split-view'
}

/** The right edge of the first `size` entries, from their bytes. */
async function rebuild(size: number, store: LogReadStore): Promise<RightEdge> {
  let edge = EMPTY_EDGE
  while (edge.size < size) {
    const entries = await store.entries(edge.size, Math.min(size, edge.size + CHUNK))
    edge = append(
      edge,
      entries.map((entry) => leafHash(entry.leaf)),
    ).edge
  }
  return edge
}

async function tileAgrees(
  { level, index, bytes }: FullTile,
  store: LogReadStore,
): Promise<boolean> {
  const stored = await store.tile({ level, index, width: TILE_WIDTH })
  return stored?.equals(bytes) === true
}

function sameEdge(a: RightEdge, b: RightEdge): boolean {
  const levels = Math.max(a.levels.length, b.levels.length)
  const empty = Buffer.alloc(0)
  return Array.from({ length: levels }, (_, i) => i).every((i) =>
    (a.levels[i] ?? empty).equals(b.levels[i] ?? empty),
  )
}

/** Signs, and verifies what was signed: a flipped bit in memory must not become a published statement. */
async function signedNote(
  checkpoint: { origin: string; size: number; root: Buffer },
  logKeys: readonly CheckpointKey[],
  cosigner: CheckpointKey,
  now: number,
): Promise<string> {
  const text = formatCheckpoint(checkpoint)
  const signatures = []
  for (const { verifier, sign } of logKeys) {
    const { name, keyId } = verifier
    signatures.push({ name, keyId, bytes: await sign(Buffer.from(text)) })
  }
  signatures.push(await cosignWith(text, cosigner, Math.floor(now / 1_000)))
  const note = formatNote({ text, signatures })
  const verifiers = logKeys.map(({ verifier }) => verifier)
  const opened = openCheckpoint(note, verifiers)
  if (opened.kind !== 'verified' || opened.by.length !== verifiers.length) {
    throw new Error('a fresh signature does not verify')
  }
  const read = readCosignatures(opened.note, [cosigner.verifier])
  if (read.kind !== 'read' || read.cosignatures.length !== 1) {
    throw new Error('a fresh cosignature does not verify')
  }
  return note
}
