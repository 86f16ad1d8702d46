import { HubError } from '../shared/errors.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { parseNote } from './note.ts'
import { entriesPath, levelSize, type TileId, tileOfTree, tilePath, tilesOfTree } from './tiles.ts'
import type { TlogSource } from './tlog-source.ts'
import { TILE_WIDTH } from './tree.ts'

/**
 * Copies a log into the static layout of C2SP tlog-tiles, which other implementations read as it is. The
 * checkpoint comes last: a copy that was broken off is not signed.
 *
 * @param write path and bytes; called once per file
 * @param kept is this full tile or bundle there already? Such a one never changes and is not read again
 * @returns the number of entries
 * @throws HubError ERR_LEDGER when there is no checkpoint, or a part of the log is missing
 */
export async function exportLog(
  source: TlogSource,
  write: (path: string, bytes: Buffer) => Promise<void>,
  kept: (path: string) => Promise<boolean> = async () => false,
): Promise<number> {
  const note = await source.checkpoint()
  const size = sizeOf(note)
  if (note === null || size === undefined) throw new HubError('ERR_LEDGER', 'no checkpoint to copy')
  for (const tile of tilesOfTree(size)) {
    const path = tilePath(tile)
    if (tile.width === TILE_WIDTH && (await kept(path))) continue
    await write(path, present(await source.tile(tile), path))
  }
  for (const { index, width } of bundlesOfTree(size)) {
    const path = entriesPath({ index, width })
    if (width === TILE_WIDTH && (await kept(path))) continue
    await write(path, present(await source.bundle(index, width), path))
  }
  await write('checkpoint', Buffer.from(note))
  return size
}

/** The entry bundles of a tree of `size` entries. */
export function* bundlesOfTree(size: number): Generator<TileId> {
  for (let index = 0; index * 256 < levelSize(size, 0); index += 1) {
    const tile = tileOfTree(size, 0, index)
    if (tile !== undefined) yield tile
  }
}

function sizeOf(note: string | null): number | undefined {
  const text = note === null ? undefined : parseNote(note)?.text
  return text === undefined ? undefined : parseCheckpoint(text)?.size
}

function present(bytes: Buffer | null, path: string): Buffer {
  if (bytes === null) throw new HubError('ERR_LEDGER', `${path} is missing`)
  return bytes
}
