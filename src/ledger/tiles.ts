import { HASH_SIZE, type RightEdge, TILE_WIDTH } from './tree.ts'

/** One tile of a tree: `width` hashes (1…256) of level `level`, starting at hash `256 × index`. */
export interface TileId {
  level: number
  index: number
  width: number
}

/** The highest tile level of a tree of 2^53 entries, and more than C2SP's 2^64 ever reaches in practice. */
const MAX_LEVEL = 63

/** How many hashes of `level` a tree of `size` entries has. */
export function levelSize(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/**
 * The tile of a tree of `size` entries, as wide as that tree makes it.
 *
 * @returns undefined when the tree has no such tile
 */
export function tileOfTree(size: number, level: number, index: number): TileId | undefined {
  const width = Math.min(TILE_WIDTH, levelSize(size, level) - index * TILE_WIDTH)
  return width > 0 ? { level, index, width } : undefined
}

/**
 * Tiles of a tree of `size` entries, level 0 first, each as wide as it gets.
 *
 * @param from only those that the tree of `from` entries does not have, or not so wide
 */
export function tilesOfTree(size: number, from = 0): TileId[] {
  const tiles: TileId[] = []
  for (let level = 0; levelSize(size, level) > levelSize(from, level); level += 1) {
    const first = Math.floor(levelSize(from, level) / TILE_WIDTH)
    for (let index = first; index * TILE_WIDTH < levelSize(size, level); index += 1) {
      const tile = tileOfTree(size, level, index)
      if (tile !== undefined) tiles.push(tile)
    }
  }
  return tiles
}

/** `tile/0/x001/234.p/5`. C2SP tlog-tiles, "Merkle Tree". */
export function tilePath({ level, index, width }: TileId): string {
  return `tile/${level}/${indexPath(index)}${suffix(width)}`
}

/** `tile/entries/x001/234.p/5`. C2SP tlog-tiles, "Log Entries". */
export function entriesPath({ index, width }: Pick<TileId, 'index' | 'width'>): string {
  return `tile/entries/${indexPath(index)}${suffix(width)}`
}

/** Groups of three digits; all but the last begin with `x`. */
function indexPath(index: number): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
}

function suffix(width: number): string {
  return width === TILE_WIDTH ? '' : `.p/${width}`
}

/**
 * Reads a tile path, with or without the leading `tile/`.
 *
 * @returns undefined for anything but the one spelling that `tilePath` or `entriesPath` writes
 */
export function parseTilePath(
  path: string,
): ({ kind: 'hashes' } & TileId) | { kind: 'entries'; index: number; width: number } | undefined {
  const match =
    /^(?:tile\/)?(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path)
  if (match === null) return undefined
  const [, level, digits, partial] = match as unknown as [string, string, string, string?]
  const index = Number(digits.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  if (!Number.isSafeInteger(index) || (partial !== undefined && width >= TILE_WIDTH)) {
    return undefined
  }
  if (indexPath(index) !== digits) return undefined
  if (level === 'entries') return { kind: 'entries', index, width }
  return Number(level) > MAX_LEVEL
    ? undefined
    : { kind: 'hashes', level: Number(level), index, width }
}

/** The hashes of a tile that is still unfinished, cut out of the right edge; undefined when it is not there. */
export function tileFromEdge(edge: RightEdge, { level, index, width }: TileId): Buffer | undefined {
  const first = Math.floor(levelSize(edge.size, level) / TILE_WIDTH)
  const bytes = edge.levels[level]
  if (index !== first || bytes === undefined || bytes.length < width * HASH_SIZE) return undefined
  return bytes.subarray(0, width * HASH_SIZE)
}

/** Concatenation of `uint16 length || entry`. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    const length = Buffer.allocUnsafe(2)
    length.writeUInt16BE(entry.length)
    parts.push(length, entry)
  }
  return Buffer.concat(parts)
}

/** @throws RangeError when the bytes end within an entry */
export function decodeBundle(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + 2 > bytes.length) throw new RangeError('a bundle ends within a length')
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) throw new RangeError('a bundle ends within an entry')
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  return entries
}
