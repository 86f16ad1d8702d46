import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { readCosignatures } from '../../src/ledger/cosignature.ts'
import { createEntryWriter, readLeaf } from '../../src/ledger/leaf.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { verifyConsistency, verifyInclusion } from '../../src/ledger/proofs.ts'
import { parseTlogProof } from '../../src/ledger/tlog-proof.ts'
import { leafHash } from '../../src/ledger/tree.ts'
import { entriesOf, intakeOf, refusedOf } from '../../src/storage/ledger-collections.ts'
import { createLedgerIntake } from '../../src/storage/ledger-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, ORIGIN, verifiedEntry } from '../support/ledger.ts'

let db: Awaited<ReturnType<typeof freshDatabase>>
/** Entries of a first start: genesis and four keys. */
const FIRST = 5
const cleanUps: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  db = await freshDatabase()
})
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
  await db.dispose()
})

const opened = async (options: Parameters<typeof ledgerOn>[1] = {}) => {
  const it = await ledgerOn(db.connection, options)
  cleanUps.push(it.cleanUp)
  return it
}

describe('sealing', () => {
  test('a first start seals genesis and keys; a second start adds nothing', async () => {
    const first = await opened()
    await first.settle()
    const types = async () =>
      (await entriesOf(db.connection).find().sort({ _id: 1 }).toArray()).map((row) => row.type)
    expect(await types()).toEqual(['log.genesis', ...Array(FIRST - 1).fill('log.key')])
    await first.ledger.stop()
    const again = await opened({ directory: first.directory, masterKey: first.masterKey })
    await again.settle()
    expect(await types()).toHaveLength(FIRST)
  })

  test('an entry enqueued, sealed and proved, verifies against the published checkpoint', async () => {
    const it = await opened()
    await it.settle()
    const before = openCheckpoint((await it.reader.checkpointText())!, [
      parseVkey(it.ledger.verifierKeys.log)!,
    ])
    const entry = verifiedEntry(it.writer, 'r1')
    await it.enqueue([entry])
    await it.enqueue([entry])
    await it.settle()
    await it.enqueue([entry])
    await it.settle()
    expect(await it.reader.size()).toBe(FIRST + 1)
    const stored = (await it.reader.entry(FIRST))!
    expect(stored.leaf.equals(entry.leaf)).toBe(true)

    const proof = parseTlogProof((await it.reader.inclusionProof(FIRST))!.tlogProof)!
    const after = openCheckpoint(proof.checkpoint, [parseVkey(it.ledger.verifierKeys.log)!])
    if (after.kind !== 'verified' || before.kind !== 'verified') throw new Error('refused')
    const { size, root } = after.checkpoint
    const claim = { index: FIRST, size, root, proof: proof.proof }
    expect(verifyInclusion({ ...claim, leafHash: leafHash(entry.leaf) })).toBe(true)
    const times = readCosignatures(after.note, [parseVkey(it.ledger.verifierKeys.cosigner)!])
    expect(times.kind === 'read' && times.cosignatures).toHaveLength(1)

    const consistency = (await it.reader.consistencyProof(before.checkpoint.size))!
    expect(
      verifyConsistency({
        oldSize: before.checkpoint.size,
        oldRoot: before.checkpoint.root,
        size,
        root,
        proof: consistency.proof.map((line) => Buffer.from(line, 'base64')),
      }),
    ).toBe(true)
    const keys = await it.reader.verifierKeys()
    expect(keys).toEqual({
      log: [it.ledger.verifierKeys.log],
      cosigner: [it.ledger.verifierKeys.cosigner],
    })
  })

  test('effects and entries, when the effects fail halfway, are both absent', async () => {
    const it = await opened({
      onSealed: async (entries, tx) => {
        const session = tx as unknown as Parameters<typeof db.connection.startSession>[0] & object
        await db.connection.collection('effects').insertMany(
          entries.map((entry) => ({ revocation: entry.references.revocationId })),
          { session: session as never },
        )
        if (entries.some((entry) => entry.references.revocationId === 'r3')) throw new Error('no')
      },
    })
    await db.connection.createCollection('effects')
    await it.settle()
    await db.connection.collection('effects').deleteMany({})
    await it.enqueue(['r1', 'r2', 'r3', 'r4', 'r5'].map((r) => verifiedEntry(it.writer, r)))
    await it.settle()
    const effects = await db.connection.collection('effects').find().toArray()
    expect(effects.map((row) => row['revocation'])).toEqual(['r1', 'r2', 'r4', 'r5'])
    expect((await it.store.head()).edge.size).toBe(FIRST + 4)
    const refused = await refusedOf(db.connection).find().toArray()
    expect(refused.map((row) => [row.entry._id, row.reason])).toEqual([
      ['revocation.verified:r3', 'effects-failed'],
    ])
    expect(it.logged.filter((line) => line.level === 'error')).toHaveLength(1)
  })

  test('one id, enqueued by many at once, waits once', async () => {
    const it = await opened()
    const rows = ['r1', 'r2', 'r3'].map((name) => verifiedEntry(it.writer, name))
    await Promise.all(Array.from({ length: 12 }, () => it.enqueue([...rows, ...rows])))
    expect(await intakeOf(db.connection).countDocuments()).toBe(3)
  })

  test('a row that is in the log already, beside fresh ones, is dropped and holds nobody up', async () => {
    const it = await opened()
    const [old, fresh] = ['r1', 'r2'].map((name) => verifiedEntry(it.writer, name))
    await it.enqueue([old!])
    const waiting = (await intakeOf(db.connection).findOne({ _id: old!.eid }))!
    await it.settle()
    // As a first attempt would be that was overtaken by its own repetition.
    await intakeOf(db.connection).insertOne(waiting)
    await it.enqueue([fresh!])
    await it.settle()
    expect(await it.reader.size()).toBe(FIRST + 2)
    expect(await intakeOf(db.connection).countDocuments()).toBe(0)
    expect(await refusedOf(db.connection).countDocuments()).toBe(0)
  })

  test('many small batches, read ahead while others enqueue with a slow clock, are each sealed once', async () => {
    const it = await opened({ batch: 3 })
    await it.settle()
    const names = Array.from({ length: 80 }, (_, i) => `r${i}`)
    await it.enqueue(names.map((name) => verifiedEntry(it.writer, name)))
    const slow = createLedgerIntake(db.connection, { now: () => 1 })
    let enqueued = 0
    while ((await it.ledger.tick()).kind === 'sealed') {
      if (enqueued < 20) {
        const row = verifiedEntry(it.writer, `late${enqueued++}`)
        await createTransactor(db.connection).transaction((tx) => slow.enqueue([row], tx))
      }
    }
    await it.settle()
    const rows = await entriesOf(db.connection).find().sort({ _id: 1 }).toArray()
    expect(rows).toHaveLength(FIRST + 100)
    expect(new Set(rows.map((row) => row.eid)).size).toBe(FIRST + 100)
    // They do not wait until the rush is over.
    expect(rows.findIndex((row) => row.eid.includes('late'))).toBeLessThan(FIRST + 40)
  })

  test('a loop, poked, seals and publishes within a second', async () => {
    const it = await opened()
    it.ledger.start()
    cleanUps.unshift(() => it.ledger.stop())
    await vi.waitFor(async () => expect(await it.reader.size()).toBe(FIRST), 5_000)
    const started = performance.now()
    await it.enqueue([verifiedEntry(it.writer, 'r1')])
    it.ledger.poke()
    await vi.waitFor(async () => expect(await it.reader.size()).toBe(FIRST + 1), {
      timeout: 5_000,
      interval: 20,
    })
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test('a loop at rest, told that work is under way, seals what comes a moment later', async () => {
    let ahead = 0
    let asleep = false
    const it = await opened({
      clock: { now: () => Date.now() + ahead },
      idleMs: () => {
        asleep = true
        return 600_000
      },
    })
    it.ledger.start()
    cleanUps.unshift(() => it.ledger.stop())
    await vi.waitFor(async () => expect(await it.reader.size()).toBe(FIRST), 5_000)
    ahead = 6_000
    await vi.waitFor(() => expect(asleep).toBe(true), 5_000)
    it.ledger.poke()
    await it.enqueue([verifiedEntry(it.writer, 'r1')])
    await vi.waitFor(async () => expect(await it.reader.size()).toBe(FIRST + 1), 5_000)
  })
})

describe('rows that an attacker put into the intake', () => {
  const forger = generateKeyPairSync('ed25519').privateKey

  test('each kind, beside a good row, is set aside by name and does not block it', async () => {
    const it = await opened()
    await it.settle()
    const good = verifiedEntry(it.writer, 'good')
    const kid = (() => {
      const read = readLeaf(good.leaf)
      if (read.kind !== 'leaf') throw new Error(read.reason)
      return read.leaf.kid
    })()
    const withKey = (k: string) => createEntryWriter({ origin: ORIGIN, kid: k, privateKey: forger })
    const foreign = createEntryWriter({ origin: 'other.example/log', kid, privateKey: forger })
    const forgedKey = it.writer.write({
      type: 'log.key',
      v: 1,
      log: ORIGIN,
      at: '2026-11-22T02:00:00.000Z',
      from_size: 0,
      kid: 'worker-evil',
      public_key: 'A'.repeat(43),
      role: 'worker',
    })
    const bad = {
      malformed: { ...verifiedEntry(it.writer, 'b0'), leaf: Buffer.from('{}') },
      'bad-signature': verifiedEntry(withKey(kid), 'b1'),
      'unknown-key': verifiedEntry(withKey('worker-evil'), 'b2'),
      'wrong-role': forgedKey,
      'wrong-log': verifiedEntry(foreign, 'b3'),
      'wrong-id': { ...verifiedEntry(it.writer, 'b4'), eid: 'revocation.verified:b4x' },
      'wrong-references': {
        ...verifiedEntry(it.writer, 'b5'),
        references: { offboardingId: 'o1', revocationId: 'victim' },
      },
    }
    await it.enqueue([...Object.values(bad), good])
    await it.settle()
    expect(await intakeOf(db.connection).countDocuments()).toBe(0)
    const refused = await refusedOf(db.connection).find().toArray()
    expect(refused.map((row) => row.reason).sort()).toEqual(Object.keys(bad).sort())
    expect((await it.store.head()).edge.size).toBe(FIRST + 1)
    expect((await it.store.entry(FIRST))?.eid).toBe('revocation.verified:good')
    expect(it.logged.filter((line) => line.level === 'error')).toHaveLength(7)
  })

  test('a row of a key not yet known, once the key is announced, is taken back and sealed', async () => {
    const first = await opened()
    await first.settle()
    const next = await opened({ directory: first.directory })
    await first.enqueue([verifiedEntry(next.writer, 'r1')])
    await first.settle()
    expect(await refusedOf(db.connection).countDocuments()).toBe(1)
    await first.ledger.stop()
    await next.settle()
    expect(await refusedOf(db.connection).countDocuments()).toBe(0)
    expect((await next.store.entry(FIRST + 2))?.eid).toBe('revocation.verified:r1')
  })
})

describe('two processes', () => {
  test('the one without the lease stands by, and takes over when it is given back', async () => {
    const a = await opened({ holder: 'a' })
    const b = await opened({ holder: 'b', directory: a.directory, masterKey: a.masterKey })
    await a.settle()
    expect(await b.ledger.tick()).toEqual({ kind: 'standby' })
    await a.ledger.stop()
    expect((await b.ledger.tick()).kind).toBe('idle')
  })

  test('a sleeper, past its lease, is fenced by the head and writes nothing', async () => {
    let now = Date.now()
    const clock = { now: () => now }
    const a = await opened({ holder: 'a', clock })
    await a.settle()
    const b = await opened({
      holder: 'b',
      directory: a.directory,
      masterKey: a.masterKey,
      clock,
    })
    await a.enqueue([verifiedEntry(a.writer, 'r1')])
    const slept = await a.store.head()
    now += 60_000
    await b.settle()
    const seal = a.store.seal(
      { from: slept, to: { ...slept, at: now }, entries: [], tiles: [] },
      async () => {},
    )
    // The driver refuses an empty insert only after the head was checked.
    expect(await seal).toBe('fenced')
    expect((await a.store.head()).edge.size).toBe(FIRST + 1)
  })

  test('a log begun with another key, opened with a new one, is not continued', async () => {
    const a = await opened()
    await a.settle()
    await expect(opened()).rejects.toThrow('begun with another key')
  })
})
