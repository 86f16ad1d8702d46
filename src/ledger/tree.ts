import { hash } from 'node:crypto'

/** Bytes of a SHA-256 hash. */
export const HASH_SIZE = 32

/** Hashes in one full tile. C2SP tlog-tiles fixes the tile height at 8. */
export const TILE_WIDTH = 256

/** MTH({}): the hash of the empty string. RFC 9162 §2.1.1. */
export const EMPTY_ROOT: Buffer = hash('sha256', Buffer.alloc(0), 'buffer')

/** `SHA-256(0x00 || entry)`. RFC 9162 §2.1.1. */
export function leafHash(entry: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + entry.length)
  input[0] = 0x00
  input.set(entry, 1)
  return hash('sha256', input, 'buffer')
}

/** `SHA-256(0x01 || left || right)`. RFC 9162 §2.1.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + 2 * HASH_SIZE)
  input[0] = 0x01
  input.set(left, 1)
  input.set(right, 1 + HASH_SIZE)
  return hash('sha256', input, 'buffer')
}

/** The largest power of two below `n`; `n` ≥ 2. No shifts: those work on 32 bits. */
export function splitPoint(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/** MTH(D[n]) of the hashes in `hashes` (32 bytes each), in log order. Any count; 0 gives `EMPTY_ROOT`. */
export function rootOf(hashes: readonly Uint8Array[]): Buffer {
  if (hashes.length === 0) return EMPTY_ROOT
  let row: readonly Uint8Array[] = hashes
  // Pairing neighbours level by level and carrying an odd last one up gives the same tree as the
  // recursive split at the largest power of two.
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < row.length; i += 2) {
      const left = row[i] as Uint8Array
      const right = row[i + 1]
      above.push(right === undefined ? left : nodeHash(left, right))
    }
    row = above
  }
  return Buffer.from(row[0] as Uint8Array)
}

/**
 * The right edge of a tree: all that is needed to append. `levels[l]` holds the hashes of the unfinished
 * tile of level `l`, concatenated; at most 255 of them.
 */
export interface RightEdge {
  size: number
  levels: readonly Buffer[]
}

export const EMPTY_EDGE: RightEdge = { size: 0, levels: [] }

/** A tile that has become full: it never changes again. */
export interface FullTile {
  level: number
  index: number
  /** 256 hashes, 8 192 bytes. */
  bytes: Buffer
}

/**
 * Appends leaf hashes to a tree.
 *
 * @returns the new edge and the tiles that became full on the way, lowest level first; `edge` is untouched
 */
export function append(
  edge: RightEdge,
  leafHashes: readonly Uint8Array[],
): { edge: RightEdge; tiles: FullTile[] } {
  const levels: Uint8Array[][] = edge.levels.map((bytes) => splitHashes(bytes))
  const tiles: FullTile[] = []
  let { size } = edge
  for (const leaf of leafHashes) {
    size += 1
    let carry: Uint8Array | undefined = leaf
    for (let level = 0; carry !== undefined; level += 1) {
      const row = levels[level] ?? []
      levels[level] = row
      row.push(carry)
      carry = undefined
      if (row.length === TILE_WIDTH) {
        const index = Math.floor(size / TILE_WIDTH ** (level + 1)) - 1
        tiles.push({ level, index, bytes: Buffer.concat(row) })
        carry = rootOf(row)
        levels[level] = []
      }
    }
  }
  return { edge: { size, levels: levels.map((row) => Buffer.concat(row)) }, tiles }
}

/** The root hash of the tree that ends in this edge. */
export function edgeRoot(edge: RightEdge): Buffer {
  let root: Buffer | undefined
  for (const bytes of edge.levels) {
    // Right to left: the last, smallest perfect subtree of this level first.
    const row = splitHashes(bytes)
    let end = row.length
    for (let width = 1; end > 0; width *= 2) {
      if (Math.floor(end / width) % 2 === 0) continue
      const subtree = rootOf(row.slice(end - width, end))
      root = root === undefined ? subtree : nodeHash(subtree, root)
      end -= width
    }
  }
  return root ?? EMPTY_ROOT
}

/** Cuts concatenated hashes apart. The parts share memory with `bytes`. */
export function splitHashes(bytes: Uint8Array): Uint8Array[] {
  const count = bytes.length / HASH_SIZE
  if (!Number.isInteger(count)) throw new RangeError('not a whole number of hashes')
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE))
}
