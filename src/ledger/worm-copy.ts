import { type Clock, type Instant, SECOND } from '../shared/clock.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { type LedgerLog, silentLog } from './log.ts'
import { parseNote, type Verifier } from './note.ts'
import { consistencyProof, type ReadTile, verifyConsistency } from './proofs.ts'
import { repeat } from './repeat.ts'
import { entriesPath, tilePath, tilesOfTree } from './tiles.ts'
import type { TlogSource } from './tlog-source.ts'
import { checkpointName, newestNote, type WormStore } from './worm.ts'

/**
 * Why nothing is copied. `ahead`: the copy holds a longer log, this one was set back. `split-view`: the copy holds
 * another log. `unreachable`: the storage cannot be read or written; tried again.
 */
export type WormTrouble = 'ahead' | 'split-view' | 'unreachable'

export interface WormStatus {
  /** Entries that the copy holds, with a signed checkpoint over them. */
  size: number
  /** When that was last known to be so; 0: never. */
  at: Instant
  trouble: WormTrouble | undefined
}

export interface WormCopy {
  start(): void
  /** Copies the end of the log, if it can. */
  stop(): Promise<void>
  /** One round without the loop. */
  round(): Promise<WormStatus>
  status(): WormStatus
}

/** What a crash of the database can cost. Each round leaves partial tiles behind that nobody may delete. */
const INTERVAL_MS = 10 * SECOND
/** Until the first round that copied. */
const FIRST_MS = 1 * SECOND

/**
 * Copies what is signed to write-once storage: entries, tiles, then the checkpoint over them. Sealing and publishing
 * never wait for it.
 *
 * @param options.source the published log
 * @param options.logKeys keys of the log, former ones too: notes in the copy count when one of them has signed
 */
export function createWormCopy(options: {
  source: TlogSource
  logKeys: () => Promise<readonly Verifier[]>
  worm: WormStore
  clock: Clock
  log?: LedgerLog
  /** Only one of several processes copies. */
  leading?: () => boolean
  everyMs?: number
}): WormCopy {
  const { source, logKeys, worm, clock, log = silentLog, everyMs = INTERVAL_MS } = options
  const { leading = () => true } = options
  let last: { size: number; note: string } | undefined
  let told = 0
  let status: WormStatus = { size: 0, at: 0, trouble: undefined }

  const fail = (trouble: WormTrouble, fields: object): WormStatus => {
    // Once per change: a share that is away for a night fills no log.
    if (status.trouble !== trouble) {
      const words = 'the write-once copy of the ledger does not follow'
      if (trouble === 'unreachable') log.warn({ trouble, ...fields }, words)
      else log.error({ trouble, ...fields }, words)
    }
    status = { ...status, trouble }
    return status
  }

  /** Where the copy is. @throws OtherBytes when all that it holds was signed by somebody else */
  const found = async (): Promise<{ size: number; note: string }> => {
    const { newest, skipped } = await newestNote(worm, await logKeys())
    if (skipped.length > told) {
      const names = skipped.slice(0, 3).map(({ name }) => name)
      log.error(
        { skipped: skipped.length, names },
        'the write-once copy holds checkpoints that the log has not signed; they are passed over',
      )
    }
    told = skipped.length
    const foreign = skipped.find(({ kind }) => kind === 'foreign')
    if (newest === undefined && foreign !== undefined) throw new OtherBytes(foreign.name)
    return newest ?? { size: 0, note: '' }
  }

  const copy = async (): Promise<WormStatus> => {
    const note = await source.checkpoint()
    if (note === null) return status
    last ??= await found()
    const { size } = last
    const to = headOf(note)
    if (to.size < size) return fail('ahead', { copied: size, size: to.size })
    if (!(await extendsCopy(last, note, source))) return fail('split-view', { copied: size })
    const put = async (name: string, bytes: Buffer | null): Promise<void> => {
      if (bytes === null) throw new RangeError(`${name} is missing`)
      if ((await worm.putIfAbsent(name, bytes)) === 'other') throw new OtherBytes(name)
    }
    for (const tile of tilesOfTree(to.size, size)) {
      await put(tilePath(tile), await source.tile(tile))
      if (tile.level > 0) continue
      await put(entriesPath(tile), await source.bundle(tile.index, tile.width))
    }
    // The same size again only for signatures that came later.
    if (to.size > size || signatures(note) > signatures(last.note)) {
      await put(checkpointName(to.size, note), Buffer.from(note))
      last = { size: to.size, note }
    }
    if (status.trouble !== undefined) log.info({ size: to.size }, 'the write-once copy follows')
    status = { size: to.size, at: clock.now(), trouble: undefined }
    return status
  }

  const round = async (): Promise<WormStatus> => {
    try {
      return await copy()
    } catch (error) {
      // What is there is looked up again: the failed round may have gone further than it knows.
      last = undefined
      if (error instanceof OtherBytes) return fail('split-view', { name: error.message })
      return fail('unreachable', { err: error })
    }
  }

  const loop = repeat(
    async () => {
      if (leading()) await round()
    },
    () => (status.at === 0 ? FIRST_MS : everyMs),
    (error) => fail('unreachable', { err: error }),
  )
  return {
    start: loop.start,
    stop: async () => {
      await loop.stop()
      // What was signed last; whoever copied before does, the lease may be given back already.
      if (status.at > 0) await round()
    },
    round,
    status: () => status,
  }
}

class OtherBytes extends Error {}

/** Is the log that was copied a beginning of this one? */
async function extendsCopy(
  copied: { size: number; note: string },
  note: string,
  source: TlogSource,
): Promise<boolean> {
  if (copied.size === 0) return true
  const old = headOf(copied.note)
  const now = headOf(note)
  const readTile: ReadTile = async (tile) => {
    const bytes = await source.tile(tile)
    if (bytes === null) throw new RangeError(`${tilePath(tile)} is missing`)
    return bytes
  }
  const proof = await consistencyProof(old.size, now.size, readTile)
  return verifyConsistency({
    oldSize: old.size,
    oldRoot: old.root,
    size: now.size,
    root: now.root,
    proof,
  })
}

function headOf(note: string): { size: number; root: Buffer } {
  const checkpoint = parseCheckpoint(parseNote(note)?.text ?? '')
  if (checkpoint === undefined) throw new RangeError('a note is no checkpoint')
  return checkpoint
}

function signatures(note: string): number {
  return parseNote(note)?.signatures.length ?? 0
}
