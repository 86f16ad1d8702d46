import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAnchors } from '../../src/ledger/anchors.ts'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { readCosignatures } from '../../src/ledger/cosignature.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { parsePolicy } from '../../src/ledger/policy.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, verifiedEntry } from '../support/ledger.ts'
import { startWitness } from '../support/witness.ts'

let db: Awaited<ReturnType<typeof freshDatabase>>
let it: Awaited<ReturnType<typeof ledgerOn>>
let witnesses: Awaited<ReturnType<typeof startWitness>>[]
beforeEach(async () => {
  db = await freshDatabase()
  it = await ledgerOn(db.connection)
  await it.settle()
  const log = [it.ledger.verifierKeys.log]
  witnesses = [await startWitness('w1.example', 11, log), await startWitness('w2.example', 12, log)]
})
afterEach(async () => {
  for (const witness of witnesses) await witness.stop()
  await it.cleanUp()
  await db.dispose()
})

function policy() {
  const lines = witnesses.map(({ vkey, url }, i) => `witness w${i} ${vkey} ${url}\n`)
  const read = parsePolicy(
    `log ${it.ledger.verifierKeys.log}\n${lines.join('')}group all all w0 w1\nquorum all\n`,
  )
  if (read.kind === 'refused') throw new Error(read.reason)
  return read.policy
}
const grow = async (count: number, prefix: string): Promise<void> => {
  const names = Array.from({ length: count }, (_, i) => `${prefix}${i}`)
  await it.enqueue(names.map((name) => verifiedEntry(it.writer, name)))
  await it.settle()
}
const anchors = () =>
  createAnchors({ store: it.store, policy: policy(), clock: systemClock, fetch, log: it.log })
/** Whose cosignatures are on the published checkpoint. */
const cosigners = async (): Promise<string[]> => {
  const { logs, witnesses: trusted, quorum } = policy()
  const opened = openCheckpoint((await it.reader.checkpointText())!, logs)
  if (opened.kind !== 'verified') throw new Error(opened.kind)
  const read = readCosignatures(opened.note, trusted)
  if (read.kind !== 'read') throw new Error(read.by)
  const by = read.cosignatures.map((cosignature) => cosignature.by)
  expect(quorum(new Set(by))).toBe(by.length === 2)
  return by.map((verifier) => verifier.name)
}

test('witnesses, shown each growth with its proof, cosign and make the quorum', async () => {
  const round = anchors()
  await round.round()
  expect(await cosigners()).toEqual(['w1.example', 'w2.example'])
  for (const count of [3, 300, 1]) {
    await grow(count, `g${count}-`)
    expect(await cosigners()).toEqual([])
    await round.round()
    expect(await cosigners()).toHaveLength(2)
  }
  expect(witnesses.map(({ statuses }) => new Set(statuses))).toEqual([
    new Set([200]),
    new Set([200]),
  ])
  // The hub's own signatures are still there.
  const own = openCheckpoint((await it.reader.checkpointText())!, [
    parseVkey(it.ledger.verifierKeys.log)!,
  ])
  expect(own.kind === 'verified' && own.note.signatures).toHaveLength(4)
})

test('a hub that forgot what a witness saw, is told by 409 and goes on from there', async () => {
  await anchors().round()
  await grow(40, 'r')
  await anchors().round()
  expect(await cosigners()).toHaveLength(2)
  expect(witnesses[0]!.statuses).toEqual([200, 409, 200])
})

test('one witness away, leaves the other and is logged once', async () => {
  const [first, second] = witnesses
  await second!.stop()
  const round = anchors()
  await round.round()
  await round.round()
  expect(await cosigners()).toEqual(['w1.example'])
  const warned = it.logged.filter(({ level }) => level === 'warn')
  expect(warned).toHaveLength(1)
  expect(warned[0]!.fields).toMatchObject({ witness: 'w2.example', kind: 'away' })
  witnesses = [first!, await startWitness('w2.example', 12, [it.ledger.verifierKeys.log])]
  await anchors().round()
  expect(await cosigners()).toHaveLength(2)
})

test.each<[string, (text: string) => string]>([
  ['a cosignature of another text', (text) => text.replace(/.{6}\n$/, 'AAAA==\n')],
  ['no signature', () => 'hello\n'],
  ['nothing', () => ''],
  ['more than anybody reads', () => 'x'.repeat(100_000)],
])('a witness that answers %s, changes nothing', async (_name, change) => {
  const before = await it.reader.checkpointText()
  for (const witness of witnesses) witness.lie(change)
  await anchors().round()
  expect(await it.reader.checkpointText()).toBe(before)
})

test('a log that was set back, shown to a witness, is named by it', async () => {
  await grow(20, 'r')
  await anchors().round()
  // An older checkpoint of the same log, as a restored database would show it.
  await db.connection.collection('ledger_checkpoints').deleteMany({ _id: { $gt: 5 } as never })
  await anchors().round()
  const alarm = it.logged.filter(({ level }) => level === 'error')
  expect(alarm.map(({ fields }) => fields['kind'])).toEqual(['ahead', 'ahead'])
  expect(alarm[0]!.fields).toMatchObject({ size: 25 })
})
