// What the ledger costs: making and checking entries (per CPU-second of one thread); sealing, proving and certifying
// on a real mongod. Sealing is: read from the intake, check, hash, one transaction, gone from the intake.
// node --conditions=hub-source --import tsx bench/ledger.mjs [--entries 20000] [--batch 1000]
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { admit } from '../src/ledger/admission.ts'
import { buildCertificate } from '../src/ledger/certificate.ts'
import { certificatePolicy } from '../src/ledger/certificate-policy.ts'
import { closing } from '../src/ledger/closing.ts'
import { expectedSet } from '../src/ledger/expected-set.ts'
import { manifestKey, workerKey } from '../src/ledger/keys.ts'
import { createEntryWriter } from '../src/ledger/leaf.ts'
import { parsePolicy } from '../src/ledger/policy.ts'
import { inclusionProof, verifyInclusion } from '../src/ledger/proofs.ts'
import { createLedgerReader } from '../src/ledger/reader.ts'
import { createLedger } from '../src/ledger/start-ledger.ts'
import { append, EMPTY_EDGE, edgeRoot, leafHash } from '../src/ledger/tree.ts'
import { verifyCertificate } from '../src/ledger/verify.ts'
import { systemClock } from '../src/shared/clock.ts'
import { connect } from '../src/storage/connection.ts'
import { startEmbeddedMongod } from '../src/storage/embedded-mongod.ts'
import {
  createLedgerIntake,
  createLedgerStore,
  prepareLedger,
} from '../src/storage/ledger-store.ts'
import {
  offboardingsOf,
  prepareRevocations,
  revocationsOf,
} from '../src/storage/revocation-models.ts'
import { createRevocationStore } from '../src/storage/revocation-store.ts'
import { createTransactor } from '../src/storage/transaction.ts'
import {
  at,
  caseKey,
  cpu,
  opened,
  origin,
  percentiles,
  verified,
  verifiedRow,
  wall,
} from './ledger-work.mjs'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '20000' },
    batch: { type: 'string', default: '1000' },
  },
})
const count = Number(values.entries)
const batch = Number(values.batch)
const masterKey = randomBytes(32)
const worker = workerKey(masterKey)
const writer = createEntryWriter({ origin, ...worker })
const keyring = new Map([[worker.kid, worker]])

let entries = []
await cpu('make an entry: 3 commitments, JCS, signature, mac', count, () => {
  entries = Array.from({ length: count }, (_, i) => writer.write(verified(i)))
})
console.log(`an entry has ${entries[0].leaf.length} bytes`)
for (const [name, known] of [
  ['check an entry of this hub: its mac', worker],
  ['check an entry of others: schema, JCS, signature', undefined],
]) {
  await cpu(name, count, async () => {
    for (let i = 0; i < count; i += 500) {
      const part = entries.slice(i, i + 500)
      const found = await Promise.all(part.map((entry) => admit(entry, origin, keyring, known)))
      if (found.some(({ kind }) => kind !== 'admitted')) throw new Error('refused')
    }
  })
}
await cpu('hash a leaf and append it, root per batch', count, () => {
  let edge = EMPTY_EDGE
  for (let i = 0; i < count; i += batch) {
    const hashes = entries.slice(i, i + batch).map((e) => leafHash(e.leaf))
    edge = append(edge, hashes).edge
    edgeRoot(edge)
  }
})
// A tree of ten million entries behind the tile reader: every tile has the right size, its hashes are made up.
const huge = 10_000_000
const madeUp = Buffer.alloc(8_192, 7)
await percentiles('inclusion proof among 10,000,000, from tiles', 2_000, () =>
  inclusionProof(Math.floor(Math.random() * huge), huge, async ({ width }) =>
    madeUp.subarray(0, width * 32),
  ),
)

const dataDir = await mkdtemp(join(tmpdir(), 'quittance-bench-'))
const mongod = await startEmbeddedMongod({ dataDir })
const connection = await connect(mongod.uri, 'bench')
try {
  await onMongod()
} finally {
  await connection.close()
  await mongod.stop()
  await rm(dataDir, { recursive: true, force: true })
}

