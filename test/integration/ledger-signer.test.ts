import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fsck } from '../../src/ledger/fsck.ts'
import { workerKey } from '../../src/ledger/keys.ts'
import { createEntryWriter } from '../../src/ledger/leaf.ts'
import { silentLog } from '../../src/ledger/log.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { createLedgerReader } from '../../src/ledger/reader.ts'
import { createLedger, createSealing, createSigning } from '../../src/ledger/start-ledger.ts'
import { readerSource } from '../../src/ledger/tlog-source.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { intakeOf, refusedOf } from '../../src/storage/ledger-collections.ts'
import {
  createLedgerIntake,
  createLedgerStore,
  prepareLedger,
} from '../../src/storage/ledger-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { freshDatabase } from '../support/database.ts'
import { ORIGIN, verifiedEntry } from '../support/ledger.ts'

let db: Awaited<ReturnType<typeof freshDatabase>>
let directory: string
beforeEach(async () => {
  db = await freshDatabase()
  directory = await mkdtemp(join(tmpdir(), 'quittance-signer-'))
  await prepareLedger(db.connection)
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
  await db.dispose()
})

const WAIT = { timeout: 15_000, interval: 50 }

/** The two processes, each with its own view of the database, and nothing else in common. */
async function apart() {
  const masterKey = randomBytes(32)
  const { kid, privateKey } = workerKey(masterKey)
  const writer = createEntryWriter({ origin: ORIGIN, kid, privateKey })
  const { transaction } = createTransactor(db.connection)
  const enqueue = async (...names: string[]): Promise<void> => {
    const entries = names.map((name) => verifiedEntry(writer, name))
    await transaction((tx) => createLedgerIntake(db.connection).enqueue(entries, tx))
  }
  const keys = {
    origin: ORIGIN,
    store: createLedgerStore(db.connection, ORIGIN),
    directory,
    masterKey,
    software: 'quittance@0.0.0-test',
    clock: systemClock,
    log: silentLog,
  }
  const signing = () =>
    createSigning({
      ...keys,
      holder: 'signer',
      announce: (entries) =>
        transaction((tx) =>
          createLedgerIntake(db.connection, { now: () => 0 }).enqueue(entries, tx),
        ),
    })
  const sealing = (vkey: string) =>
    createSealing({
      origin: ORIGIN,
      store: createLedgerStore(db.connection, ORIGIN),
      logKeys: [parseVkey(vkey)!],
      onSealed: async () => {},
      clock: systemClock,
      holder: 'sealer',
      log: silentLog,
    })
  const both = (holder: string) => createLedger({ ...keys, holder, onSealed: async () => {} })
  const store = createLedgerStore(db.connection, ORIGIN)
  return { enqueue, signing, sealing, both, reader: createLedgerReader({ origin: ORIGIN, store }) }
}

test('a sequencer without keys and a signer without the intake, meeting in the database, keep one log', async () => {
  const it = await apart()
  const signer = await it.signing()
  const sealer = it.sealing(signer.verifierKeys.log)
  expect(await signer.publish()).toBeUndefined()
  await it.enqueue('r0', 'r1')
  expect(await sealer.tick()).toMatchObject({ kind: 'sealed', count: 7 })
  expect((await it.reader.checkpointText()) ?? 'none').toBe('none')
  expect((await signer.publish())?.size).toBe(7)
  expect(await signer.publish()).toBeUndefined()
  await it.enqueue('r2')
  await sealer.tick()
  expect((await signer.publish())?.size).toBe(8)
  const keys = [parseVkey(signer.verifierKeys.log)!]
  expect(await fsck(readerSource(it.reader), keys)).toMatchObject({ size: 8, faults: [] })
  // Started again, it announces nothing twice.
  await it.signing()
  expect(await intakeOf(db.connection).countDocuments()).toBe(0)
})

test('a sequencer that starts before the signer, on an empty log, waits for its keys', async () => {
  const it = await apart()
  const { verifierKeys } = await it.signing()
  await intakeOf(db.connection).deleteMany({})
  const sealer = it.sealing(verifierKeys.log)
  await it.enqueue('r0')
  expect(await sealer.tick()).toEqual({ kind: 'idle' })
  expect(await refusedOf(db.connection).countDocuments()).toBe(0)
  await it.signing()
  expect(await sealer.tick()).toMatchObject({ kind: 'sealed', count: 6 })
})

test('a sequencer told another log key, seals nothing that the signer did not announce to it', async () => {
  const it = await apart()
  await it.signing()
  const other = await mkdtemp(join(tmpdir(), 'quittance-other-'))
  const elsewhere = await createSigning({
    origin: ORIGIN,
    store: createLedgerStore(db.connection, ORIGIN),
    directory: other,
    masterKey: randomBytes(32),
    software: 'quittance@0.0.0-test',
    clock: systemClock,
    log: silentLog,
    holder: 'elsewhere',
    announce: async () => {},
  })
  expect(await it.sealing(elsewhere.verifierKeys.log).tick()).toEqual({ kind: 'idle' })
  const refused = await refusedOf(db.connection).find().toArray()
  expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['unknown-key']))
  expect((await readdir(other)).sort()).toEqual(['cosigner.key', 'log.key'])
  await rm(other, { recursive: true, force: true })
})

test('a database set back, under a signer of its own, is refused there while sealing goes on', async () => {
  const it = await apart()
  const signer = await it.signing()
  const sealer = it.sealing(signer.verifierKeys.log)
  await it.enqueue('r0')
  await sealer.tick()
  await signer.publish()
  for (const name of ['heads', 'entries', 'checkpoints', 'intake']) {
    await db.connection.collection(`ledger_${name}`).deleteMany({})
  }
  await it.signing()
  await it.enqueue('r9')
  expect((await sealer.tick()).kind).toBe('sealed')
  expect(await signer.publish()).toBeUndefined()
  expect(signer.status().refused).toBe('split-view')
})

test('a process that seals and signs, beside one that only seals and was faster, signs what that one seals', async () => {
  const it = await apart()
  const { verifierKeys } = await it.signing()
  const sealer = it.sealing(verifierKeys.log)
  await it.enqueue('r0')
  expect(await sealer.tick()).toMatchObject({ kind: 'sealed', count: 6 })
  const both = await it.both('both')
  const third = await it.both('third')
  both.start()
  await vi.waitFor(async () => expect(await it.reader.size()).toBe(6), WAIT)
  await it.enqueue('r1')
  await sealer.tick()
  await vi.waitFor(async () => expect(await it.reader.size()).toBe(7), WAIT)
  expect(both.status()).toEqual({ leading: true, refused: undefined })
  // One signs at a time.
  expect(await third.publish()).toBeUndefined()
  expect(third.status().leading).toBe(false)
  // The other one is gone: it seals itself, and nothing that was sealed meanwhile stays unsigned.
  await it.enqueue('r2')
  await sealer.tick()
  await sealer.stop()
  await it.enqueue('r3')
  await vi.waitFor(async () => expect(await it.reader.size()).toBe(9), WAIT)
  await both.stop()
  await it.enqueue('r4')
  expect((await third.tick()).kind).toBe('sealed')
  expect((await third.publish())?.size).toBe(10)
})
