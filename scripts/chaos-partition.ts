// Cuts a primary and a hub off from everybody else, by network namespaces, and counts what was promised and what is there.
// npm run chaos:partition -- [--people 6000] [--seconds 12] [--calm 4]
// Twice: as the hub does it, and with promises that rest on one member. The second must lose some, or this sees nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { canIsolate } from './chaos/namespaces.ts'
import { runPartition } from './chaos/partition.ts'

const INSIDE = 'CHAOS_INSIDE'
const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '6000' },
    seconds: { type: 'string', default: '12' },
    calm: { type: 'string', default: '4' },
  },
})

if (process.env[INSIDE] === undefined) {
  if (!canIsolate()) {
    console.error('this machine allows no network namespaces (unshare -rn, ip)')
    process.exit(2)
  }
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const env = { ...process.env, [INSIDE]: '1' }
  const [code] = await once(spawn('unshare', ['-rn', ...again], { stdio: 'inherit', env }), 'exit')
  process.exit(Number(code ?? 1))
}

for (const unsafe of [false, true]) {
  console.log(unsafe ? 'control: w:1' : 'as it is: w:majority')
  const folder = await mkdtemp(join(tmpdir(), 'quittance-partition-'))
  try {
    const run = await runPartition({
      folder,
      people: Number(values.people),
      cutMs: Number(values.seconds) * 1_000,
      calmMs: Number(values.calm) * 1_000,
      unsafe,
      log: (line) => console.log(`  ${line}`),
    })
    console.log(`  ${JSON.stringify(run)}`)
    const sound = unsafe ? run.lost > 0 : run.lost === 0
    console.log(`${sound ? '✔' : '✘'} lost: ${run.lost}${unsafe ? ', and it must be some' : ''}`)
    if (!sound) process.exitCode = 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
process.exit()
