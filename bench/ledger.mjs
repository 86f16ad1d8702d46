// What the ledger costs: making and checking entries (per CPU-second of one thread), and sealing, proving and
// certifying on a real mongod (per second of wall clock).
// node --conditions=hub-source --import tsx bench/ledger.mjs [--entries 20000] [--batch 1000]
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { commit } from '../src/ledger/commitment.ts'
import { workerKey } from '../src/ledger/keys.ts'
import { createEntryWriter, leafSignedBy, readLeaf } from '../src/ledger/leaf.ts'
import { inclusionProof, verifyInclusion } from '../src/ledger/proofs.ts'
import { createLedgerReader } from '../src/ledger/reader.ts'
import { createLedger } from '../src/ledger/start-ledger.ts'
import { append, EMPTY_EDGE, edgeRoot, leafHash } from '../src/ledger/tree.ts'
import { systemClock } from '../src/shared/clock.ts'
import { connect } from '../src/storage/connection.ts'
import { startEmbeddedMongod } from '../src/storage/embedded-mongod.ts'
import {
  createLedgerIntake,
  createLedgerStore,
  prepareLedger,
} from '../src/storage/ledger-store.ts'
import { createTransactor } from '../src/storage/transaction.ts'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '20000' },
    batch: { type: 'string', default: '1000' },
  },
})
const count = Number(values.entries)
const batch = Number(values.batch)
const origin = 'bench.example.com/ledger'
const masterKey = randomBytes(32)
const caseKey = randomBytes(32)
const { kid, privateKey, publicKey } = workerKey(masterKey)
const writer = createEntryWriter({ origin, kid, privateKey })
const at = '2026-11-22T02:00:00.000Z'

function entry(i) {
  const revocation = `r${i}`
  const eid = `revocation.verified:${revocation}`
  const c = (path) => commit(caseKey, eid, path, Buffer.from(`{"id":${i}}`))
  const seen = { at, method: 'GET', status: 200, witness: true }
  return writer.write(
    {
      type: 'revocation.verified',
      v: 1,
      log: origin,
      at,
      account: c('account'),
      after: { ...seen, c: c('after.c'), state: 'dead' },
      before: { ...seen, c: c('before.c'), state: 'live' },
      app: 'crm',
      attempts: { count: 1, first: at, last: at },
      connector: 'scim2@1.0.0',
      facet: 'account',
      generation: 1,
      grade: 'B',
      kind: 'dead',
      offboarding: `o${Math.floor(i / 5)}`,
      revocation,
    },
    { offboardingId: `o${Math.floor(i / 5)}`, revocationId: revocation },
  )
}

/** Per CPU-second of the whole process. */
async function cpu(name, n, work) {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  line(name, n / ((user + system) / 1e6), 'per CPU-second')
}
async function wall(name, n, work) {
  const before = performance.now()
  await work()
  line(name, (n / (performance.now() - before)) * 1_000, 'per second')
}
function line(name, rate, unit) {
  console.log(`${name.padEnd(48)} ${Math.round(rate).toLocaleString('en').padStart(12)} ${unit}`)
}

let entries = []
await cpu('make an entry: 3 commitments, JCS, signature', count, () => {
  entries = Array.from({ length: count }, (_, i) => entry(i))
})
console.log(`an entry has ${entries[0].leaf.length} bytes`)
await cpu('check an entry: schema, JCS, signature', count, async () => {
  for (let i = 0; i < count; i += 500) {
    await Promise.all(
      entries.slice(i, i + 500).map(({ leaf }) => leafSignedBy(readLeaf(leaf).leaf, publicKey)),
    )
  }
})
await cpu('hash a leaf and append it, root per batch', count, () => {
  let edge = EMPTY_EDGE
  for (let i = 0; i < count; i += batch) {
    edge = append(
      edge,
      entries.slice(i, i + batch).map((e) => leafHash(e.leaf)),
    ).edge
    edgeRoot(edge)
  }
})

// A tree of ten million entries behind the tile reader: every tile has the right size, its hashes are made up.
const huge = 10_000_000
const times = []
for (let i = 0; i < 2_000; i += 1) {
  const before = performance.now()
  await inclusionProof(Math.floor(Math.random() * huge), huge, async ({ level, index, width }) =>
    Buffer.alloc(width * 32, (level + index) % 256),
  )
  times.push(performance.now() - before)
}
times.sort((a, b) => a - b)
const p99 = times[Math.floor(times.length * 0.99)]
console.log(
  `an inclusion proof among ${huge.toLocaleString('en')} entries: p99 ${p99.toFixed(2)} ms`,
)

const dataDir = await mkdtemp(join(tmpdir(), 'quittance-bench-'))
const mongod = await startEmbeddedMongod({ dataDir })
const connection = await connect(mongod.uri, 'bench')
try {
  await prepareLedger(connection)
  const store = createLedgerStore(connection, origin)
  const silent = { info() {}, warn() {}, error: console.error }
  const ledger = await createLedger({
    origin,
    store,
    directory: join(dataDir, 'ledger'),
    masterKey,
    software: 'quittance@0.0.0-bench',
    onSealed: async () => {},
    clock: systemClock,
    holder: 'bench',
    log: silent,
    batch,
  })
  const intake = createLedgerIntake(connection)
  const { transaction } = createTransactor(connection)
  await ledger.tick()
  await wall('enqueue, 50 per transaction, 8 at a time', count, async () => {
    let next = 0
    const work = async () => {
      while (next < count) {
        const part = entries.slice(next, next + 50)
        next += 50
        await transaction((tx) => intake.enqueue(part, tx))
      }
    }
    await Promise.all(Array.from({ length: 8 }, work))
  })
  await wall(`seal, batches of ${batch}`, count, async () => {
    while ((await ledger.tick()).kind === 'sealed');
  })
  await wall('verify, sign and publish', count, () => ledger.publish())
  const reader = createLedgerReader({ origin, store })
  const proofs = 500
  await wall('inclusion proof, one after the other', proofs, async () => {
    for (let i = 0; i < proofs; i += 1) {
      const index = Math.floor(Math.random() * count)
      const stored = await reader.entry(index)
      const { treeSize, hashes } = await reader.inclusionProof(index)
      const { root } = await store.checkpoint()
      const proof = hashes.map((hash) => Buffer.from(hash, 'hex'))
      const claim = { index, size: treeSize, leafHash: leafHash(stored.leaf), root, proof }
      if (!verifyInclusion(claim)) throw new Error('a proof does not verify')
    }
  })
} finally {
  await connection.close()
  await mongod.stop()
  await rm(dataDir, { recursive: true, force: true })
}
