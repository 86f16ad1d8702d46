// The whole way on a real mongod: people who leave, an application on 127.0.0.1, sealed proofs. Then the cost of
// idling. Everything shares this machine's cores, so figures are a lower bound.
// node --conditions=hub-source --import tsx bench/engine.mjs [--people 200] [--apps 5] [--workers 1]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from '../src/storage/connection.ts'
import { startEmbeddedMongod } from '../src/storage/embedded-mongod.ts'
import { revocationsOf } from '../src/storage/revocation-models.ts'
import { engineOn } from '../test/support/engine.ts'
import { startTarget, targetConnector } from '../test/support/targets.ts'

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '200' },
    apps: { type: 'string', default: '5' },
    workers: { type: 'string', default: '1' },
  },
})
const people = Number(values.people)
const apps = Number(values.apps)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const dataDir = await mkdtemp(join(tmpdir(), 'quittance-bench-'))
const mongod = await startEmbeddedMongod({ dataDir })
const connection = await connect(mongod.uri, 'bench')
const names = Array.from({ length: people }, (_, n) => `p${n}@example.com`)
const targets = []
const connector = targetConnector({
  manifest: { limits: { concurrency: 8, timeoutMs: 2_000 } },
})
const engine = await engineOn(connection, { connectors: new Map([['target', connector]]) })
for (let n = 0; n < apps; n += 1) {
  const accounts = names.map((userName, i) => [`a${i}`, { userName, active: true }])
  const target = await startTarget(Object.fromEntries(accounts))
  targets.push(target)
  await engine.register(target)
}
const users = await inParallel(8, names, (name) => engine.hire(name))
for (let n = 0; n < Number(values.workers); n += 1) engine.startWorker()

const rows = revocationsOf(connection)
const cpu = process.cpuUsage()
const began = performance.now()
await inParallel(8, users, (user) => engine.setActive(user, false))
const committed = performance.now()
const total = people * apps
while ((await rows.countDocuments({ state: 'proven' })) < total) await sleep(50)
const took = (performance.now() - began) / 1_000
const { user, system } = process.cpuUsage(cpu)
const waits = (await rows.find().toArray())
  .map((row) => row.provenAt - row.openedAt)
  .sort((a, b) => a - b)
const at = (share) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))]
console.log(`${people} people × ${apps} apps = ${total} revocations, ${values.workers} worker(s)`)
console.log(`  committed       ${Math.round(people / ((committed - began) / 1_000))} people/s`)
console.log(`  proven          ${Math.round(total / took)} revocations/s`)
console.log(`  commit → proof  p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
console.log(
  `  CPU             ${((user + system) / 1_000 / total).toFixed(2)} ms per revocation (all roles and the apps)`,
)

await sleep(6_000)
const commands = async () => {
  const { opcounters } = await connection.db.admin().command({ serverStatus: 1 })
  return (
    opcounters.query +
    opcounters.command +
    opcounters.insert +
    opcounters.update +
    opcounters.delete
  )
}
const collections = async () => {
  const { totals } = await connection.db.admin().command({ top: 1 })
  return Object.entries(totals)
    .filter(([name]) => name.startsWith('bench.') && !name.includes('ledger'))
    .reduce((sum, [, { total: all }]) => sum + all.count, 0)
}
const [before, used] = [await commands(), await collections()]
await sleep(15_000)
console.log(
  `  idle            ${(((await collections()) - used) / 15).toFixed(2)} operations/s on the engine's collections`,
)
console.log(
  `                  ${(((await commands()) - before) / 15).toFixed(2)} commands/s on the server, ledger and driver included`,
)

await engine.close()
for (const target of targets) await target.close()
await connection.close()
await mongod.stop()
await rm(dataDir, { recursive: true, force: true })

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
