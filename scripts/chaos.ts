// Kills, freezes and cuts a whole installation while people depart, and checks afterwards what was promised.
// npm run chaos -- --deactivations 500 --apps 5 --kills 6 --stepdowns 1 [--seed 1] [--facts FILE] [--check FILE]
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { check } from './chaos/checker.ts'
import type { Facts } from './chaos/facts.ts'
import { STORY_KINDS } from './chaos/provider.ts'
import { isSound, reportOf } from './chaos/report.ts'
import { runChaos } from './chaos/run.ts'

const { values } = parseArgs({
  options: {
    deactivations: { type: 'string', default: '300' },
    apps: { type: 'string', default: '5' },
    kills: { type: 'string', default: '6' },
    stepdowns: { type: 'string', default: '1' },
    freezes: { type: 'string' },
    'database-freezes': { type: 'string' },
    cuts: { type: 'string' },
    'fail-points': { type: 'string' },
    'primary-kills': { type: 'string', default: '0' },
    terms: { type: 'string', default: '0' },
    'fail-matrix': { type: 'boolean', default: false },
    /** Seconds that a frozen primary stays frozen. */
    'freeze-seconds': { type: 'string', default: '9' },
    /** Seconds by which the hubs' clocks are wrong. */
    skew: { type: 'string', default: '0' },
    /** One kind of story for everybody; see provider.ts. */
    stories: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    concurrency: { type: 'string', default: '16' },
    /** Seconds. */
    patience: { type: 'string', default: '240' },
    /** Keeps what is known of the run in this file; a red run keeps it in its folder in any case. */
    facts: { type: 'string' },
    /** Runs nothing: judges what such a file says. */
    check: { type: 'string' },
    /** Keeps databases and logs in this folder. */
    keep: { type: 'string' },
  },
})

const began = Date.now()
const log = (line: string): void =>
  console.log(`${((Date.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${line}`)

if (values.check !== undefined) {
  if (!judge(JSON.parse(await readFile(values.check, 'utf8')) as Facts)) process.exitCode = 1
} else {
  const kills = Number(values.kills)
  const some = (given: string | undefined, share: number): number =>
    given === undefined ? Math.ceil(kills * share) : Number(given)
  const kind = STORY_KINDS.find((known) => known === values.stories)
  const folder = values.keep ?? (await mkdtemp(join(tmpdir(), 'quittance-chaos-')))
  log(`seed ${values.seed}, in ${folder}`)
  let isGreen = false
  try {
    const run = await runChaos({
      repository: join(import.meta.dirname, '..'),
      folder,
      deactivations: Number(values.deactivations),
      apps: Number(values.apps),
      seed: Number(values.seed),
      concurrency: Number(values.concurrency),
      leaseSeconds: 20,
      quarantineMs: 8_000,
      patienceMs: Number(values.patience) * 1_000,
      kills,
      stepdowns: Number(values.stepdowns),
      freezes: some(values.freezes, 0.3),
      databaseFreezes: some(values['database-freezes'], 0.1),
      cuts: some(values.cuts, 0.2),
      failPoints: some(values['fail-points'], 0.25),
      primaryKills: Number(values['primary-kills']),
      terms: Number(values.terms),
      failMatrix: values['fail-matrix'],
      databaseFreezeMs: Number(values['freeze-seconds']) * 1_000,
      skewSeconds: Number(values.skew),
      ...(kind === undefined ? {} : { stories: kind }),
      log,
    })
    await writeFile(values.facts ?? join(folder, 'facts.json'), JSON.stringify(run.facts))
    const { misfortunes, provider, seconds, owed } = run
    log(`misfortunes ${JSON.stringify(misfortunes)}`)
    log(`provider ${JSON.stringify(provider)}`)
    log(`load ${Math.round(seconds.load)} s, rest ${Math.round(seconds.rest)} s`)
    if (owed !== undefined) log(`not at rest: ${JSON.stringify(owed)}`)
    isGreen = judge(run.facts) && owed === undefined && run.abandoned.length === 0
    if (run.abandoned.length > 0) log(`lanes not given back: ${run.abandoned.join(', ')}`)
  } finally {
    // What went wrong may not come again: databases, logs and facts are all there is to look at.
    if (isGreen && values.keep === undefined) await rm(folder, { recursive: true, force: true })
    else log(`kept in ${folder}`)
  }
  if (!isGreen) process.exitCode = 1
}

function judge(facts: Facts): boolean {
  const verdict = check(facts)
  console.log(reportOf(verdict).join('\n'))
  return isSound(verdict)
}
