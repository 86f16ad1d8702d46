import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fsck } from '../../src/ledger/fsck.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { readerSource } from '../../src/ledger/tlog-source.ts'
import { append, EMPTY_EDGE, edgeRoot } from '../../src/ledger/tree.ts'
import { inTransaction } from '../../src/storage/connection.ts'
import {
  checkpointsOf,
  entriesOf,
  headsOf,
  intakeOf,
  refusedOf,
} from '../../src/storage/ledger-collections.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, ORIGIN, verifiedEntry } from '../support/ledger.ts'
import { EFFECTS, startLedgerProcess } from '../support/ledger-process.ts'

/** The long run: `npm run chaos:ledger`. */
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 8)
/** Goes on until so many processes were killed, too: `npm run chaos:ledger -- --kills 200`. */
const KILLS = Number(process.env['CHAOS_KILLS'] ?? 0)
/** A kill takes as long as a start; this is ample. */
const LIMIT_MS = SECONDS * 1_000 + KILLS * 10_000
const PROCESSES = 3
/** Rows wait while processes die; more of them would only make the end long. */
const MAX_WAITING = 2_000
/** The long run is about kills, not about size: each snapshot counts everything. */
const ENQUEUE_EVERY_MS = 5 + KILLS

let db: Awaited<ReturnType<typeof freshDatabase>>
let it: Awaited<ReturnType<typeof ledgerOn>>
const children: ChildProcess[] = []
let started = 0

beforeEach(async () => {
  db = await freshDatabase()
  it = await ledgerOn(db.connection)
  await it.settle()
  await it.ledger.stop()
  await db.connection.createCollection(EFFECTS)
})
afterEach(async () => {
  for (const child of children) {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
  }
  await it.cleanUp()
  await db.dispose()
})

async function start(slot: number): Promise<void> {
  started += 1
  const child = startLedgerProcess({
    uri: db.uri,
    dbName: db.dbName,
    origin: ORIGIN,
    directory: it.directory,
    masterKey: it.masterKey.toString('hex'),
    holder: `p${started}`,
    leaseMs: 400,
    batch: 20,
  })
  children[slot] = child
  await once(child, 'message')
}

/** The invariant: at every snapshot, as many effects as entries as the head says. Four came with the first start. */
async function snapshot(): Promise<{ size: number; entries: number; effects: number }> {
  return await inTransaction(db.connection, async (session) => {
    const head = await headsOf(db.connection).findOne({}, { session })
    const entries = await entriesOf(db.connection).countDocuments({}, { session })
    const effects = await db.connection.collection(EFFECTS).countDocuments({}, { session })
    return { size: head?.size ?? 0, entries, effects }
  })
}

test(
  'sequencers, killed and frozen at random, seal each entry once and sign one history',
  async () => {
    const before = (await snapshot()).size
    await Promise.all(Array.from({ length: PROCESSES }, (_, slot) => start(slot)))
    const end = Date.now() + SECONDS * 1_000
    const last = Date.now() + LIMIT_MS
    let made = 0
    let kills = 0
    let freezes = 0
    let snapshots = 0
    const broken: object[] = []
    // A process takes seconds to start: the others are killed meanwhile.
    const starting = new Map<number, Promise<void>>()
    const until = async (work: () => Promise<void>): Promise<void> => {
      while (Date.now() < end || (kills < KILLS && Date.now() < last)) await work()
    }
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

    await Promise.all([
      until(async () => {
        const names = Array.from({ length: 10 }, () => `r${made++}`)
        await it.enqueue(names.map((name) => verifiedEntry(it.writer, name)))
        await pause(ENQUEUE_EVERY_MS)
        while ((await intakeOf(db.connection).estimatedDocumentCount()) > MAX_WAITING) {
          await pause(100)
        }
      }),
      until(async () => {
        const seen = await snapshot()
        snapshots += 1
        if (seen.size !== seen.entries || seen.size - before !== seen.effects) broken.push(seen)
      }),
      until(async () => {
        await pause(300 + Math.random() * 500)
        const slot = Math.floor(Math.random() * PROCESSES)
        // At least one is left to seal, and none is killed before it began.
        if (starting.has(slot) || starting.size > 1) return
        children[slot]?.kill('SIGKILL')
        kills += 1
        if (kills % 20 === 0) console.log(`chaos: ${kills} kills, ${made} entries`)
        starting.set(
          slot,
          start(slot).finally(() => starting.delete(slot)),
        )
      }),
      until(async () => {
        await pause(200 + Math.random() * 300)
        const child = children[Math.floor(Math.random() * PROCESSES)]
        // Past its lease: when it wakes up, somebody else may have sealed.
        child?.kill('SIGSTOP')
        freezes += 1
        await pause(600)
        child?.kill('SIGCONT')
      }),
    ])

    await Promise.all(starting.values())
    await vi.waitFor(
      async () => {
        expect(await intakeOf(db.connection).countDocuments()).toBe(0)
        expect((await it.reader.size()) - before).toBe(made)
      },
      { timeout: 60_000, interval: 100 },
    )
    console.log(
      `chaos: ${made} entries, ${kills} kills, ${freezes} freezes, ${snapshots} snapshots`,
    )
    expect(broken).toEqual([])
    expect(kills).toBeGreaterThanOrEqual(KILLS)
    expect(kills + freezes).toBeGreaterThan(3)
    expect(await refusedOf(db.connection).countDocuments()).toBe(0)
    const rows = await entriesOf(db.connection).find().sort({ _id: 1 }).toArray()
    expect(new Set(rows.map((row) => row.eid)).size).toBe(before + made)
    expect(rows.map((row) => row._id)).toEqual(rows.map((_, i) => i))

    const keys = [parseVkey(it.ledger.verifierKeys.log)!]
    expect(await fsck(readerSource(it.reader), keys)).toMatchObject({ faults: [] })
    const hashes = rows.map((row) => row.leafHash)
    for (const { _id: size, root } of await checkpointsOf(db.connection).find().toArray()) {
      expect(edgeRoot(append(EMPTY_EDGE, hashes.slice(0, size)).edge).equals(root)).toBe(true)
    }
  },
  LIMIT_MS + 90_000,
)
