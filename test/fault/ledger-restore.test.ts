import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connection } from 'mongoose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { restoreCheck } from '../../src/cli/ledger-restore.ts'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import type { StoredCheckpoint } from '../../src/ledger/store.ts'
import { entriesOf, headsOf, tilesOf } from '../../src/storage/ledger-collections.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, ORIGIN, verifiedEntry } from '../support/ledger.ts'

let db: Awaited<ReturnType<typeof freshDatabase>>
let it: Awaited<ReturnType<typeof ledgerOn>>
const COLLECTIONS = ['heads', 'entries', 'tiles', 'checkpoints', 'intake'].map((c) => `ledger_${c}`)

beforeEach(async () => {
  db = await freshDatabase()
  it = await ledgerOn(db.connection)
  await it.settle()
})
afterEach(async () => {
  await it.cleanUp()
  await db.dispose()
})

const grow = async (from: number, to: number): Promise<StoredCheckpoint | undefined> => {
  const names = Array.from({ length: to - from }, (_, i) => `r${from + i}`)
  await it.enqueue(names.map((name) => verifiedEntry(it.writer, name)))
  return await it.settle()
}

type Dump = Map<string, object[]>
async function dump(connection: Connection): Promise<Dump> {
  const all: Dump = new Map()
  for (const name of COLLECTIONS) all.set(name, await connection.collection(name).find().toArray())
  return all
}
async function restore(connection: Connection, from: Dump): Promise<void> {
  for (const [name, rows] of from) {
    await connection.collection(name).deleteMany({})
    if (rows.length > 0) await connection.collection(name).insertMany(rows)
  }
}

describe('the signer', () => {
  test('over growth, publishes checkpoints that carry its own signature', async () => {
    const published = await grow(0, 300)
    const opened = openCheckpoint(published!.note, [parseVkey(it.ledger.verifierKeys.log)!])
    expect(opened.kind === 'verified' && opened.checkpoint.size).toBe(305)
    expect(it.ledger.status()).toEqual({ leading: true, refused: undefined })
  })

  test('a database restored from an older dump, is refused as a rollback', async () => {
    await grow(0, 5)
    const old = await dump(db.connection)
    await grow(5, 10)
    await restore(db.connection, old)
    it.ledger.poke()
    expect(await grow(10, 11)).toBeUndefined()
    expect(it.ledger.status().refused).toBe('rollback')
    expect(it.logged.at(-1)).toMatchObject({ level: 'error', fields: { reason: 'rollback' } })
  })

  test('a database restored and grown past its old size, is refused as a split view', async () => {
    await grow(0, 5)
    const old = await dump(db.connection)
    await grow(5, 10)
    await restore(db.connection, old)
    expect(await grow(20, 40)).toBeUndefined()
    expect(it.ledger.status().refused).toBe('split-view')
  })

  test('a database restored and grown to its old size, is refused as a split view', async () => {
    await grow(0, 5)
    const old = await dump(db.connection)
    await grow(5, 10)
    await restore(db.connection, old)
    expect(await grow(20, 25)).toBeUndefined()
    expect(it.ledger.status().refused).toBe('split-view')
  })

  test('after the true database is put back, goes on', async () => {
    await grow(0, 5)
    const old = await dump(db.connection)
    await grow(5, 10)
    const whole = await dump(db.connection)
    await restore(db.connection, old)
    await grow(10, 11)
    await restore(db.connection, whole)
    expect((await grow(11, 12))?.size).toBe(5 + 11)
    expect(it.ledger.status().refused).toBeUndefined()
  })

  /** Seals rows without publishing, so that a change falls between sealing and signing. */
  const sealOnly = async (names: string[]): Promise<void> => {
    await it.enqueue(names.map((name) => verifiedEntry(it.writer, name)))
    while ((await it.ledger.tick()).kind === 'sealed');
  }

  test.each<[string, string, (connection: Connection) => Promise<unknown>]>([
    [
      'a new entry edited before it was signed',
      'edited',
      async (connection) => {
        const leaf = verifiedEntry(it.writer, 'r2', { grade: 'A' }).leaf
        return await entriesOf(connection).updateOne({ _id: 7 }, { $set: { leaf } })
      },
    ],
    [
      'a new entry and its hash edited',
      'edited',
      async (connection) => {
        const row = await entriesOf(connection).findOne({ _id: 6 })
        const set = { leaf: row!.leaf, leafHash: row!.leafHash }
        return await entriesOf(connection).updateOne({ _id: 7 }, { $set: set })
      },
    ],
    [
      'a new entry deleted',
      'truncated',
      (connection) => entriesOf(connection).deleteOne({ _id: 7 }),
    ],
    [
      'the newest entry deleted',
      'truncated',
      (connection) => entriesOf(connection).deleteOne({ _id: 8 }),
    ],
    [
      'the root in the head changed',
      'edited',
      (connection) => headsOf(connection).updateOne({}, { $set: { root: Buffer.alloc(32, 1) } }),
    ],
    [
      'the edge in the head changed',
      'edited',
      (connection) =>
        headsOf(connection).updateOne({}, { $set: { 'edge.0': Buffer.alloc(9 * 32, 1) } }),
    ],
    [
      'the head set back',
      'rollback',
      (connection) => headsOf(connection).updateOne({}, { $set: { size: 3 } }),
    ],
  ])('%s, is refused as %s', async (_name, reason, change) => {
    await sealOnly(['r0', 'r1', 'r2', 'r3'])
    await change(db.connection)
    expect(await it.ledger.publish()).toBeUndefined()
    expect(it.ledger.status().refused).toBe(reason)
  })

  test('a full tile damaged, is refused before readers are served from it', async () => {
    await grow(0, 100)
    await sealOnly(Array.from({ length: 200 }, (_, i) => `s${i}`))
    const tile = await tilesOf(db.connection).findOne({ _id: '0/0' })
    const bytes = Buffer.from(tile!.bytes)
    bytes[5000] = (bytes[5000] as number) ^ 1
    await tilesOf(db.connection).updateOne({ _id: '0/0' }, { $set: { bytes } })
    expect(await it.ledger.publish()).toBeUndefined()
    expect(it.ledger.status().refused).toBe('edited')
  })
})

