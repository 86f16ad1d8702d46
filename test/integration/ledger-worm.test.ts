import { chmod, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { SILENT } from '../../src/cli/progress.ts'
import { formatCheckpoint } from '../../src/ledger/checkpoint.ts'
import { fsck } from '../../src/ledger/fsck.ts'
import { parseVkey, type Verifier } from '../../src/ledger/note.ts'
import { recoverLog } from '../../src/ledger/recover.ts'
import { checkRestore } from '../../src/ledger/restore-check.ts'
import { readerSource } from '../../src/ledger/tlog-source.ts'
import { checkpointName, type WormStore, wormSource } from '../../src/ledger/worm.ts'
import { createWormCopy, type WormCopy } from '../../src/ledger/worm-copy.ts'
import { createWormDirectory } from '../../src/ledger/worm-directory.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { entriesOf, headsOf } from '../../src/storage/ledger-collections.ts'
import { prepareLedger } from '../../src/storage/ledger-store.ts'
import { caseKeysOf, offboardingsOf } from '../../src/storage/revocation-models.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, ORIGIN, verifiedEntry } from '../support/ledger.ts'

let db: Awaited<ReturnType<typeof freshDatabase>>
let it: Awaited<ReturnType<typeof ledgerOn>>
let root: string
let worm: WormStore
let copy: WormCopy
let keys: Verifier[]
const FIRST = 5

beforeEach(async () => {
  db = await freshDatabase()
  it = await ledgerOn(db.connection)
  root = await mkdtemp(join(tmpdir(), 'quittance-worm-'))
  worm = createWormDirectory(root)
  copy = copyOf()
  keys = [parseVkey(it.ledger.verifierKeys.log)!]
  await it.settle()
})
afterEach(async () => {
  await it.cleanUp()
  await rm(root, { recursive: true, force: true })
  await db.dispose()
})

const copyOf = (store = worm): WormCopy =>
  createWormCopy({
    source: readerSource(it.reader),
    logKeys: async () => [parseVkey(it.ledger.verifierKeys.log)!],
    worm: store,
    clock: systemClock,
    log: it.log,
  })

const grow = async (from: number, to: number): Promise<void> => {
  const names = Array.from({ length: to - from }, (_, i) => `r${from + i}`)
  await it.enqueue(names.map((name) => verifiedEntry(it.writer, name)))
  await it.settle()
}

/** As after the loss of the database's ledger, and of nothing else. */
const lose = async (): Promise<void> => {
  for (const { name } of await db.connection.listCollections()) {
    if (name.startsWith('ledger_')) await db.connection.dropCollection(name)
  }
  await prepareLedger(db.connection)
}

const recover = () =>
  recoverLog(wormSource(worm, keys), keys, it.store, async () => {}, systemClock.now())

describe('the copy', () => {
  test('round by round, is the whole log, also for a reader of its files', async () => {
    for (const [from, to] of [
      [0, 0],
      [0, 251],
      [251, 252],
      [252, 260],
    ] as const) {
      await grow(from, to)
      expect(await copy.round()).toMatchObject({ size: FIRST + to, trouble: undefined })
      const report = await fsck(wormSource(worm, keys), keys)
      expect(report).toMatchObject({ size: FIRST + to, faults: [] })
    }
    const before = (await readdir(root, { recursive: true })).length
    expect(await copyOf().round()).toMatchObject({ size: FIRST + 260, trouble: undefined })
    expect((await readdir(root, { recursive: true })).length).toBe(before)
  })

  test('while the folder is away, says so once and catches up', async () => {
    await grow(0, 3)
    await copy.round()
    await rename(root, `${root}.away`)
    await grow(3, 6)
    expect(await copy.round()).toMatchObject({ size: FIRST + 3, trouble: 'unreachable' })
    await copy.round()
    expect(it.logged.filter((line) => line.fields['trouble'] === 'unreachable')).toHaveLength(1)
    await rename(`${root}.away`, root)
    expect(await copy.round()).toMatchObject({ size: FIRST + 6, trouble: undefined })
  })

  test('of a log that was set back, is not overwritten and says so', async () => {
    await grow(0, 3)
    const head = (await headsOf(db.connection).findOne({}))!
    await grow(3, 6)
    await copy.round()
    await headsOf(db.connection).replaceOne({}, head)
    await entriesOf(db.connection).deleteMany({ _id: { $gte: head.size } })
    await db.connection
      .collection('ledger_checkpoints')
      .deleteMany({ _id: { $gt: head.size as never } })
    expect(await copy.round()).toMatchObject({ size: FIRST + 6, trouble: 'ahead' })
    expect(it.logged.at(-1)).toMatchObject({ level: 'error', fields: { trouble: 'ahead' } })
  })

  test('of another log, longer than it, is a split view', async () => {
    await grow(0, 3)
    await copy.round()
    await it.ledger.stop()
    await lose()
    it = await ledgerOn(db.connection)
    await it.settle()
    await grow(10, 20)
    expect(await copyOf().round()).toMatchObject({ trouble: 'split-view' })
  })

  test('with planted checkpoints of a longer log, goes on and says once what it passes over', async () => {
    await grow(0, 3)
    await copy.round()
    await plant()
    await grow(3, 6)
    const again = copyOf()
    expect(await again.round()).toMatchObject({ size: FIRST + 6, trouble: undefined })
    await grow(6, 7)
    expect(await again.round()).toMatchObject({ size: FIRST + 7, trouble: undefined })
    const said = it.logged.filter(({ fields }) => 'skipped' in fields)
    expect(said).toMatchObject([{ level: 'error', fields: { skipped: PLANTED.length } }])
    expect(await fsck(wormSource(worm, keys), keys)).toMatchObject({ size: FIRST + 7, faults: [] })
  })
})

const PLANTED = ['unreadable', 'signed by nobody', 'of another size'] as const

/** What anybody can do who may write to the storage. */
async function plant(): Promise<void> {
  const text = formatCheckpoint({ origin: ORIGIN, size: 9_999, root: Buffer.alloc(32, 1) })
  const ours = (await it.reader.checkpointText())!
  const notes: Record<(typeof PLANTED)[number], string> = {
    unreadable: 'no note',
    'signed by nobody': `${text}\n\u2014 ${ORIGIN} ${Buffer.alloc(68, 1).toString('base64')}\n`,
    'of another size': ours,
  }
  for (const [i, what] of PLANTED.entries()) {
    await worm.putIfAbsent(checkpointName(9_997 + i, notes[what]), Buffer.from(notes[what]))
  }
}

describe('recovery', () => {
  test('after the loss of the whole ledger, gives the same log back, and the hub goes on', async () => {
    await grow(0, 256)
    await copy.round()
    const before = (await it.reader.checkpointText())!
    const entry = await it.store.entry(100)
    await it.ledger.stop()
    await lose()
    expect(await recover()).toEqual({ kind: 'recovered', from: 0, to: FIRST + 256, erased: [] })
    expect(await it.reader.checkpointText()).toBe(before)
    expect(await it.store.entry(100)).toEqual(entry)
    expect(await fsck(readerSource(it.reader), keys)).toMatchObject({ faults: [] })
    expect(await checkRestore(it.store, [])).toEqual({ kind: 'ok', size: FIRST + 256 })
    // The signer remembers this very log, and signs on.
    const again = await ledgerOn(db.connection, {
      directory: it.directory,
      masterKey: it.masterKey,
    })
    await again.enqueue([verifiedEntry(again.writer, 'r9999'), verifiedEntry(again.writer, 'r1')])
    expect((await again.settle())?.size).toBe(FIRST + 257)
    expect(again.ledger.status().refused).toBeUndefined()
  })

  test('from a copy with planted checkpoints, recovers the log that was signed and names them', async () => {
    await grow(0, 3)
    await copy.round()
    await plant()
    await it.ledger.stop()
    await lose()
    const skipped: string[][] = []
    const source = wormSource(worm, keys, (names) => skipped.push([...names]))
    expect(
      await recoverLog(source, keys, it.store, async () => {}, systemClock.now()),
    ).toMatchObject({ kind: 'recovered', to: FIRST + 3 })
    expect(skipped[0]).toHaveLength(PLANTED.length)
    expect(skipped[0]?.[0]).toContain('checkpoint/0000000000009999-')
  })

  test('of the lost end of a log, puts back that end; repeated, nothing', async () => {
    await grow(0, 200)
    const head = (await headsOf(db.connection).findOne({}))!
    await grow(200, 256)
    await copy.round()
    await headsOf(db.connection).replaceOne({}, head)
    await entriesOf(db.connection).deleteMany({ _id: { $gte: head.size } })
    await db.connection.collection('ledger_tiles').deleteMany({ _id: '0/0' as never })
    const size = FIRST + 256
    expect(await recover()).toEqual({ kind: 'recovered', from: FIRST + 200, to: size, erased: [] })
    expect(await recover()).toEqual({ kind: 'recovered', from: size, to: size, erased: [] })
    expect(await fsck(readerSource(it.reader), keys)).toMatchObject({ size, faults: [] })
  })

  test('from a copy with one byte changed, writes nothing and names the place', async () => {
    await grow(0, 255)
    await copy.round()
    await lose()
    const path = join(root, 'tile/entries/000')
    const bytes = await readFile(path)
    bytes[20_000] = (bytes[20_000] ?? 0) ^ 1
    await chmod(path, 0o600)
    await writeFile(path, bytes)
    const refused = await recover()
    expect(refused.kind).toBe('unsound')
    expect(JSON.stringify(refused)).toMatch(/entr(y|ies)/)
    expect(await entriesOf(db.connection).countDocuments()).toBe(0)
  })

  test('onto another log, or a longer one, is refused', async () => {
    await grow(0, 3)
    await copy.round()
    await grow(3, 6)
    expect(await recover()).toEqual({ kind: 'refused', reason: 'longer', size: FIRST + 6 })
    await lose()
    const other = await ledgerOn(db.connection)
    await other.settle()
    expect(await recover()).toEqual({ kind: 'refused', reason: 'split-view', size: FIRST })
    await other.cleanUp()
  })

  test('by hand, erases again whom the log says was erased', async () => {
    const at = '2026-11-22T02:00:00.000Z'
    await it.enqueue([
      it.writer.write({
        v: 1,
        log: ORIGIN,
        at,
        type: 'offboarding.keys_erased',
        offboarding: 'o1',
      }),
    ])
    await it.settle()
    await copy.round()
    await lose()
    // An older backup of the rest was put back: it still knows the person.
    await caseKeysOf(db.connection).insertOne({ _id: 'o1', wrapped: Buffer.alloc(8) })
    await offboardingsOf(db.connection).insertOne({
      _id: 'o1',
      subject: { userName: 'x' },
    } as never)
    const lines: string[] = []
    const write = (text: string) => void lines.push(text)
    const env = { MONGODB_URI: db.uri, MONGODB_DB: db.dbName, LEDGER_ORIGIN: ORIGIN }
    const known = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]))
    Object.assign(process.env, env)
    try {
      let code = 0
      const program = createProgram(() => ({
        api: {} as never,
        output: { json: true, color: false, write } as never,
        env: process.env,
        progress: SILENT,
        setExitCode: (given) => {
          code = given
        },
      }))
      const key = it.ledger.verifierKeys.log
      await program.parseAsync(['ledger', 'recover', '--from', root, '--key', key, '--json'], {
        from: 'user',
      })
      expect(code).toBe(0)
    } finally {
      for (const [name, value] of Object.entries(known)) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    }
    expect(JSON.parse(lines.join(''))).toMatchObject({ kind: 'recovered', erased: ['o1'] })
    expect(await caseKeysOf(db.connection).countDocuments()).toBe(0)
    const found = await offboardingsOf(db.connection).findOne({ _id: 'o1' })
    expect(found).not.toHaveProperty('subject')
  })
})
