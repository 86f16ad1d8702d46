import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface InclusionCase {
  treeSize: number
  leafIndex: number
  leafHash: string
  rootHash: string
  proof: string[]
}
export interface ConsistencyCase {
  oldSize: number
  newSize: number
  oldRoot: string
  newRoot: string
  proof: string[]
}
export interface TileCase {
  level: number
  index: number
  width: number
  path: string
  sha256OfTileBytes: string
}
interface Root {
  treeSize: number
  rootHash: string
}
interface LeafSet {
  leaves: { index: number; dataHex: string; leafHash: string }[]
  roots: Root[]
  inclusion: InclusionCase[]
  consistency: ConsistencyCase[]
  tilesAtFullSize: (TileCase & { bytesHex: string })[]
}

/** Known answers made by golang.org/x/mod/sumdb and checked against three other implementations. */
export const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../conformance/tlog.json'), 'utf8'),
) as {
  sets: Record<string, LeafSet>
  big: {
    roots: Root[]
    inclusion: InclusionCase[]
    consistency: ConsistencyCase[]
    tiles: Record<string, { manifestSha256: string; tiles: number; partialTiles: TileCase[] }>
  }
  negative: { kind: 'inclusion' | 'consistency'; why: string; case: unknown }[]
  sizeNotAuthenticated: { case: InclusionCase }
  sizeNotAuthenticatedConsistency: { case: ConsistencyCase }
  tilePaths: { level: number; index: number; width: number; path: string }[]
  entryBundle: { bytesHex: string; path: string }
  notes: {
    origin: string
    keys: { name: string; seedHex: string; skey?: string; vkey: string; time?: string }[]
    refused: { note: string; why: string }[]
  } & Record<string, string>
  tlogProof: { text: string; entryDataHex: string }
}

export const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