async function onMongod() {
  await prepareLedger(connection)
  await prepareRevocations(connection)
  const store = createLedgerStore(connection, origin)
  const revocations = createRevocationStore(connection)
  let onSealed = async () => {}
  const ledger = await createLedger({
    origin,
    store,
    directory: join(dataDir, 'ledger'),
    masterKey,
    software: 'quittance@0.0.0-bench',
    onSealed: (sealed, tx) => onSealed(sealed, tx),
    clock: systemClock,
    holder: 'bench',
    log: { info() {}, warn() {}, error: console.error },
    batch,
  })
  const intake = createLedgerIntake(connection)
  const { transaction } = createTransactor(connection)
  const enqueue = (rows) => transaction((tx) => intake.enqueue(rows, tx))
  const seal = async () => {
    while ((await ledger.tick()).kind === 'sealed');
  }
  await seal()

  await wall('enqueue, 50 per transaction, 8 at a time', count, mongod.pid, async () => {
    let next = 0
    const work = async () => {
      while (next < count) {
        const part = entries.slice(next, next + 50)
        next += 50
        await enqueue(part)
      }
    }
    await Promise.all(Array.from({ length: 8 }, work))
  })
  await wall(`seal, batches of ${batch}`, count, mongod.pid, seal)
  await wall('verify the growth, sign and publish', count, mongod.pid, () => ledger.publish())
  await reportBytes()

  const more = Math.min(count, 10_000)
  const rows = Array.from({ length: more }, (_, i) => count + i)
  await revocationsOf(connection).insertMany(rows.map(verifiedRow))
  const cases = new Set(rows.map((i) => `o${Math.floor(i / 5)}`))
  await offboardingsOf(connection).insertMany(
    [...cases].map((_id) => ({
      _id,
      userId: _id,
      sourceId: 'okta',
      generation: 1,
      state: 'open',
      open: 5,
    })),
  )
  for (let i = 0; i < more; i += 500) {
    await enqueue(rows.slice(i, i + 500).map((n) => writer.write(verified(n))))
  }
  onSealed = revocations.markSealed
  await wall('seal, and mark the revocations proven', more, mongod.pid, seal)
  const proven = await revocationsOf(connection).countDocuments({ state: 'proven' })
  if (proven !== more) throw new Error(`${proven} of ${more} are proven`)
  onSealed = async () => {}

  const reader = createLedgerReader({ origin, store })
  await ledger.publish()
  await percentiles('inclusion proof, read from mongod and verified', 500, async () => {
    const index = Math.floor(Math.random() * count)
    const stored = await reader.entry(index)
    const { treeSize, hashes } = await reader.inclusionProof(index)
    const { root } = await store.checkpoint()
    const proof = hashes.map((hash) => Buffer.from(hash, 'hex'))
    const claim = { index, size: treeSize, leafHash: leafHash(stored.leaf), root, proof }
    if (!verifyInclusion(claim)) throw new Error('a proof does not verify')
  })
  await certificates(12)

  /** What `n` entries weigh on disk, compressed, with their indexes. */
  async function reportBytes() {
    await connection.db.admin().command({ fsync: 1 })
    for (const name of ['ledger_entries', 'ledger_tiles']) {
      const [stats] = await connection.db
        .collection(name)
        .aggregate([{ $collStats: { storageStats: {} } }])
        .toArray()
      const { storageSize, totalIndexSize } = stats.storageStats
      const per = (bytes) => (bytes / count).toFixed(0)
      console.log(
        `${name}: ${per(storageSize)} bytes per entry and ${per(totalIndexSize)} of indexes, on disk`,
      )
    }
  }

  /** A case of `apps` applications: made, verified here, and verified by a fresh process. */
  async function certificates(apps) {
    const items = Array.from({ length: apps }, (_, i) => ({
      app: `app-${i}`,
      facet: 'account',
      revocation: `case-${i}`,
    }))
    const proofs = items.map((item, i) =>
      writer.write(verified(i, { ...item, offboarding: 'case' })),
    )
    const outcomes = items.map((item, i) => ({
      ...item,
      entry: leafHash(proofs[i].leaf).toString('hex'),
      outcome: 'proven',
    }))
    const closed = { v: 1, log: origin, at, type: 'offboarding.closed', offboarding: 'case' }
    await enqueue([writer.write(opened('case', expectedSet(items))), ...proofs])
    await seal()
    // As in the hub: closed is what is sealed.
    await enqueue([writer.write({ ...closed, ...closing(outcomes) })])
    await seal()
    const checkpoint = await ledger.publish()
    const stored = await store.entries(0, checkpoint.size)
    const material = {
      offboardingId: 'case',
      origin,
      checkpoint,
      entries: stored.filter(({ eid }) => eid.startsWith('log.key') || /[:-]case/.test(eid)),
      expected: items,
      caseKey,
      secrets: [Buffer.from('{}'), ...items.map((_, i) => Buffer.from(`{"id":${i}}`))],
      names: { subject: undefined, apps: new Map() },
      readTile: (tile) => store.tile(tile),
    }
    const policy = certificatePolicy(await reader.verifierKeys())
    const parts = { material, manifestKey: manifestKey(masterKey), policy, createdAt: Date.now() }
    let file
    await percentiles(`make a certificate of ${apps} apps`, 50, async () => {
      file = await buildCertificate(parts)
    })
    const { policy: trusted } = parsePolicy(policy)
    await percentiles(
      `verify it (${(file.length / 1024).toFixed(0)} KiB), process running`,
      100,
      async () => {
        const result = await verifyCertificate(file, trusted)
        if (result.completeness !== 'complete') throw new Error(JSON.stringify(result))
      },
    )
    const main = new URL('../dist/src/cli/main.js', import.meta.url).pathname
    if (!existsSync(main)) return console.log('npm run build, to see what a fresh process takes')
    const path = join(dataDir, 'case.quittance.zip')
    await writeFile(path, file)
    const run = (...args) => execFileSync(process.execPath, [main, ...args], { stdio: 'ignore' })
    await percentiles('start the program and do nothing', 5, () => run('--help'))
    await percentiles('start the program and verify it', 5, () =>
      run('verify', path, '--key', ledger.verifierKeys.log),
    )
  }
}
