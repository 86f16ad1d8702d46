import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { fsck } from '../../src/ledger/fsck.ts'
import { judgeGrowth } from '../../src/ledger/monitor.ts'
import { parseVkey, type Verifier } from '../../src/ledger/note.ts'
import { beginRotation, finishRotation } from '../../src/ledger/rotation.ts'
import { readerSource } from '../../src/ledger/tlog-source.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, verifiedEntry } from '../support/ledger.ts'

let db: Awaited<ReturnType<typeof freshDatabase>>
let it: Awaited<ReturnType<typeof ledgerOn>>
beforeEach(async () => {
  db = await freshDatabase()
  it = await ledgerOn(db.connection)
  await it.settle()
})
afterEach(async () => {
  await it.cleanUp()
  await db.dispose()
})

const restart = async (): Promise<void> => {
  await it.ledger.stop()
  const { directory, masterKey } = it
  it = await ledgerOn(db.connection, { directory, masterKey })
}
const grow = async (name: string) => {
  await it.enqueue([verifiedEntry(it.writer, name)])
  return (await it.settle())!
}
const key = (vkey: string): Verifier => parseVkey(vkey)!
const opens = (note: string, ...vkeys: string[]): string => {
  const opened = openCheckpoint(note, vkeys.map(key))
  return opened.kind === 'verified' ? `${opened.by.length}` : opened.kind
}

test('a rotation, begun, used and finished, is one log under two keys and then under the new one', async () => {
  const before = (await grow('r0')).note
  const { old, next } = await beginRotation(it.directory)
  await expect(beginRotation(it.directory)).rejects.toThrow('under way already')
  await expect(finishRotation(it.directory)).rejects.toThrow('has not signed yet')

  await restart()
  const during = (await grow('r1')).note
  expect([opens(during, old), opens(during, next), opens(during, old, next)]).toEqual([
    '1',
    '1',
    '2',
  ])
  expect((await it.reader.verifierKeys()).log).toEqual([old, next])

  expect(await finishRotation(it.directory)).toEqual({ old, next })
  await restart()
  const after = (await grow('r2')).note
  expect([opens(after, old), opens(after, next)]).toEqual(['no-known-key', '1'])
  expect(it.logged.filter(({ level }) => level === 'error')).toEqual([])

  const source = readerSource(it.reader)
  expect(await fsck(source, [key(old), key(next)])).toMatchObject({ faults: [] })
  expect((await fsck(source, [key(next)])).faults.length).toBeGreaterThan(0)
  // A monitor that pinned both keys goes on through all of it.
  const size = Number(before.split('\n')[1])
  const shown = (await it.reader.consistencyProof(size))!
  expect(judgeGrowth(before, shown, [key(old), key(next)])).toMatchObject({ kind: 'grown' })
})

test('a successor, not yet in the log, does not sign', async () => {
  await it.ledger.stop()
  const { next } = await beginRotation(it.directory)
  const { directory, masterKey } = it
  // Time for the next checkpoint, before anything was sealed.
  const clock = { now: () => Date.now() + 11 * 60_000 }
  it = await ledgerOn(db.connection, { directory, masterKey, clock })
  const published = await it.ledger.publish()
  expect(opens(published!.note, next)).toBe('no-known-key')
  expect(opens((await grow('r0')).note, next)).toBe('1')
})

test('a finish, broken off between two files, is taken up again and never makes a third key', async () => {
  const { old, next } = await beginRotation(it.directory)
  await restart()
  await grow('r0')
  await it.ledger.stop()
  const path = (file: string): string => join(it.directory, file)
  await writeFile(path('log-former.vkeys'), `${old}\n`)
  await rename(path('log.key'), path(`log-former-${key(old).keyId}.key`))
  await expect(restart()).rejects.toThrow('rotate-key --finish')
  expect(await finishRotation(it.directory)).toEqual({ old, next })
  expect(await readFile(path('log-former.vkeys'), 'utf8')).toBe(`${old}\n`)
  await restart()
  expect(opens((await grow('r1')).note, next)).toBe('1')
})

test('a key that the log did not announce, put in place of the old one, is refused at start', async () => {
  const { next } = await beginRotation(it.directory)
  expect(next).toContain('+')
  await rename(join(it.directory, 'log-next.key'), join(it.directory, 'log.key'))
  await expect(restart()).rejects.toThrow('begun with another key')
})
