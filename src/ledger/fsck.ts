import { assertNever } from '../shared/assert-never.ts'
import { openCheckpoint } from './checkpoint.ts'
import { bundlesOfTree } from './export.ts'
import { type AnnouncedKey, announcedKey, signedBy } from './keyring.ts'
import { logRoots } from './keys.ts'
import { readLeaf } from './leaf.ts'
import type { Verifier } from './note.ts'
import { decodeBundle, tileFromEdge, tilePath, tilesOfTree } from './tiles.ts'
import type { TlogSource } from './tlog-source.ts'
import {
  append,
  EMPTY_EDGE,
  edgeRoot,
  HASH_SIZE,
  leafHash,
  type RightEdge,
  TILE_WIDTH,
} from './tree.ts'

export interface FsckReport {
  size: number
  /** Hex; of the entries as they are. */
  root: string
  /** One sentence per fault, naming the part. Empty: the log is sound. */
  faults: string[]
}

/** Beyond this many faults the log is simply another one. */
const MAX_FAULTS = 100

/**
 * Reads the whole log and computes it again: every entry against its signature and its tile, every tile
 * against the entries, the root against the signed checkpoint.
 *
 * @param logKeys keys of the log that the caller believes
 */
export async function fsck(source: TlogSource, logKeys: readonly Verifier[]): Promise<FsckReport> {
  const faults: string[] = []
  const fault = (sentence: string): void => {
    if (faults.length < MAX_FAULTS) faults.push(sentence)
  }
  const note = await source.checkpoint()
  const opened = note === null ? undefined : openCheckpoint(note, logKeys)
  if (opened?.kind !== 'verified') {
    return { size: 0, root: '', faults: [`the checkpoint is ${opened?.kind ?? 'missing'}`] }
  }
  const { size, root, origin } = opened.checkpoint
  const check = createEntryCheck(
    origin,
    logKeys.filter(({ name }) => name === origin),
  )
  let edge: RightEdge = EMPTY_EDGE
  for (const { index, width } of bundlesOfTree(size)) {
    const entries = await entriesOf(source, index, width)
    if (entries === undefined) {
      // Without these bytes nothing after them can be computed.
      fault(`the entries from ${index * TILE_WIDTH} are missing or damaged`)
      break
    }
    const known = await source.tile({ level: 0, index, width })
    const hashes = entries.map((entry) => leafHash(entry))
    for (const [i, hash] of hashes.entries()) {
      if (known?.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE).equals(hash) !== true) {
        fault(`entry ${index * TILE_WIDTH + i} differs from its tile`)
      }
    }
    const refused = await check(entries)
    for (const [i, reason] of refused.entries()) {
      if (reason !== undefined) fault(`entry ${index * TILE_WIDTH + i} ${reason}`)
    }
    const step = append(edge, hashes)
    edge = step.edge
    for (const tile of step.tiles.filter(({ level }) => level > 0)) {
      const stored = await source.tile({ ...tile, width: TILE_WIDTH })
      if (stored?.equals(tile.bytes) !== true) {
        fault(`${tilePath({ ...tile, width: TILE_WIDTH })} differs from the entries`)
      }
    }
  }
  for (const tile of tilesOfTree(edge.size).filter(
    ({ level, width }) => level > 0 && width < 256,
  )) {
    const stored = await source.tile(tile)
    if (stored?.equals(tileFromEdge(edge, tile) ?? Buffer.alloc(0)) !== true) {
      fault(`${tilePath(tile)} differs from the entries`)
    }
  }
  const computed = edgeRoot(edge)
  if (!computed.equals(root)) fault('the entries do not give the root of the checkpoint')
  return { size: edge.size, root: computed.toString('hex'), faults }
}

async function entriesOf(
  source: TlogSource,
  index: number,
  width: number,
): Promise<Buffer[] | undefined> {
  const bytes = await source.bundle(index, width)
  try {
    const entries = bytes === null ? [] : decodeBundle(bytes)
    return entries.length === width ? entries : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Says what is wrong with each entry of a bundle; knows the keys that were announced up to its end. */
function createEntryCheck(
  origin: string,
  logKeys: readonly Verifier[],
): (entries: readonly Buffer[]) => Promise<(string | undefined)[]> {
  const keyring = new Map<string, AnnouncedKey>(logRoots(logKeys).map((key) => [key.kid, key]))
  const check = async (entry: Buffer): Promise<string | undefined> => {
    const read = readLeaf(entry)
    if (read.kind === 'refused') return `is ${read.reason}`
    const { body, kid } = read.leaf
    if (body.log !== origin) return 'is of another log'
    const by = await signedBy(read.leaf, keyring)
    switch (by.kind) {
      case 'signed':
        return undefined
      case 'unknown-key':
        return `names the key ${kid}, which was not announced before it`
      case 'wrong-role':
        return `is signed by a key for ${by.role}`
      case 'bad-signature':
        return 'has a wrong signature'
      default:
        return assertNever(by)
    }
  }
  return async (entries) => {
    // One after the other: a key may announce the next one. `check` says what is wrong with the others.
    for (const entry of entries.filter((bytes) => bytes.includes('"type":"log.key"'))) {
      const announced = await announcedKey(entry, keyring)
      if (announced !== undefined) keyring.set(announced.kid, announced)
    }
    return await Promise.all(entries.map(check))
  }
}
