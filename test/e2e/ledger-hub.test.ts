import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { createHub, type Hub } from '../../src/composition/hub.ts'
import { loadConfig } from '../../src/config/config.ts'
import { fsck } from '../../src/ledger/fsck.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { wormSource } from '../../src/ledger/worm.ts'
import { createWormDirectory } from '../../src/ledger/worm-directory.ts'
import { connect } from '../../src/storage/connection.ts'
import { checkpointsOf, entriesOf, headsOf, tilesOf } from '../../src/storage/ledger-collections.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { freshDatabase } from '../support/database.ts'
import { ADMIN_TOKEN } from '../support/hub.ts'
import { startTimestampAuthority } from '../support/timestamp-authority.ts'
import { startWitness } from '../support/witness.ts'

// Two processes' worth of hub on one database: one seals and serves and holds no key, the other one signs.
const MASTER_KEY = Buffer.alloc(32, 7)
const ORIGIN = 'quittance.local/ledger'
let database: Awaited<ReturnType<typeof freshDatabase>>
let directory: string
let tsa: Awaited<ReturnType<typeof startTimestampAuthority>>
let witness: Awaited<ReturnType<typeof startWitness>>
let vkey: string
let origin: string
const stops: (() => Promise<unknown>)[] = []

async function hubOf(name: string, env: Record<string, string>): Promise<Hub> {
  const connection = await connect(inject('mongodbUri'), database.dbName)
  const config = loadConfig({
    MONGODB_URI: inject('mongodbUri'),
    MONGODB_DB: database.dbName,
    DATA_DIR: join(directory, name),
    ADMIN_TOKEN,
    MASTER_KEY: MASTER_KEY.toString('base64'),
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    LEDGER_POLICY_FILE: join(directory, 'policy'),
    ...env,
  })
  const hub = await createHub({
    config,
    connection,
    secrets: { masterKey: MASTER_KEY, adminToken: ADMIN_TOKEN },
    publicUrl: 'http://127.0.0.1',
    log: createLog({ level: config.logLevel }),
  })
  stops.unshift(async () => {
    await hub.stop()
    await connection.close()
  })
  return hub
}

/** What an auditor sees at the hub that holds no key. */
async function status(): Promise<unknown> {
  const response = await fetch(`${origin}/api/v1/ledger/status`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  })
  expect(response.status).toBe(200)
  return await response.json()
}

beforeAll(async () => {
  database = await freshDatabase()
  directory = await mkdtemp(join(tmpdir(), 'quittance-apart-'))
  tsa = await startTimestampAuthority()
  await writeFile(join(directory, 'tsa.pem'), tsa.root)
  const worm = await mkdtemp(join(directory, 'worm-'))
  // The witness has to know the log, the policy the witness, and the signer makes its key at its first start.
  await writeFile(join(directory, 'policy'), '')
  const first = await hubOf('signer', { ROLE: 'signer', LEDGER_POLICY_FILE: '' })
  vkey = first.ledgerKey ?? ''
  await stops.shift()?.()
  witness = await startWitness('w1.example', 11, [vkey])
  await writeFile(
    join(directory, 'policy'),
    `log ${vkey}\nwitness w1 ${witness.vkey} ${witness.url}\nquorum w1\n`,
  )
  const signer = await hubOf('signer', {
    ROLE: 'signer',
    LEDGER_TSA_URL: tsa.url,
    LEDGER_TSA_CERTIFICATES: join(directory, 'tsa.pem'),
    LEDGER_WORM_DIRECTORY: worm,
  })
  const sealer = await hubOf('sealer', { ROLE: 'web,worker,ledger', LEDGER_LOG_KEY: vkey })
  expect(sealer.ledgerKey).toBeUndefined()
  const server = createServer(sealer.app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.unshift(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  sealer.start()
  signer.start()
})

afterAll(async () => {
  for (const stop of stops) await stop()
  await witness.stop()
  await tsa.stop()
  await database.dispose()
  await rm(directory, { recursive: true, force: true })
})

test('a signer apart, with a witness, an authority and a copy, is seen by all in the status', async () => {
  await vi.waitFor(
    async () =>
      expect(await status()).toMatchObject({
        origin: ORIGIN,
        waiting: { count: 0, since: null },
        sealed: { size: 5 },
        signed: {
          size: 5,
          quorum: true,
          witnesses: [{ name: 'w1.example', at: expect.any(String) }],
        },
        lag: 0,
        stamped: { size: 5, at: expect.any(String) },
        signer: { refused: null, seen: expect.any(String) },
        worm: { size: 5, lag: 0, trouble: null, at: expect.any(String) },
      }),
    { timeout: 20_000, interval: 100 },
  )
  const [worm] = (await readdir(directory)).filter((name) => name.startsWith('worm-'))
  const keys = [parseVkey(vkey)!]
  const copy = wormSource(createWormDirectory(join(directory, worm ?? '')), keys)
  expect(await fsck(copy, keys)).toMatchObject({ size: 5, faults: [] })
  // Keys are where the signer is, and nowhere else.
  expect(await readdir(join(directory, 'signer', 'keys'))).toContain('log.key')
  await expect(readdir(join(directory, 'sealer', 'keys'))).rejects.toThrow('ENOENT')
})

test('a database set back under the signer, is named in the status of the hub beside it', async () => {
  const { connection } = database
  // The head is replaced, never absent: a sealer that finds none begins a log of its own.
  await headsOf(connection).replaceOne(
    { _id: ORIGIN },
    { size: 1, root: Buffer.alloc(32), edge: [Buffer.alloc(32)], at: 1 },
  )
  for (const collection of [entriesOf, tilesOf, checkpointsOf]) {
    await collection(connection).deleteMany({})
  }
  await vi.waitFor(
    async () => expect(await status()).toMatchObject({ signer: { refused: 'rollback' } }),
    { timeout: 10_000, interval: 100 },
  )
})
