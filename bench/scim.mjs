// Requests per second, latency and CPU of the SCIM server, beside a bare Express 5 handler that does the same
// durable writes with the plain driver on the same mongod, and beside scimmy with scimmy-routers, which keeps
// everything in memory and nothing durably.
// npm run bench:scim [-- --seconds 1 --rounds 5 --connections 16 --cases get,create --profile DIR]    (build first)
//
// The sides take turns, round by round, and the medians of the rounds are told: a slow moment of the machine
// meets all of them. "To baseline" is the median of the rounds' own ratios. CPU is the user and system time of the
// server process alone, mongod's is not in it. "Commands" are those that mongod counted for one request.
//
// What a side does            hub                                           baseline
//   create                    one insert                                    the same
//   get, filter               user and the ids of their groups, one read    user
//   list of 100               a page, its groups, the total                 a page and the total
//   PATCH one member          group read; transaction: row, user's version  the same writes, each on its own,
//                             in one message; then the group's version,     nothing read
//                             one for all who wait for it
//   PATCH one attribute       user and groups, one read; compare-and-swap   read, compare-and-swap
//   deactivate with 5 apps    user and groups, apps, lanes read; then       user read; the same rows, of made-up
//                             user, case, 5 revocations, 5 lanes, case key, contents, in six messages
//                             signed ledger entry in one transaction and
//                             one message
// The baseline has one token in memory, no schema, no dialects, no diff, no planning, no cryptography, and no index
// but those of userName and of ids. Members of both sides are in collections of their own.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import mongoose from 'mongoose'
import { PROCESS_FLAGS } from '../dist/src/process-flags.js'
import { CASES, EARLY, user } from './scim-cases.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '16' },
    cases: { type: 'string', default: '' },
    /** Folder for a CPU profile of the hub. */
    profile: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
const connections = Number(values.connections)
const ADMIN = 'bench-admin-token-of-32-characters-x'

/** Leavers of one round. */
const LEAVERS = 300
/** Commands that nobody's request causes. */
const BACKGROUND = new Set(['hello', 'isMaster', 'ping', 'serverStatus', 'endSessions'])

const dataDir = await mkdtemp(join(tmpdir(), 'quittance-bench-'))
const port = 18_000 + (process.pid % 2_000)
const base = `http://127.0.0.1:${port}`

// The web role alone: the worker would compete for the two sides of the comparison in only one of them.
const profiling = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : []
const hub = spawn(process.execPath, [...profiling, ...PROCESS_FLAGS, 'dist/src/main.js'], {
  env: {
    ...process.env,
    PORT: String(port),
    DATA_DIR: dataDir,
    ROLE: 'web',
    LOG_LEVEL: 'warn',
    ADMIN_TOKEN: ADMIN,
  },
  stdio: ['ignore', 'ignore', 'inherit'],
})
const gone = new Promise((resolve) => hub.once('exit', resolve))
const children = [hub]
let mongo
try {
  await until(async () => (await fetch(`${base}/readyz`)).ok)
  const dbPort = (await readFile(join(dataDir, 'db-port'), 'utf8')).trim()
  const uri = `mongodb://127.0.0.1:${dbPort}/?replicaSet=quittance`
  mongo = await mongoose.mongo.MongoClient.connect(uri)
  const source = await api('/sources', { id: 'bench', name: 'Bench', dialect: 'okta' })
  for (let n = 1; n <= 5; n++) await api('/apps', app(n))
  const baseline = await beside('bench/baseline.mjs', uri, 'baseline')
  const scimmy = await beside('bench/scimmy-server.mjs')
  const sides = [
    side('hub', hub.pid, `${base}/scim/bench/v2`, source.token),
    side('baseline', baseline.pid, baseline.base, 'baseline'),
    side('scimmy', scimmy.pid, scimmy.base, 'scimmy'),
  ]
  for (const one of sides) await prepare(one)
  const chosen = values.cases === '' ? Object.keys(CASES) : values.cases.split(',')
  const rows = []
  for (const name of chosen) rows.push(await compare(name, sides))
  console.log(
    `${rounds} rounds of ${seconds} s, ${connections} connections, node ${process.version}`,
  )
  console.table(Object.fromEntries(rows.map(({ name, speed }) => [name, speed])))
  console.log('one request')
  console.table(Object.fromEntries(rows.map(({ name, cost }) => [name, cost])))
} finally {
  await mongo?.close()
  for (const child of children) child.kill('SIGTERM')
  await gone
  await rm(dataDir, { recursive: true, force: true })
}

function side(name, pid, url, token) {
  return { name, pid, base: url, token, ids: [], leavers: [], made: 0, moves: 0, groupId: '' }
}

