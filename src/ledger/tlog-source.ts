import type { LedgerReader } from './reader.ts'
import { entriesPath, type TileId, tilePath } from './tiles.ts'

/** A whole log, as C2SP tlog-tiles lays it out: from the hub, or from a directory that somebody kept. */
export interface TlogSource {
  /** The signed note; null when there is none. */
  checkpoint(): Promise<string | null>
  tile(tile: TileId): Promise<Buffer | null>
  bundle(index: number, width: number): Promise<Buffer | null>
}

export function readerSource(
  reader: Pick<LedgerReader, 'checkpointText' | 'tileBytes' | 'entryBundle'>,
): TlogSource {
  return {
    checkpoint: () => reader.checkpointText(),
    tile: ({ level, index, width }) => reader.tileBytes(level, index, width),
    bundle: (index, width) => reader.entryBundle(index, width),
  }
}

/** @param read the bytes under a path relative to the root of the log; null when there is no such file */
export function pathSource(read: (path: string) => Promise<Buffer | null>): TlogSource {
  return {
    checkpoint: async () => (await read('checkpoint'))?.toString() ?? null,
    tile: (tile) => read(tilePath(tile)),
    bundle: (index, width) => read(entriesPath({ index, width })),
  }
}
