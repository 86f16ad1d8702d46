import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  consistencyProof,
  inclusionProof,
  type ReadTile,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/ledger/proofs.ts'
import {
  decodeBundle,
  encodeBundle,
  entriesPath,
  parseTilePath,
  tileFromEdge,
  tileOfTree,
  tilePath,
  tilesOfTree,
} from '../../../src/ledger/tiles.ts'
import {
  append,
  EMPTY_EDGE,
  edgeRoot,
  HASH_SIZE,
  leafHash,
  type RightEdge,
  rootOf,
  splitPoint,
} from '../../../src/ledger/tree.ts'
import { bytes, type ConsistencyCase, type InclusionCase, vectors } from './vectors.ts'

const inclusionHolds = (c: InclusionCase): boolean =>
  verifyInclusion({
    index: c.leafIndex,
    size: c.treeSize,
    leafHash: bytes(c.leafHash),
    root: bytes(c.rootHash),
    proof: c.proof.map(bytes),
  })

const consistencyHolds = (c: ConsistencyCase): boolean =>
  verifyConsistency({
    oldSize: c.oldSize,
    size: c.newSize,
    oldRoot: bytes(c.oldRoot),
    root: bytes(c.newRoot),
    proof: c.proof.map(bytes),
  })

/** A tree in memory: full tiles by path, the edge, and a reader over both. */
function grow(hashes: readonly Buffer[], batch: number) {
  const full = new Map<string, Buffer>()
  let edge: RightEdge = EMPTY_EDGE
  for (let at = 0; at < hashes.length; at += batch) {
    const step = append(edge, hashes.slice(at, at + batch))
    for (const tile of step.tiles) full.set(tilePath({ ...tile, width: 256 }), tile.bytes)
    edge = step.edge
  }
  const read: ReadTile = async (id) => {
    const bytes = full.get(tilePath({ ...id, width: 256 })) ?? tileFromEdge(edge, id)
    if (bytes === undefined) throw new Error(`no tile ${tilePath(id)}`)
    return bytes.subarray(0, id.width * HASH_SIZE)
  }
  return { edge, read }
}

describe.each(Object.entries(vectors.sets))('the known answers of %s', (_name, set) => {
  const hashes = set.leaves.map((leaf) => leafHash(bytes(leaf.dataHex)))

  test('leaf hashes, of every entry, are those of RFC 9162', () => {
    expect(hashes.map((h) => h.toString('hex'))).toEqual(set.leaves.map((l) => l.leafHash))
  })

  test.each(set.roots)('root, at size $treeSize, is the known one', ({ treeSize, rootHash }) => {
    expect(rootOf(hashes.slice(0, treeSize)).toString('hex')).toBe(rootHash)
    expect(edgeRoot(grow(hashes.slice(0, treeSize), 3).edge).toString('hex')).toBe(rootHash)
  })

  test('proofs, made from tiles for every index and size, are the known ones and verify', async () => {
    for (const c of set.inclusion) {
      const { read } = grow(hashes.slice(0, c.treeSize), 5)
      const proof = await inclusionProof(c.leafIndex, c.treeSize, read)
      expect(proof.map((h) => h.toString('hex'))).toEqual(c.proof)
      expect(inclusionHolds(c)).toBe(true)
    }
    for (const c of set.consistency) {
      const { read } = grow(hashes.slice(0, c.newSize), 4)
      const proof = await consistencyProof(c.oldSize, c.newSize, read)
      expect(proof.map((h) => h.toString('hex'))).toEqual(c.proof)
      expect(consistencyHolds(c)).toBe(true)
    }
  })

  test('tiles, at full size, hold the known bytes under the known paths', async () => {
    const { read } = grow(hashes, 7)
    for (const tile of set.tilesAtFullSize) {
      expect(tilePath(tile)).toBe(tile.path)
      expect(Buffer.from(await read(tile)).toString('hex')).toBe(tile.bytesHex)
    }
  })
})