function app(n) {
  return {
    name: `App ${n}`,
    connectorId: 'scim',
    config: { baseUrl: 'http://127.0.0.1:9/scim' },
    secrets: { token: 'x' },
    scope: { kind: 'everyone' },
    class: 2,
    owners: ['owner@example.com'],
    allowNetworks: ['127.0.0.0/8'],
  }
}

async function api(path, body) {
  const response = await fetch(`${base}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

async function beside(...args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const line = await new Promise((resolve) => child.stdout.once('data', resolve))
  return { pid: child.pid, base: `http://127.0.0.1:${String(line).trim()}` }
}

/** A group, and enough people that a list has a whole page. */
async function prepare(one) {
  one.ids = await people(one, EARLY, (n) => `early.${n}@example.com`)
  one.groupId = await post(one, '/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: 'Everyone',
  })
}

async function people(one, count, nameOf) {
  const ids = []
  for (let from = 0; from < count; from += connections) {
    const names = Array.from({ length: Math.min(connections, count - from) }, (_, i) => from + i)
    ids.push(...(await Promise.all(names.map((n) => post(one, '/Users', user(n, nameOf(n)))))))
  }
  return ids
}

async function post(one, path, body) {
  const response = await fetch(one.base + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${one.token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${one.name}: ${response.status} ${await response.text()}`)
  return (await response.json()).id
}

/** One row of each table. The first round warms up and is not counted. */
async function compare(name, sides) {
  const test = CASES[name]
  const figures = sides.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [index, one] of sides.entries()) {
      if (test.once) {
        const leaver = (n) => `leaver.${round}.${n}@example.com`
        one.leavers = await people(one, round === 0 ? 100 : LEAVERS, leaver)
      }
      const figure = await measure(one, test)
      if (round > 0) figures[index].push(figure)
    }
  }
  const [hubs, bare, library] = figures
  const of = (list, key, digits = 0) => Number(median(list.map((one) => one[key])).toFixed(digits))
  const ratio = (list) =>
    Number(median(hubs.map(({ rate }, round) => rate / list[round].rate)).toFixed(2))
  const speed = {
    'to baseline': ratio(bare),
    'to scimmy': ratio(library),
    'hub req/s': of(hubs, 'rate'),
    'baseline req/s': of(bare, 'rate'),
    'scimmy req/s': of(library, 'rate'),
    'hub p50 ms': of(hubs, 'p50'),
    'baseline p50 ms': of(bare, 'p50'),
    'hub p99 ms': of(hubs, 'p99'),
    'baseline p99 ms': of(bare, 'p99'),
  }
  const cost = {
    'hub CPU ms': of(hubs, 'cpu', 2),
    'baseline CPU ms': of(bare, 'cpu', 2),
    'scimmy CPU ms': of(library, 'cpu', 2),
    'hub commands': of(hubs, 'commands', 1),
    'baseline commands': of(bare, 'commands', 1),
    errors: figures.map((list) => list.reduce((sum, { errors }) => sum + errors, 0)).join(' '),
  }
  console.error(`${name}: ${speed['to baseline']} of the baseline`)
  return { name, speed, cost }
}

async function measure(one, test) {
  let n = 0
  let wrong = 0
  const cpu = await cpuMs(one.pid)
  const commands = await commandCount()
  const prefix = new URL(one.base).pathname.replace(/\/$/, '')
  const result = await autocannon({
    url: one.base,
    connections,
    ...(test.once ? { amount: one.leavers.length } : { duration: seconds }),
    requests: [
      {
        setupRequest: (req) => {
          const { method, path, body } = test.request(one, n++)
          return {
            ...req,
            method,
            path: prefix + path,
            headers: {
              authorization: `Bearer ${one.token}`,
              'content-type': 'application/scim+json',
            },
            ...(body ? { body: JSON.stringify(body) } : {}),
          }
        },
        onResponse: (status) => {
          if (status >= 300) wrong++
        },
      },
    ],
  })
  const done = result.requests.total
  return {
    rate: done / ((result.finish - result.start) / 1000),
    cpu: ((await cpuMs(one.pid)) - cpu) / done,
    commands: ((await commandCount()) - commands) / done,
    p50: result.latency.p50,
    p99: result.latency.p99,
    errors: wrong + result.errors,
  }
}

function median(list) {
  return [...list].sort((a, b) => a - b)[list.length >> 1]
}

/** User and system time of a process, in ms, from the kernel's own accounting. */
async function cpuMs(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Commands that mongod has run since it started. */
async function commandCount() {
  const { metrics } = await mongo.db('admin').command({ serverStatus: 1 })
  return Object.entries(metrics.commands).reduce(
    (sum, [name, { total }]) => sum + (BACKGROUND.has(name) ? 0 : Number(total ?? 0)),
    0,
  )
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
