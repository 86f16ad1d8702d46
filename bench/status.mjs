// How long does "is this person gone?" take with a million people and five million revocations stored?
// One call through HTTP, GET /api/v1/users/{source}/{id}: what is open, who owns it, since when. Aim: below 50 ms.
// node --conditions=hub-source --import tsx bench/status.mjs [--users 1000000 --each 5 --requests 500] [--small] [--dir DIR]
// With --dir what was stored is kept there, and asked again the next time: filling takes 20 minutes and 3 GB.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import mongoose from 'mongoose'
import { userRow } from '../src/storage/directory-rows.ts'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '1000000' },
    each: { type: 'string', default: '5' },
    requests: { type: 'string', default: '500' },
    small: { type: 'boolean', default: false },
    dir: { type: 'string' },
  },
})
const users = values.small ? 20_000 : Number(values.users)
const each = Number(values.each)
const requests = Number(values.requests)
const ADMIN = 'bench-admin-token-of-32-characters-x'
const SOURCE = 'bench'
const OWNERS = 2
const BATCH = 5_000
const EPOCH = 1_700_000_000_000
const DAY = 86_400_000

const folder = values.dir ?? (await mkdtemp(join(tmpdir(), 'quittance-bench-')))
await mkdir(folder, { recursive: true })
/** There when the rows are: of how many people. */
const filled = join(folder, 'bench-filled')
const port = 18_000 + (process.pid % 2_000)
const base = `http://127.0.0.1:${port}`
const child = spawn(
  process.execPath,
  ['--disable-proto=delete', '--conditions=hub-source', '--import', 'tsx', 'src/main.ts'],
  {
    env: {
      ...process.env,
      PORT: String(port),
      DATA_DIR: folder,
      ROLE: 'web',
      LOG_LEVEL: 'warn',
      ADMIN_TOKEN: ADMIN,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  },
)
const gone = new Promise((resolve) => child.once('exit', resolve))
try {
  await until(async () => (await fetch(`${base}/readyz`)).ok)
  if (!existsSync(filled)) await store()
  const size = await readFile(filled, 'utf8')
  if (size !== `${users} × ${each}`) throw new Error(`${folder} holds ${size}`)

  console.log(
    `${requests} requests each, one after the other; ms (cpu: of hub and mongod, for each); node ${process.version}`,
  )
  const results = {}
  const measure = async (name, ask, count) => {
    try {
      results[name] = await timed(ask, count)
    } catch (error) {
      // One that fails must not hide the figures of the others.
      results[name] = { failed: error.message.slice(0, 120) }
      process.exitCode = 1
    }
  }
  // What the machine and HTTP add to everything else.
  await measure('/healthz', () => get('/healthz', ''))
  await measure('status of one person', async (n) => {
    const answer = await get(`/users/${SOURCE}/${idOf(n)}`)
    if (answer.access.length !== each) throw new Error(`${answer.access.length} revocations`)
    if (n % 20 === 0 && answer.status !== 'open') throw new Error(answer.status)
  })
  await measure('found by e-mail', async (n) => {
    const { items } = await get(`/users?search=mail.${n}@example.com`)
    if (items.length !== 1) throw new Error(`${items.length} found`)
  })
  await measure('overdue of one owner', (n) =>
    get(`/revocations?owner=owner-${n % OWNERS}&overdue=true`),
  )
  await measure('open of one owner', (n) => get(`/revocations?owner=owner-${n % OWNERS}&open=true`))
  await measure('overdue of one app', (n) => get(`/revocations?app=app-${n % each}&overdue=true`))
  await measure('all overdue', () => get('/revocations?overdue=true'))
  await measure('waiting for a person', () => get('/revocations?state=human'))
  await measure('summary of all that is open', () => get('/summary'), Math.min(requests, 20))
  await measure('metrics', () => get('/metrics', ''), Math.min(requests, 20))
  console.table(results)
} finally {
  child.kill('SIGTERM')
  await gone
  if (values.dir === undefined) await rm(folder, { recursive: true, force: true })
}

async function store() {
  await post('/sources', { id: SOURCE, name: SOURCE, dialect: 'generic' })
  const dbPort = (await readFile(join(folder, 'db-port'), 'utf8')).trim()
  const client = await mongoose.mongo.MongoClient.connect(
    `mongodb://127.0.0.1:${dbPort}/?replicaSet=quittance`,
  )
  const db = client.db('quittance')
  const from = performance.now()
  await fill(db.collection('users'), users, (n) => [person(n)])
  await fill(db.collection('offboardings'), users, (n) => [offboarding(n)])
  await fill(db.collection('revocations'), users, (n) =>
    Array.from({ length: each }, (_, k) => revocation(n, k)),
  )
  await db.collection('apps').insertMany(Array.from({ length: each }, (_, k) => app(k)))
  await db.admin().command({ fsync: 1 })
  const seconds = ((performance.now() - from) / 1_000).toFixed(0)
  const stored = await db.collection('revocations').estimatedDocumentCount()
  console.error(`${users} people and ${stored} revocations stored in ${seconds} s`)
  await client.close()
  await writeFile(filled, `${users} × ${each}`)
}

/** Indexes are made afterwards, as they were: that is several times faster. */
async function fill(rows, size, make) {
  const indexes = (await rows.indexes()).filter(({ name }) => name !== '_id_')
  await rows.dropIndexes()
  let next = 0
  const writer = async () => {
    while (next < size) {
      const start = next
      next += BATCH
      const count = Math.min(BATCH, size - start)
      const batch = Array.from({ length: count }, (_, i) => make(start + i)).flat()
      await rows.insertMany(batch, { ordered: false, writeConcern: { w: 1 } })
      if (start % 100_000 === 0) console.error(`${rows.collectionName}: ${start} of ${size}`)
    }
  }
  await Promise.all([writer(), writer()])
  console.error(`${rows.collectionName}: ${indexes.length} indexes`)
  await rows.createIndexes(indexes.map(({ v: _, ...index }) => index))
}

function idOf(n, kind = 0) {
  return `0190000${kind}-0000-7000-8000-${String(n).padStart(12, '0')}`
}

function person(n) {
  return userRow({
    id: idOf(n),
    sourceId: SOURCE,
    resource: {
      userName: `person.${n}@example.com`,
      displayName: `Person ${n}`,
      active: false,
      emails: [{ value: `mail.${n}@example.com`, type: 'work', primary: true }],
    },
    active: false,
    version: 2,
    generation: 1,
    created: EPOCH + n,
    lastModified: EPOCH + n,
  })
}

/** One of twenty still has something open. */
function isOpen(n, k) {
  return n % 20 === 0 && k === 0
}

/** Every owner has several apps. */
function app(k) {
  return {
    _id: `app-${k}`,
    name: `App ${k}`,
    connectorId: 'manual',
    config: {},
    scope: { kind: 'everyone' },
    class: 1,
    owners: [`owner-${k % OWNERS}`],
    // Nobody works on what is stored here.
    state: 'paused',
    allowNetworks: [],
    createdAt: EPOCH,
    updatedAt: EPOCH,
    version: 1,
  }
}

function offboarding(n) {
  return {
    _id: idOf(n, 1),
    sourceId: SOURCE,
    userId: idOf(n),
    generation: 1,
    kind: 'leaver',
    cause: { kind: 'scim.patch', requestId: 'bench', receivedAt: EPOCH + n },
    subject: {
      sourceId: SOURCE,
      userId: idOf(n),
      userName: `person.${n}@example.com`,
      emails: [`mail.${n}@example.com`],
    },
    forCause: false,
    openedAt: EPOCH + n,
    state: n % 20 === 0 ? 'open' : 'closed',
    open: n % 20 === 0 ? 1 : 0,
    closing: n % 20 !== 0,
    expected: { count: each, root: '0'.repeat(64) },
  }
}

function revocation(n, k) {
  const open = isOpen(n, k)
  return {
    _id: idOf(n * each + k, 2),
    offboardingId: idOf(n, 1),
    sourceId: SOURCE,
    userId: idOf(n),
    appId: `app-${k}`,
    facet: 'account',
    generation: 1,
    class: 1,
    state: open ? (n % 400 === 0 ? 'human' : 'due') : 'proven',
    attempts: 1,
    openedAt: EPOCH + n,
    deadlineAt: EPOCH + n + DAY,
    updatedAt: EPOCH + n,
    open,
    escalated: 100,
    ...(open
      ? {}
      : {
          provenAt: EPOCH + n + 5_000,
          verdict: { grade: 'B', kind: 'dead', at: EPOCH + n + 4_000 },
          entry: { index: n * each + k, leafHash: '0'.repeat(64) },
          reobserveAt: EPOCH + 900 * DAY,
          reobserved: 5,
        }),
  }
}

async function timed(ask, count = requests) {
  const times = []
  let cpu = 0
  for (let i = -20; i < count; i += 1) {
    if (i === 0) cpu = await cpuMs()
    const n = Math.floor(Math.random() * users)
    const from = performance.now()
    await ask(n)
    if (i >= 0) times.push(performance.now() - from)
  }
  times.sort((a, b) => a - b)
  const at = (share) => Number(times[Math.floor(times.length * share)].toFixed(2))
  const each = ((await cpuMs()) - cpu) / count
  return { p50: at(0.5), p99: at(0.99), max: at(0.9999), cpu: Number(each.toFixed(2)) }
}

/** Of the hub and its mongod so far, in ms: says more than wall time where the machine has other work. Linux alone. */
async function cpuMs() {
  const mongod = (await readFile(join(folder, 'db/mongod.lock'), 'utf8')).trim()
  const ticks = await Promise.all(
    [child.pid, mongod].map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
      const [user = 0, system = 0] = stat.split(') ').at(-1).split(' ').slice(11, 13).map(Number)
      return user + system
    }),
  )
  return ticks.reduce((sum, one) => sum + one, 0) * 10
}

async function get(path, root = '/api/v1') {
  const response = await fetch(`${base}${root}${path}`, {
    headers: { authorization: `Bearer ${ADMIN}` },
  })
  if (root === '') return await response.text()
  const json = await response.json()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(json)}`)
  return json
}

async function post(path, body) {
  const response = await fetch(`${base}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
}

async function until(isSo) {
  for (let i = 0; i < 3_000; i += 1) {
    try {
      if (await isSo()) return
    } catch {
      // It is still starting.
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the hub does not answer')
}
