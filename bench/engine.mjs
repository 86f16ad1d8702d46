// The revocation engine on a real mongod: hub processes, applications on 127.0.0.1, sealed proofs. Everything shares
// this machine's cores, the applications and this script too, so figures are a lower bound.
//
// node --conditions=hub-source --import tsx bench/engine.mjs [--quick] [--only sustained,ceiling,latency,agenda,idle]
//   [--workers 1,2,4] [--rates 10,50,100] [--people 600] [--apps 5] [--profile <folder>]
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedMongod } from '../src/storage/embedded-mongod.ts'
import { agendaRate } from './engine-agenda.mjs'
import { ceiling } from './engine-ceiling.mjs'
import { idleCost } from './engine-idle.mjs'
import { latency } from './engine-latency.mjs'
import { startTargets } from './engine-parts.mjs'
import { sustained } from './engine-sustained.mjs'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: 'sustained,ceiling,latency,agenda,idle' },
    workers: { type: 'string' },
    rates: { type: 'string' },
    people: { type: 'string' },
    apps: { type: 'string', default: '5' },
    profile: { type: 'string' },
  },
})
spawnSync(process.execPath, ['scripts/build-if-stale.mjs'], { stdio: 'inherit' })
const { quick, profile } = values
const numbers = (text) => text.split(',').map(Number)
const only = new Set(values.only.split(','))
const apps = Number(values.apps)
const people = Number(values.people ?? (quick ? 150 : 600))

const dataDir = await mkdtemp(join(tmpdir(), 'quittance-bench-'))
const mongod = await startEmbeddedMongod({ dataDir, cacheMiB: 1024 })
const targets = await startTargets(apps)
const bench = { mongod, targets, dataDir, profile }
console.log(`${availableParallelism()} cores, ${apps} apps, ${process.version}`)
try {
  if (only.has('sustained') || only.has('ceiling')) {
    for (const workers of numbers(values.workers ?? (quick ? '1,2' : '1,2,4'))) {
      const last = await sustained(bench, { workers, people })
      bench.database = last.database
    }
    if (only.has('ceiling')) await ceiling(bench, { seconds: quick ? 3 : 6 })
  }
  if (only.has('latency')) {
    await latency(bench, {
      rates: numbers(values.rates ?? (quick ? '10,50' : '10,50,100')),
      seconds: quick ? 4 : 10,
    })
  }
  if (only.has('agenda')) await agendaRate(bench, { jobs: quick ? 400 : 1_500 })
  if (only.has('idle')) await idleCost(bench, { seconds: quick ? 15 : 60 })
} finally {
  targets.close()
  await mongod.stop()
  await rm(dataDir, { recursive: true, force: true })
}
