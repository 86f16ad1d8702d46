import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHubClient } from '../support/client.ts'
import { freshDatabase } from '../support/database.ts'
import { type HubProcess, startHubProcess } from '../support/hub-process.ts'

const ADMIN_TOKEN = 'admin-token-of-the-idle-hub-00000000001'
/** Starting, compiling, the first looks of every loop; the sequencer looks often for 5 s after it sealed. */
const SETTLE_MS = 7_000
/** One round of the alerts, whose looks are a dozen questions at once. */
const WINDOW_MS = 15_000

let database: Awaited<ReturnType<typeof freshDatabase>>
let dataDir: string
let hub: HubProcess

beforeEach(async () => {
  database = await freshDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'quittance-idle-'))
  hub = await startHubProcess({
    MONGODB_URI: database.uri,
    MONGODB_DB: database.dbName,
    DATA_DIR: dataDir,
    MASTER_KEY: Buffer.alloc(32, 3).toString('base64'),
    ADMIN_TOKEN,
  })
})
afterEach(async () => {
  await hub.terminate()
  await rm(dataDir, { recursive: true, force: true })
  await database.dispose()
})

/** ms of CPU used so far; utime and stime come in ticks of 10 ms. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** How often its main thread has gone to sleep: an event loop that turns for nothing is found by it on any machine. */
function sleepsOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, 'utf8')
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1])
}

test('hub of all roles, five apps and nothing due, asks next to nothing and spins nowhere', async () => {
  const client = createHubClient(hub.origin, ADMIN_TOKEN)
  for (let n = 0; n < 5; n += 1) {
    await client.registerApp({
      name: `app ${n}`,
      config: { baseUrl: `http://127.0.0.1:${9 + n}` },
      secrets: { token: 'secret' },
    })
  }
  await sleep(SETTLE_MS)
  const db = database.connection.getClient().db(database.dbName)
  // The server counts what it was asked by whomever: of this database, that is the hub.
  await db.command({ profile: 2 })
  const cpu = cpuOf(hub.pid)
  const slept = sleepsOf(hub.pid)
  await sleep(WINDOW_MS)
  const used = cpuOf(hub.pid) - cpu
  const sleeps = sleepsOf(hub.pid) - slept
  await db.command({ profile: 0 })
  const asked = await db
    .collection('system.profile')
    .find({ ns: { $not: /system\.profile$/ }, 'command.profile': { $exists: false } })
    .toArray()
  const seconds = WINDOW_MS / 1_000
  const which = asked.map(({ op, ns }) => `${op} ${ns}`).join(', ')
  // The rounds of 30 s may all fall into this window; bench/engine.mjs --only idle has the mean.
  expect(asked.length / seconds, which).toBeLessThan(3.2)
  expect(sleeps / seconds).toBeLessThan(9)
  // Compiling is in it, and what the neighbours do to the caches: a loop that spins is found, a percent is not.
  expect(used / WINDOW_MS).toBeLessThan(0.05)
})
