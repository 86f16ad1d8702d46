// The whole way on a real mongod: people who leave, applications on 127.0.0.1, sealed proofs. Then the cost of
// idling. Everything shares this machine's cores, so figures are a lower bound. Commands are the server's own
// count; those of the intake (before the first claim) and of this script's polling are taken out.
// node --conditions=hub-source --import tsx bench/engine.mjs [--people 200] [--apps 5] [--workers 1]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect } from '../src/storage/connection.ts'
import { startEmbeddedMongod } from '../src/storage/embedded-mongod.ts'
import { revocationsOf } from '../src/storage/revocation-models.ts'
import { engineOn } from '../test/support/engine.ts'
import { targetConnector } from '../test/support/targets.ts'

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '200' },
    apps: { type: 'string', default: '5' },
    workers: { type: 'string', default: '1' },
  },
})
const people = Number(values.people)
const apps = Number(values.apps)
const MONITORING = new Set(['hello', 'isMaster', 'serverStatus', 'ping', 'endSessions'])
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const dataDir = await mkdtemp(join(tmpdir(), 'quittance-bench-'))
const mongod = await startEmbeddedMongod({ dataDir })
const connection = await connect(mongod.uri, 'bench')
const names = Array.from({ length: people }, (_, n) => `p${n}@example.com`)
const targets = []
// Finds an account by its name, as most applications can: the test's own connector lists all of them.
const connector = {
  ...targetConnector({ manifest: { limits: { concurrency: 8, timeoutMs: 5_000 } } }),
  correlate: async ({ userName }) => [
    {
      handle: { facet: 'account', id: `a${/\d+/.exec(userName)[0]}` },
      strength: 'exact',
      matchedOn: 'userName',
      evidence: { method: 'GET', target: '/', at: 0, body: '' },
    },
  ],
}
const engine = await engineOn(connection, { connectors: new Map([['target', connector]]) })
for (let n = 0; n < apps; n += 1) {
  const target = await spawnTarget(people)
  targets.push(target)
  await engine.register(target)
}
const users = await inParallel(8, names, (name) => engine.hire(name))
const total = people * apps
const rows = revocationsOf(connection)
const committing = performance.now()
await inParallel(8, users, (user) => engine.setActive(user, false))
const committed = performance.now()
await sleep(3_000)

const sent = await counts()
const cpu = process.cpuUsage()
const began = performance.now()
for (let n = 0; n < Number(values.workers); n += 1) engine.startWorker()
let polls = 0
const quarters = []
for (let done = 0; done < total; polls += 1) {
  await sleep(100)
  done = await rows.countDocuments({ state: 'proven' })
  while (done >= (total / 4) * (quarters.length + 1) && quarters.length < 4) {
    quarters.push(performance.now())
  }
}
const took = (performance.now() - began) / 1_000
const { user, system } = process.cpuUsage(cpu)
const used = await counts()
const each = (name) =>
  ((used[name] ?? 0) - (sent[name] ?? 0) - (name === 'aggregate' ? polls : 0)) / total
const busy = Object.keys(used).filter((name) => each(name) >= 0.005)
console.log(`${people} people × ${apps} apps = ${total} revocations, ${values.workers} worker(s)`)
console.log(`  committed       ${Math.round(people / ((committed - committing) / 1_000))} people/s`)
console.log(`  proven          ${Math.round(total / took)} revocations/s`)
const starts = [began, ...quarters]
const speeds = quarters.map((end, n) => Math.round(total / 4 / ((end - starts[n]) / 1_000)))
console.log(`  by quarter      ${speeds.join(', ')} revocations/s`)
console.log(
  `  CPU             ${((user + system) / 1_000 / total).toFixed(2)} ms per revocation (this process: all roles, not the apps)`,
)
console.log(
  `  commands        ${busy.reduce((sum, name) => sum + each(name), 0).toFixed(2)} per revocation: ${busy
    .map((name) => `${name} ${each(name).toFixed(2)}`)
    .join(', ')}`,
)

await sleep(6_000)
const before = await counts()
await sleep(15_000)
const after = await counts()
const idle = Object.keys(after)
  .map((name) => [name, (after[name] - (before[name] ?? 0)) / 15])
  .filter(([name, rate]) => rate > 0 && !MONITORING.has(name))
console.log(
  `  idle            ${idle.reduce((sum, [, rate]) => sum + rate, 0).toFixed(2)} commands/s, ledger included: ${idle
    .map(([name, rate]) => `${name} ${rate.toFixed(2)}`)
    .join(', ')}`,
)

await engine.close()
for (const target of targets) target.close()
await connection.close()
await mongod.stop()
await rm(dataDir, { recursive: true, force: true })

/** How often each command ran on the server since it started, but for the driver's monitoring. */
async function counts() {
  const { metrics } = await connection.db.admin().command({ serverStatus: 1 })
  const ran = Object.entries(metrics.commands).filter(
    ([name, { total: n }]) => n > 0 && !MONITORING.has(name),
  )
  return Object.fromEntries(ran.map(([name, { total: n }]) => [name, Number(n)]))
}

async function spawnTarget(accounts) {
  const file = fileURLToPath(new URL('engine-target.mjs', import.meta.url))
  const child = spawn(process.execPath, [file, String(accounts)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [port] = await once(child.stdout, 'data')
  return { url: `http://127.0.0.1:${Number(port)}`, close: () => child.stdin.end() }
}

async function inParallel(width, items, work) {
  const results = new Array(items.length)
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const index = next
      next += 1
      results[index] = await work(items[index])
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return results
}