describe("the signer's memory", () => {
  const restarted = async () => {
    await it.ledger.stop()
    return await ledgerOn(db.connection, { directory: it.directory, masterKey: it.masterKey })
  }

  test('gone although checkpoints are published, is refused until a kept checkpoint is adopted', async () => {
    const kept = (await grow(0, 5))!.note
    await grow(5, 6)
    await rm(join(it.directory, 'signer-state.json'))
    expect(await grow(6, 7)).toBeUndefined()
    expect(it.ledger.status().refused).toBe('state-missing')
    await writeFile(join(it.directory, 'adopt-checkpoint'), kept)
    const again = await restarted()
    await again.enqueue([verifiedEntry(again.writer, 'r7')])
    expect((await again.settle())?.size).toBe(5 + 8)
  })

  test('gone together with the newest entries, does not adopt a checkpoint that the log no longer holds', async () => {
    await grow(0, 5)
    const old = await dump(db.connection)
    const kept = (await grow(5, 8))!.note
    await restore(db.connection, old)
    await rm(join(it.directory, 'signer-state.json'))
    await writeFile(join(it.directory, 'adopt-checkpoint'), kept)
    const shorter = await restarted()
    await shorter.enqueue([verifiedEntry(shorter.writer, 'x0')])
    await shorter.settle()
    expect(shorter.ledger.status().refused).toBe('rollback')
    const names = Array.from({ length: 9 }, (_, i) => `x${i + 1}`)
    await shorter.enqueue(names.map((name) => verifiedEntry(shorter.writer, name)))
    await shorter.settle()
    expect(shorter.ledger.status().refused).toBe('split-view')
  })

  test('damaged, is not taken for a first start', async () => {
    await grow(0, 2)
    const path = join(it.directory, 'signer-state.json')
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, -20))
    await expect(grow(2, 3)).rejects.toThrow('restore it, do not delete it')
  })
})

describe('quittance ledger restore-check', () => {
  const check = async (checkpoints: string[] = []) => {
    const files = checkpoints.map((_, i) => join(it.directory, `kept-${i}`))
    for (const [i, file] of files.entries()) await writeFile(file, checkpoints[i] as string)
    return await restoreCheck(
      { MONGODB_URI: db.uri, MONGODB_DB: db.dbName, LEDGER_ORIGIN: ORIGIN },
      { key: [it.ledger.verifierKeys.log], keys: it.directory, checkpoint: files },
    )
  }

  test('a database as it was, an older one and one that went another way, are told apart', async () => {
    const kept = (await grow(0, 5))!.note
    const old = await dump(db.connection)
    await grow(5, 400)
    expect(await check([kept])).toEqual({ kind: 'ok', size: 405 })

    await restore(db.connection, old)
    expect(await check([kept])).toEqual({
      kind: 'rollback',
      size: 10,
      from: 10,
      to: 405,
      by: 'the signer',
    })
    await grow(500, 1_100)
    expect(await check([kept])).toMatchObject({ kind: 'split-view', at: 405, by: 'the signer' })

    await entriesOf(db.connection).deleteOne({ _id: 300 })
    expect(await check([kept])).toEqual({ kind: 'damaged', size: 610, reason: 'truncated' })
  })

  test('a checkpoint of somebody else, and no memory at all, are not compared with', async () => {
    await grow(0, 1)
    await expect(check(['x'])).rejects.toThrow('is no checkpoint of')
    await rm(join(it.directory, 'signer-state.json'))
    await expect(check()).rejects.toThrow('holds no memory of a signer')
  })
})