describe('a tree of 70 000 entries', () => {
  const hashes = Array.from({ length: 70_000 }, (_, i) => {
    const data = Buffer.alloc(8)
    data.writeBigUInt64BE(BigInt(i))
    return leafHash(data)
  })
  const whole = grow(hashes, 999)

  test.each(vectors.big.roots)('root, at size $treeSize, is the known one', (root) => {
    const { edge } = grow(hashes.slice(0, root.treeSize), 1000)
    expect(edgeRoot(edge).toString('hex')).toBe(root.rootHash)
  })

  test('proofs, made from tiles of the newest tree, are the known ones and verify', async () => {
    for (const c of vectors.big.inclusion) {
      const proof = await inclusionProof(c.leafIndex, c.treeSize, whole.read)
      expect(proof.map((h) => h.toString('hex'))).toEqual(c.proof)
      expect(inclusionHolds(c)).toBe(true)
    }
    for (const c of vectors.big.consistency) {
      const proof = await consistencyProof(c.oldSize, c.newSize, whole.read)
      expect(proof.map((h) => h.toString('hex'))).toEqual(c.proof)
      expect(consistencyHolds(c)).toBe(true)
    }
  })

  test.each(Object.entries(vectors.big.tiles))(
    'tiles, at size %s, have the known manifest',
    async (size, expected) => {
      const tiles = tilesOfTree(Number(size))
      expect(tiles).toHaveLength(expected.tiles)
      let manifest = ''
      for (const tile of tiles) {
        const sha256 = createHash('sha256')
          .update(await whole.read(tile))
          .digest('hex')
        manifest += `${tilePath(tile)} ${sha256}\n`
      }
      expect(createHash('sha256').update(manifest).digest('hex')).toBe(expected.manifestSha256)
    },
  )
})

describe('verification', () => {
  test.each(vectors.negative)('$kind proof, $why, is refused', ({ kind, case: c }) => {
    const holds =
      kind === 'inclusion'
        ? inclusionHolds(c as InclusionCase)
        : consistencyHolds(c as ConsistencyCase)
    expect(holds).toBe(false)
  })

  test('a proof alone, under a wrong size, is accepted: the size must come from a checkpoint', () => {
    expect(inclusionHolds(vectors.sizeNotAuthenticated.case)).toBe(true)
    expect(consistencyHolds(vectors.sizeNotAuthenticatedConsistency.case)).toBe(true)
  })

  test('sizes beyond 2^31 and beyond 2^53 are exact or refused, never wrapped', () => {
    expect(splitPoint(2 ** 33 + 1)).toBe(2 ** 33)
    expect(tileOfTree(2 ** 40 + 5, 0, 2 ** 32)).toEqual({ level: 0, index: 2 ** 32, width: 5 })
    const claim = { leafHash: hash32(1), root: hash32(2), proof: [] }
    expect(verifyInclusion({ ...claim, index: 0, size: 2 ** 53 })).toBe(false)
    expect(verifyInclusion({ ...claim, index: -1, size: 4 })).toBe(false)
    expect(verifyInclusion({ ...claim, index: 0.5, size: 4 })).toBe(false)
    expect(verifyInclusion({ ...claim, index: 0, size: 1, root: hash32(1) })).toBe(true)
    expect(verifyInclusion({ ...claim, index: 0, size: 1, root: hash32(1).subarray(1) })).toBe(
      false,
    )
  })
})

const hash32 = (n: number): Buffer => Buffer.alloc(32, n)

describe('tile paths and bundles', () => {
  test.each(vectors.tilePaths)('$path, written and read, is the same tile', (v) => {
    expect(tilePath(v)).toBe(v.path)
    expect(parseTilePath(v.path)).toEqual({
      kind: 'hashes',
      level: v.level,
      index: v.index,
      width: v.width,
    })
  })

  test.each([
    'tile/0/1',
    'tile/0/0001',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/../000',
    'tile/0/000/',
    'tile/x/000',
  ])('%s, not the one spelling, is refused', (path) => {
    expect(parseTilePath(path)).toBeUndefined()
  })

  test('an entry bundle, of three entries, has the known bytes and path', () => {
    const entries = vectors.sets['json-17']!.leaves.slice(0, 3).map((l) => bytes(l.dataHex))
    const bundle = encodeBundle(entries)
    expect(bundle.toString('hex')).toBe(vectors.entryBundle.bytesHex)
    expect(entriesPath({ index: 0, width: 3 })).toBe(vectors.entryBundle.path)
    expect(decodeBundle(bundle)).toEqual(entries)
    expect(() => decodeBundle(bundle.subarray(0, -1))).toThrow(RangeError)
    expect(() => decodeBundle(bundle.subarray(0, 1))).toThrow(RangeError)
  })
})
