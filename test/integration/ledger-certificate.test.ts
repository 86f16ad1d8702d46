import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { verifyCommand } from '../../src/cli/verify-file.ts'
import { createCertificateMaker } from '../../src/ledger/certificate.ts'
import { certificatePolicy } from '../../src/ledger/certificate-policy.ts'
import { closing } from '../../src/ledger/closing.ts'
import { commit } from '../../src/ledger/commitment.ts'
import type { EntryBody } from '../../src/ledger/entries.ts'
import { expectedSet } from '../../src/ledger/expected-set.ts'
import { manifestKey } from '../../src/ledger/keys.ts'
import type { Offboarding, Revocation } from '../../src/revocation/types.ts'
import { canonicalJson } from '../../src/shared/canonical-json.ts'
import { iso } from '../../src/shared/clock.ts'
import { createAppStore, prepareApps } from '../../src/storage/app-store.ts'
import { createCaseKeyStore } from '../../src/storage/case-key-store.ts'
import {
  createEvidenceStore,
  evidenceOf,
  evidenceRow,
  prepareEvidence,
} from '../../src/storage/evidence-store.ts'
import { createCertificateSource } from '../../src/storage/ledger-certificate-source.ts'
import { createErasure } from '../../src/storage/ledger-erasure.ts'
import { createLedgerIntake } from '../../src/storage/ledger-intake-store.ts'
import { createMailboxes, prepareMail } from '../../src/storage/mailbox-store.ts'
import {
  offboardingsOf,
  prepareRevocations,
  revocationsOf,
} from '../../src/storage/revocation-models.ts'
import { createRevocationStore } from '../../src/storage/revocation-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { createVault } from '../../src/vault/vault.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, ORIGIN } from '../support/ledger.ts'

