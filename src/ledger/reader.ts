import { HubError } from '../shared/errors.ts'
import { cosignerName } from './keys.ts'
import { readLeaf } from './leaf.ts'
import { COSIGNATURE, createVerifier, ED25519, formatVkey, type Verifier } from './note.ts'
import type { Policy } from './policy.ts'
import { consistencyProof, inclusionProof, type ReadTile } from './proofs.ts'
import { type LedgerStatus, ledgerStatus, type StatusStore } from './status.ts'
import type { LogReadStore, StoredEntry } from './store.ts'
import { encodeBundle, type TileId } from './tiles.ts'
import { formatTlogProof } from './tlog-proof.ts'
import { HASH_SIZE, TILE_WIDTH } from './tree.ts'

/** The published log. Nothing beyond the newest checkpoint is shown: it is not signed yet. */
export interface LedgerReader {
  readonly origin: string
  /** The newest signed note; null before the first one. */
  checkpointText(): Promise<string | null>
  size(): Promise<number>
  /** @returns null when no published entry has this index */
  entry(index: number): Promise<StoredEntry | null>
  /** That this entry is in the tree of the newest checkpoint; null when there is no such entry. */
  inclusionProof(index: number): Promise<InclusionProof | null>
  /**
   * Base64 hashes, one per line, that the tree of `oldSize` is a prefix of the newest checkpoint.
   * @returns null when the log is shorter
   */
  consistencyProof(oldSize: number): Promise<{ checkpoint: string; proof: string[] } | null>
  /** C2SP tlog-tiles `tile/<level>/<index>[.p/<width>]`; null when the published tree has no such tile. */
  tileBytes(level: number, index: number, width: number): Promise<Buffer | null>
  /** C2SP tlog-tiles `tile/entries/<index>[.p/<width>]`; null when the published tree has no such bundle. */
  entryBundle(index: number, width: number): Promise<Buffer | null>
  /** The log's own keys as it announced them, as vkeys. An auditor pins them once, out of band. */
  verifierKeys(): Promise<{ log: string[]; cosigner: string[] }>
  status(): Promise<LedgerStatus>
}

interface InclusionProof {
  treeSize: number
  /** Hex, 32 bytes each, from the leaf to the root. */
  hashes: string[]
  /** The signed note that the proof leads to. */
  checkpoint: string
  /** All of it in one text. C2SP tlog-proof. */
  tlogProof: string
}

export function createLedgerReader(options: {
  origin: string
  store: LogReadStore & StatusStore & { keyLeaves(): Promise<Buffer[]> }
  /** The hub's own policy, for `status`. */
  policy?: Policy | undefined
}): LedgerReader {
  const { origin, store, policy } = options
  const readTile: ReadTile = async (tile) => {
    const bytes = await store.tile(tile)
    if (bytes === undefined) {
      throw new HubError('ERR_LEDGER', `tile ${tile.level}/${tile.index} is missing`)
    }
    return bytes
  }
  const size = async (): Promise<number> => (await store.checkpoint())?.size ?? 0

  return {
    origin,
    size,
    checkpointText: async () => (await store.checkpoint())?.note ?? null,
    entry: async (index) =>
      isIndex(index, await size()) ? ((await store.entry(index)) ?? null) : null,
    inclusionProof: async (index) => {
      const checkpoint = await store.checkpoint()
      if (checkpoint === undefined || !isIndex(index, checkpoint.size)) return null
      const proof = await inclusionProof(index, checkpoint.size, readTile)
      return {
        treeSize: checkpoint.size,
        hashes: proof.map((hash) => hash.toString('hex')),
        checkpoint: checkpoint.note,
        tlogProof: formatTlogProof({ index, proof, checkpoint: checkpoint.note }),
      }
    },
    consistencyProof: async (oldSize) => {
      const checkpoint = await store.checkpoint()
      if (checkpoint === undefined || !isIndex(oldSize, checkpoint.size + 1)) return null
      const proof = await consistencyProof(oldSize, checkpoint.size, readTile)
      return { checkpoint: checkpoint.note, proof: proof.map((hash) => hash.toString('base64')) }
    },
    tileBytes: async (level, index, width) => {
      const id: TileId = { level, index, width }
      if (!fits(id, await size())) return null
      return Buffer.from(await readTile(id)).subarray(0, width * HASH_SIZE)
    },
    entryBundle: async (index, width) => {
      if (!fits({ level: 0, index, width }, await size())) return null
      const first = index * TILE_WIDTH
      const entries = await store.entries(first, first + width)
      return encodeBundle(entries.map((entry) => entry.leaf))
    },
    verifierKeys: async () => {
      const found: { log: string[]; cosigner: string[] } = { log: [], cosigner: [] }
      for (const { role, verifier } of await announcedVerifiers(origin, store)) {
        found[role].push(formatVkey(verifier))
      }
      return found
    },
    status: () => ledgerStatus(origin, store, policy),
  }
}

interface RoleKey {
  role: 'log' | 'cosigner'
  verifier: Verifier
}

async function announcedVerifiers(
  origin: string,
  store: { keyLeaves(): Promise<Buffer[]> },
): Promise<RoleKey[]> {
  return (await store.keyLeaves()).flatMap((bytes): RoleKey[] => {
    const read = readLeaf(bytes)
    if (read.kind !== 'leaf' || read.leaf.body.type !== 'log.key') return []
    const { role, public_key } = read.leaf.body
    const raw = Buffer.from(public_key, 'base64url')
    if (role === 'log') return [{ role, verifier: createVerifier(origin, ED25519, raw) }]
    if (role !== 'cosigner') return []
    return [{ role, verifier: createVerifier(cosignerName(origin), COSIGNATURE, raw) }]
  })
}

/** Is this tile, at this width, part of the tree of `size` entries? */
function fits({ level, index, width }: TileId, size: number): boolean {
  if (![level, index, width].every(Number.isSafeInteger) || level < 0 || index < 0) return false
  if (width < 1 || width > TILE_WIDTH) return false
  return Math.floor(size / TILE_WIDTH ** level) >= index * TILE_WIDTH + width
}

function isIndex(n: number, below: number): boolean {
  return Number.isSafeInteger(n) && n >= 0 && n < below
}
