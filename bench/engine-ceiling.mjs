// What this MongoDB bears at most: bare driver transactions that write once more what each proven revocation left
// behind (lane, revocation, evidence, ledger entry), without an engine, an application, or a signature.

import { connect } from '../src/storage/connection.ts'
import { cpuOf, inParallel } from './engine-parts.mjs'

const MOST = 500
const WIDTHS = [16, 32]

export async function ceiling({ mongod, database }, { seconds }) {
  const from = await connect(mongod.uri, database)
  const to = await connect(mongod.uri, `${database}-again`)
  try {
    const read = from.getClient().db(from.name)
    const write = to.getClient().db(to.name)
    await copyIndexes(read, write)
    const sets = await documentsOf(read)
    // The rows that a revocation changes were there before it, as in the hub.
    await write.collection('lanes').insertMany(sets.map(({ lane }) => lane))
    await write.collection('revocations').insertMany(sets.map(({ revocation }) => revocation))
    let best = 0
    for (const width of WIDTHS) {
      const { rate, cpu } = await runs({ to, write, sets, width, seconds, mongod })
      best = Math.max(best, rate)
      console.log(
        `ceiling, ${width} at once: ${Math.round(rate)} transactions/s (mongod ${cpu.toFixed(2)} ms CPU each)`,
      )
    }
    return best
  } finally {
    await to.dropDatabase()
    await Promise.all([from.close(), to.close()])
  }
}

async function runs({ to, write, sets, width, seconds, mongod }) {
  let n = 0
  const cpu = cpuOf(mongod.pid)
  const began = performance.now()
  const until = began + seconds * 1_000
  const lane = async () => {
    const session = await to.startSession()
    while (performance.now() < until) {
      const turn = n
      n += 1
      await transaction(session, write, sets[turn % sets.length], `${width}/${turn}`)
    }
    await session.endSession()
  }
  await Promise.all(Array.from({ length: width }, lane))
  return {
    rate: n / ((performance.now() - began) / 1_000),
    cpu: (cpuOf(mongod.pid) - cpu) / n,
  }
}

const transaction = (session, db, { lane, revocation, evidence, entry }, turn) =>
  session.withTransaction(
    async () => {
      const again = evidence.map((row, index) => ({ ...row, _id: `${turn}/${index}` }))
      await db.collection('evidence').insertMany(again, { session })
      await db
        .collection('lanes')
        .replaceOne({ _id: lane._id }, { ...lane, stamp: turn }, { session })
      await db
        .collection('revocations')
        .replaceOne({ _id: revocation._id }, { ...revocation, fault: turn }, { session })
      await db
        .collection('ledger_entries')
        .insertOne({ ...entry, _id: turn, eid: turn }, { session })
    },
    { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
  )

async function copyIndexes(from, to) {
  for (const name of ['lanes', 'revocations', 'evidence', 'ledger_entries']) {
    await to.createCollection(name)
    const indexes = (await from.collection(name).indexes()).filter(({ name: n }) => n !== '_id_')
    if (indexes.length > 0) {
      await to.collection(name).createIndexes(indexes.map(({ v: _, ...index }) => index))
    }
  }
}

/** The documents of some proven revocations. */
async function documentsOf(db) {
  const revocations = await db
    .collection('revocations')
    .find({ state: 'proven' })
    .limit(MOST)
    .toArray()
  const rows = await inParallel(16, revocations, async (revocation) => ({
    revocation,
    lane: await db
      .collection('lanes')
      .findOne({ _id: `${revocation.sourceId}/${revocation.userId}/${revocation.appId}` }),
    evidence: await db
      .collection('evidence')
      .find({ offboardingId: revocation.offboardingId, revocationId: revocation._id })
      .toArray(),
    entry: await db.collection('ledger_entries').findOne({ _id: revocation.entry.index }),
  }))
  if (rows.some(({ lane, entry }) => lane === null || entry === null)) {
    throw new Error('a proven revocation has no lane or no entry')
  }
  return rows
}