let db: Awaited<ReturnType<typeof freshDatabase>>
let directory: string
beforeEach(async () => {
  db = await freshDatabase()
  directory = await mkdtemp(join(tmpdir(), 'quittance-certificate-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
  await db.dispose()
})

const now = Date.UTC(2026, 10, 22, 2)
const subject = { sourceId: 'okta', userId: 'u1', userName: 'alice@example.com', emails: [] }

test('a case in the database, opened, proved, closed and erased, keeps its proof to the end', async () => {
  for (const prepare of [prepareApps, prepareRevocations, prepareEvidence, prepareMail]) {
    await prepare(db.connection)
  }
  const revocations = createRevocationStore(db.connection)
  const it = await ledgerOn(db.connection, { onSealed: revocations.markSealed })
  const { transaction } = createTransactor(db.connection)
  const vault = createVault(it.masterKey)
  const caseKeys = createCaseKeyStore(db.connection, vault)
  const evidence = createEvidenceStore(db.connection, caseKeys)
  const maker = createCertificateMaker({
    source: createCertificateSource(db.connection, {
      ledger: it.store,
      caseKeys,
      evidence,
      apps: createAppStore(db.connection),
    }),
    manifestKey: manifestKey(it.masterKey),
    policy: async () => certificatePolicy(await it.reader.verifierKeys()),
    now: () => now,
  })
  const check = async (): Promise<{ code: number; text: string }> => {
    const file = join(directory, 'o1.quittance.zip')
    await writeFile(file, (await maker.certificate('o1'))!)
    let text = ''
    const options = { key: [it.ledger.verifierKeys.log] }
    const code = await verifyCommand(file, options, (printed) => {
      text += printed
    })
    return { code, text }
  }
  const seal = async (body: EntryBody): Promise<string> => {
    await it.enqueue([it.writer.write(body)])
    await it.settle()
    const size = await it.reader.size()
    return (await it.store.entry(size - 1))!.leafHash
  }

  const { key, wrapped } = vault.newKey('case:o1')
  const item = { app: 'crm', facet: 'account', revocation: 'r1' } as const
  const opened: Offboarding = {
    id: 'o1',
    sourceId: 'okta',
    userId: 'u1',
    generation: 1,
    kind: 'leaver',
    cause: { kind: 'scim.patch', requestId: 'q1', receivedAt: now },
    subject,
    forCause: false,
    openedAt: now,
    state: 'open',
    expected: expectedSet([item]),
  }
  const revocation: Revocation = {
    id: 'r1',
    offboardingId: 'o1',
    sourceId: 'okta',
    userId: 'u1',
    appId: 'crm',
    facet: 'account',
    generation: 1,
    class: 3,
    state: 'verified',
    attempts: 1,
    openedAt: now,
    deadlineAt: now,
    updatedAt: now,
  }
  await transaction((tx) => revocations.insert(opened, [revocation], wrapped, tx))
  await it.settle()
  expect(await maker.certificate('o1')).toBeNull()

  const common = { v: 1, log: ORIGIN, at: iso(now), offboarding: 'o1' } as const
  await seal({
    ...common,
    type: 'offboarding.opened',
    cause: { kind: 'scim.patch', received: iso(now), request_id: 'q1' },
    expected: opened.expected,
    for_cause: false,
    generation: 1,
    kind: 'leaver',
    source: 'okta',
    subject: commit(key, 'offboarding.opened:o1', 'subject', Buffer.from(canonicalJson(subject))),
  })
  expect(await check()).toMatchObject({ code: 2, text: expect.stringContaining('INCOMPLETE') })

  // What somebody did about it stands in the certificate, and ends nothing.
  await seal({ ...common, ...item, type: 'revocation.retried', act: 'a1', by: 'admin-token' })
  const row = await revocationsOf(db.connection).findOne({ _id: 'r1' })
  expect(row).toMatchObject({ open: true, state: 'verified' })
  expect(await check()).toMatchObject({ code: 2, text: expect.stringContaining('INCOMPLETE') })

  const handle = { facet: 'account', id: 'acc-1' } as const
  const sealed = await evidence.seal('o1', 'r1', {
    role: 'after',
    handle,
    state: 'dead',
    witness: true,
    connector: 'scim2@1.0.0',
    evidence: { method: 'GET', target: '/Users/acc-1', status: 200, at: now, body: '{}' },
  })
  const { id } = sealed
  await evidenceOf(db.connection).insertOne(evidenceRow(sealed))
  const { bytes } = (await evidence.get(id))!
  const eid = 'revocation.verified:r1'
  const leafHash = await seal({
    ...common,
    ...item,
    type: 'revocation.verified',
    account: commit(key, eid, 'account', Buffer.from(handle.id)),
    after: {
      at: iso(now),
      c: commit(key, eid, 'after.c', bytes),
      method: 'GET',
      state: 'dead',
      status: 200,
      witness: true,
    },
    attempts: { count: 1, first: iso(now), last: iso(now) },
    connector: 'scim2@1.0.0',
    generation: 1,
    grade: 'B',
    kind: 'dead',
  })
  expect(await check()).toMatchObject({ code: 2, text: expect.stringContaining('proven B') })

  // What an amendment added is not shown before the amendment is: nothing commits to it yet.
  const rows = revocationsOf(db.connection)
  const { id: _id, ...late } = { ...revocation, id: 'r2', appId: 'erp', amendedTo: 2 }
  await rows.insertOne({ ...late, _id, open: true })
  expect(await check()).toMatchObject({ code: 2, text: expect.stringContaining('proven B') })
  await rows.deleteOne({ _id })

  await seal({
    ...common,
    type: 'offboarding.closed',
    ...closing([{ ...item, entry: leafHash, outcome: 'proven' }]),
  })
  const complete = await check()
  expect(complete).toMatchObject({ code: 0 })
  expect(complete.text).toContain('PROVED AND COMPLETE')
  expect(complete.text).toContain('alice@example.com')
  expect(complete.text).toContain('disclosed   3 fields, 0 kept closed')

  const clock = { now: () => now }
  const erasure = createErasure(db.connection, {
    caseKeys,
    entries: it.writer,
    intake: createLedgerIntake(db.connection),
    transactor: { transaction },
    clock,
  })
  const mailboxes = createMailboxes(db.connection, clock)
  const mail = { id: 'm1', body: 'alice@example.com' }
  await mailboxes('ssf', 'o1').put(mail)
  await mailboxes('ssf', 'o9').put({ ...mail, id: 'm2' })
  await mailboxes('ssf').put({ ...mail, id: 'm3' })
  const waiting = async () => (await mailboxes('ssf').waiting(9)).map(({ id }) => id)
  const broken = createErasure(db.connection, {
    caseKeys,
    entries: it.writer,
    intake: {
      enqueue: async () => {
        throw new Error('the intake is away')
      },
    },
    transactor: { transaction },
    clock,
  })
  await expect(broken.eraseCase('o1')).rejects.toThrow('the intake is away')
  expect((await check()).text).toContain('alice@example.com')
  // As part of an act that fails, it did not happen.
  const act = (fails: boolean) =>
    transaction(async (tx) => {
      const erased = await erasure.eraseCase('o1', { approval: 'p1', tx })
      if (fails) throw new Error('the act is refused')
      return erased
    })
  await expect(act(true)).rejects.toThrow('the act is refused')
  expect((await check()).text).toContain('alice@example.com')
  expect(await waiting()).toEqual(['m1', 'm2', 'm3'])
  expect(await act(false)).toBe(true)
  expect(await erasure.eraseCase('o1')).toBe(false)
  await expect(erasure.eraseCase('o2')).rejects.toThrow('no such case')
  await it.settle()
  const last = (await it.store.entry((await it.reader.size()) - 1))!
  expect(last.eid).toBe('offboarding.keys_erased:o1')
  expect(JSON.parse(last.leaf.toString())).toMatchObject({ body: { approval: 'p1' } })
  const left = await offboardingsOf(db.connection).findOne({ _id: 'o1' })
  expect(JSON.stringify(left)).not.toContain('alice')
  expect(await db.connection.collection('evidence').countDocuments()).toBe(0)
  expect(await waiting()).toEqual(['m2', 'm3'])
  const erased = await check()
  expect(erased).toMatchObject({ code: 0 })
  expect(erased.text).toContain('(erased)')
  expect(erased.text).not.toContain('alice')
  await it.cleanUp()
})

test('the command, on a file that is missing or a key that is none, says so and exits with 2', async () => {
  const printed: string[] = []
  const run = (file: string, options: object) =>
    verifyCommand(file, options, (text) => printed.push(text))
  expect(await run(join(directory, 'none.zip'), {})).toBe(2)
  expect(await run(join(directory, 'none.zip'), { key: ['x'] })).toBe(2)
  expect(await run(join(directory, 'none.zip'), { policy: join(directory, 'p'), json: true })).toBe(
    2,
  )
  await writeFile(join(directory, 'junk.zip'), 'junk')
  expect(await run(join(directory, 'junk.zip'), { json: true })).toBe(1)
  expect(printed[0]).toContain('cannot be read (ENOENT)')
  expect(printed[1]).toContain('--key is no vkey')
  expect(JSON.parse(printed[2]!)).toMatchObject({ kind: 'unable' })
  expect(JSON.parse(printed[3]!)).toMatchObject({ kind: 'refused', step: 'container' })
})
