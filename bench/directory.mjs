// Does a lookup cost the same in a directory of a million as in one of ten thousand?
// Two hubs with a database each on one mongod, filled with so many users; one request to each in turn, through HTTP.
// node bench/directory.mjs [--small 10000 --large 1000000 --requests 500]    (build first)
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import mongoose from 'mongoose'
import { PROCESS_FLAGS } from '../dist/src/process-flags.js'
import { userRow } from '../dist/src/storage/directory-rows.js'

const { values } = parseArgs({
  options: {
    small: { type: 'string', default: '10000' },
    large: { type: 'string', default: '1000000' },
    requests: { type: 'string', default: '500' },
  },
})
const sizes = [Number(values.small), Number(values.large)]
const requests = Number(values.requests)
const ADMIN = 'bench-admin-token-of-32-characters-x'
const SOURCE = 'bench'
/** Rows of one insert. */
const BATCH = 5_000

const folder = await mkdtemp(join(tmpdir(), 'quittance-bench-'))
/** Two hubs, each with a database of its own, so of its own indexes, on the mongod that the first one brings. */
const hubs = []
try {
  const first = await hub('small', {})
  const dbPort = (await readFile(join(folder, 'small', 'db-port'), 'utf8')).trim()
  const uri = `mongodb://127.0.0.1:${dbPort}/?replicaSet=quittance`
  const second = await hub('large', { MONGODB_URI: uri })
  const client = await mongoose.mongo.MongoClient.connect(uri)
  const sides = []
  for (const [index, one] of [first, second].entries()) {
    const size = sizes[index]
    const token = await source(one.base)
    const from = performance.now()
    await fill(client.db(one.name).collection('users'), size)
    const seconds = (performance.now() - from) / 1000
    console.error(`${size} users stored in ${seconds.toFixed(0)} s`)
    sides.push(casesOf(one.base, token, size))
  }
  // What was stored is written out now, not while it is measured.
  await client.db('admin').command({ fsync: 1 })
  const [small, large] = await measure(sides)
  await client.close()
  console.log(`${requests} requests each, in turns; ms; node ${process.version}`)
  console.table(
    Object.fromEntries(
      Object.keys(small).map((name) => [
        name,
        {
          [`p50 of ${sizes[0]}`]: small[name].p50,
          [`p50 of ${sizes[1]}`]: large[name].p50,
          [`p99 of ${sizes[0]}`]: small[name].p99,
          [`p99 of ${sizes[1]}`]: large[name].p99,
          'ratio p50': (large[name].p50 / small[name].p50).toFixed(2),
          'ratio p99': (large[name].p99 / small[name].p99).toFixed(2),
        },
      ]),
    ),
  )
} finally {
  // The one that brought mongod leaves last.
  for (const { child, gone } of hubs.reverse()) {
    child.kill('SIGTERM')
    await gone
  }
  await rm(folder, { recursive: true, force: true })
}

/** A hub of the web role with an empty database of its name. */
async function hub(name, settings) {
  const port = 18_000 + (process.pid % 2_000) + hubs.length * 2_000
  const child = spawn(process.execPath, [...PROCESS_FLAGS, 'dist/src/main.js'], {
    env: {
      ...process.env,
      PORT: String(port),
      DATA_DIR: join(folder, name),
      MONGODB_DB: name,
      ROLE: 'web',
      LOG_LEVEL: 'warn',
      ADMIN_TOKEN: ADMIN,
      MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  hubs.push({ child, gone })
  const base = `http://127.0.0.1:${port}`
  await until(async () => (await fetch(`${base}/readyz`)).ok)
  return { name, base }
}

async function source(base) {
  const response = await fetch(`${base}/api/v1/sources`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: SOURCE, name: SOURCE, dialect: 'generic' }),
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return (await response.json()).token
}

function idOf(n) {
  return `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`
}

/** The rows that the hub itself would store. Indexes are made afterwards, as they were: that is several times faster. */
async function fill(users, size) {
  const indexes = (await users.indexes()).filter(({ name }) => name !== '_id_')
  await users.dropIndexes()
  let next = 0
  const writer = async () => {
    while (next < size) {
      const from = next
      next += BATCH
      const rows = Array.from({ length: Math.min(BATCH, size - from) }, (_, i) => rowOf(from + i))
      await users.insertMany(rows, { ordered: false, writeConcern: { w: 1 } })
    }
  }
  await Promise.all([writer(), writer()])
  await users.createIndexes(indexes.map(({ v: _, ...index }) => index))
}

function rowOf(n) {
  return userRow({
    id: idOf(n),
    sourceId: SOURCE,
    resource: {
      userName: `person.${n}@example.com`,
      externalId: `ext-${n}`,
      displayName: `Person ${n}`,
      active: true,
      name: { givenName: 'Person', familyName: String(n) },
      emails: [{ value: `mail.${n}@example.com`, type: 'work', primary: true }],
    },
    active: true,
    version: 1,
    generation: 0,
    created: 1_700_000_000_000 + n,
    lastModified: 1_700_000_000_000 + n,
  })
}

/** One request after the other, the sides in turn: what is compared is their cost, not the hour. */
async function measure(sides) {
  const results = sides.map(() => ({}))
  for (const name of Object.keys(sides[0].cases)) {
    const times = sides.map(() => [])
    for (let i = -50; i < requests; i++) {
      for (const [side, { cases, size }] of sides.entries()) {
        const n = Math.floor(Math.random() * size)
        const from = performance.now()
        await cases[name](n)
        if (i >= 0) times[side].push(performance.now() - from)
      }
    }
    times.forEach((list, side) => {
      list.sort((a, b) => a - b)
      const at = (share) => Number(list[Math.floor(list.length * share)].toFixed(2))
      results[side][name] = { p50: at(0.5), p99: at(0.99) }
    })
  }
  return results
}

function casesOf(base, token, size) {
  const get = async (path) => {
    const response = await fetch(`${base}/scim/${SOURCE}/v2${path}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const json = await response.json()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(json)}`)
    return json
  }
  const one = (filter) => async (n) => {
    const { totalResults } = await get(`/Users?filter=${encodeURIComponent(filter(n))}`)
    if (totalResults !== 1) throw new Error(`${filter(n)}: ${totalResults}`)
  }
  let cursor = ''
  const cases = {
    'by userName': one((n) => `userName eq "Person.${n}@example.com"`),
    'by externalId': one((n) => `externalId eq "ext-${n}"`),
    'by e-mail': one((n) => `emails.value eq "mail.${n}@example.com"`),
    'by e-mail of a type': one(
      (n) => `emails[type eq "work" and value eq "mail.${n}@example.com"]`,
    ),
    'by id': async (n) => get(`/Users/${idOf(n)}`),
    'nobody of the name': async (n) =>
      get(`/Users?filter=${encodeURIComponent(`userName eq "nobody.${n}"`)}`),
    'first page of 100': async () => get('/Users?count=100'),
    'next page by cursor': async () => {
      const page = await get(`/Users?count=100&cursor=${cursor}`)
      cursor = page.nextCursor ?? ''
    },
  }
  return { cases, size }
}

async function until(condition, ms = 60_000) {
  for (
    const end = Date.now() + ms;
    Date.now() < end;
    await new Promise((resolve) => setTimeout(resolve, 50))
  ) {
    if (await condition().catch(() => false)) return
  }
  throw new Error('condition not met in time')
}
