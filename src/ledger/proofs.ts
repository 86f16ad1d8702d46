import { type TileId, tileOfTree } from './tiles.ts'
import {
  EMPTY_ROOT,
  HASH_SIZE,
  nodeHash,
  rootOf,
  splitHashes,
  splitPoint,
  TILE_WIDTH,
} from './tree.ts'

/** Gives the hashes of one tile. It must return exactly `width × 32` bytes or throw. */
export type ReadTile = (tile: TileId) => Promise<Uint8Array>

/**
 * PATH(index, D[size]): the sibling hashes from the leaf up. RFC 9162 §2.1.3.1.
 *
 * @throws RangeError unless 0 ≤ index < size
 */
export async function inclusionProof(
  index: number,
  size: number,
  readTile: ReadTile,
): Promise<Buffer[]> {
  if (!isCount(index) || !isCount(size) || index >= size) throw new RangeError('no such leaf')
  const root = subtreeRoots(size, readTile)
  const path = async (lo: number, hi: number): Promise<Buffer[]> => {
    if (hi - lo === 1) return []
    const mid = lo + splitPoint(hi - lo)
    return index < mid
      ? [...(await path(lo, mid)), await root(mid, hi)]
      : [...(await path(mid, hi)), await root(lo, mid)]
  }
  return await path(0, size)
}

/**
 * PROOF(oldSize, D[size]): that the first `oldSize` entries are still the same. RFC 9162 §2.1.4.1.
 *
 * @throws RangeError unless 0 ≤ oldSize ≤ size
 */
export async function consistencyProof(
  oldSize: number,
  size: number,
  readTile: ReadTile,
): Promise<Buffer[]> {
  if (!isCount(oldSize) || !isCount(size) || oldSize > size) throw new RangeError('no such size')
  if (oldSize === 0 || oldSize === size) return []
  const root = subtreeRoots(size, readTile)
  const proof = async (lo: number, hi: number, whole: boolean): Promise<Buffer[]> => {
    if (oldSize === hi) return whole ? [] : [await root(lo, hi)]
    const mid = lo + splitPoint(hi - lo)
    return oldSize <= mid
      ? [...(await proof(lo, mid, whole)), await root(mid, hi)]
      : [...(await proof(mid, hi, false)), await root(lo, mid)]
  }
  return await proof(0, size, true)
}

/** MTH(D[lo:hi]) out of tiles, for the ranges that proofs ask for; each tile is read once. */
function subtreeRoots(
  size: number,
  readTile: ReadTile,
): (lo: number, hi: number) => Promise<Buffer> {
  const tiles = new Map<string, Promise<Uint8Array[]>>()
  const tile = (level: number, index: number): Promise<Uint8Array[]> => {
    const key = `${level}/${index}`
    const known = tiles.get(key)
    if (known !== undefined) return known
    const reading = read(level, index)
    tiles.set(key, reading)
    return reading
  }
  const read = async (level: number, index: number): Promise<Uint8Array[]> => {
    const id = tileOfTree(size, level, index)
    if (id === undefined) throw new RangeError('no such tile')
    const bytes = await readTile(id)
    if (bytes.length !== id.width * HASH_SIZE) throw new RangeError('a tile has the wrong size')
    return splitHashes(bytes)
  }
  const root = async (lo: number, hi: number): Promise<Buffer> => {
    const width = hi - lo
    const split = splitPoint(width + 1)
    if (split !== width) {
      return nodeHash(await root(lo, lo + split), await root(lo + split, hi))
    }
    // A perfect subtree: its hashes lie side by side in one tile of the highest level below its root.
    let level = 0
    let unit = 1
    while (width >= unit * TILE_WIDTH) {
      level += 1
      unit *= TILE_WIDTH
    }
    const first = lo / unit
    const hashes = await tile(level, Math.floor(first / TILE_WIDTH))
    const start = first % TILE_WIDTH
    return rootOf(hashes.slice(start, start + width / unit))
  }
  return root
}

/**
 * Does the path lead from this leaf to this root? RFC 9162 §2.1.3.2.
 *
 * A proof does not authenticate the size: `size` and `root` must come from one verified checkpoint.
 */
export function verifyInclusion(claim: {
  index: number
  size: number
  leafHash: Uint8Array
  root: Uint8Array
  proof: readonly Uint8Array[]
}): boolean {
  const { index, size, leafHash, root, proof } = claim
  if (
    !isCount(index) ||
    !isCount(size) ||
    index >= size ||
    !areHashes([leafHash, root, ...proof])
  ) {
    return false
  }
  let fn = index
  let sn = size - 1
  let hash = leafHash
  for (const sibling of proof) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash)
      while (fn % 2 === 0 && fn !== 0) {
        fn = fn / 2
        sn = Math.floor(sn / 2)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  return sn === 0 && Buffer.from(hash).equals(root)
}

/**
 * Is the old tree a prefix of the new one? RFC 9162 §2.1.4.2. Sizes and roots must come from verified
 * checkpoints. An empty old tree is a prefix of every tree, with an empty proof.
 */
export function verifyConsistency(claim: {
  oldSize: number
  size: number
  oldRoot: Uint8Array
  root: Uint8Array
  proof: readonly Uint8Array[]
}): boolean {
  const { oldSize, size, oldRoot, root, proof } = claim
  if (!isCount(oldSize) || !isCount(size) || oldSize > size) return false
  if (!areHashes([oldRoot, root, ...proof])) return false
  if (oldSize === size) return proof.length === 0 && Buffer.from(oldRoot).equals(root)
  if (oldSize === 0) return proof.length === 0 && EMPTY_ROOT.equals(oldRoot)
  if (proof.length === 0) return false

  let fn = oldSize - 1
  let sn = size - 1
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  // When the old tree is a perfect subtree of the new one, its root is not repeated in the proof.
  const path = fn === 0 ? [oldRoot, ...proof] : proof
  let oldHash = path[0] as Uint8Array
  let hash = oldHash
  for (const sibling of path.slice(1)) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      oldHash = nodeHash(sibling, oldHash)
      hash = nodeHash(sibling, hash)
      while (fn % 2 === 0 && fn !== 0) {
        fn = fn / 2
        sn = Math.floor(sn / 2)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  return sn === 0 && Buffer.from(oldHash).equals(oldRoot) && Buffer.from(hash).equals(root)
}

function isCount(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0
}

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === HASH_SIZE)
}
