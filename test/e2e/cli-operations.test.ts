import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ScimApp, startScimApp } from '../../demo/apps/scim-app.ts'
import { restoreCheck } from '../../src/cli/ledger-restore.ts'
import { verifyCommand } from '../../src/cli/verify-file.ts'
import { createHub } from '../../src/composition/hub.ts'
import { loadConfig } from '../../src/config/config.ts'
import { DAY } from '../../src/shared/clock.ts'
import { connect } from '../../src/storage/connection.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { runCli } from '../support/cli.ts'
import { createHubClient, createScimClient, type HubClient } from '../support/client.ts'
import { freshDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { ADMIN_TOKEN } from '../support/hub.ts'

// One installation on its worst days: its database is lost, and its master key must change.
const FORMER = randomBytes(32)
const NEXT = randomBytes(32)
const lost = await freshDatabase()
const restored = await freshDatabase()
const dir = await mkdtemp(join(tmpdir(), 'quittance-operations-'))
const file = join(dir, 'backup.gz')
let app: ScimApp
let hub: Running | undefined
let sourceToken: string
let offboardingId: string

interface Running {
  client: HubClient
  vkey: string
  stop(): Promise<void>
}

const settings = (dbName: string, more: Record<string, string> = {}): Record<string, string> => ({
  MONGODB_URI: lost.uri,
  MONGODB_DB: dbName,
  DATA_DIR: dir,
  MASTER_KEY: FORMER.toString('base64'),
  ADMIN_TOKEN,
  LOG_LEVEL: 'silent',
  ...more,
})

/** A whole hub as these settings make it. */
async function start(env: Record<string, string>): Promise<Running> {
  const config = loadConfig(env)
  const connection = await connect(config.mongodbUri ?? '', config.mongodbDb)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await connection.close()
  }
  try {
    const publicUrl = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const masterKey = config.masterKey ?? FORMER
    const made = await createHub({
      config,
      connection,
      secrets: { masterKey, adminToken: ADMIN_TOKEN },
      publicUrl,
      log: createLog({ level: 'silent' }),
    })
    server.on('request', made.app)
    made.start()
    return {
      client: createHubClient(publicUrl, ADMIN_TOKEN),
      vkey: made.ledgerKey ?? '',
      stop: async () => {
        await made.stop()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A person comes and leaves. @returns the case, when it is closed and the ledger is signed to its end */
async function leaver({ client }: Running, name: string): Promise<string> {
  app.book.put({ userName: `${name}@example.com` })
  const okta = createScimClient(`${client.origin}/scim/okta/v2`, 'okta', sourceToken)
  const id = await okta.createUser(name)
  await okta.patch(`/Users/${id}`, { op: 'replace', value: { active: false } })
  const found = await eventually(`${name} is gone`, async () => {
    const { offboardings } = await client.api<{ offboardings: { id: string; state: string }[] }>(
      'GET',
      `/users/okta/${id}`,
    )
    return offboardings[0]?.state === 'closed' && offboardings[0].id
  })
  await everythingIsSigned(client)
  return found
}

async function everythingIsSigned(client: Running['client']): Promise<void> {
  await eventually('everything is signed', async () => {
    const { waiting, lag } = await client.api<{ waiting: { count: number }; lag: number }>(
      'GET',
      '/ledger/status',
    )
    return waiting.count === 0 && lag === 0
  })
}

/** 0: proved, and complete. */
async function certificate({ client, vkey }: Running, id: string): Promise<number> {
  const response = await client.raw('GET', `/api/v1/offboardings/${id}/certificate`)
  expect(response.status).toBe(200)
  const saved = join(dir, `${id}.zip`)
  await writeFile(saved, Buffer.from(await response.arrayBuffer()))
  return await verifyCommand(saved, { key: [vkey] }, () => {})
}

beforeAll(async () => {
  app = await startScimApp({ accounts: [] })
  hub = await start(settings(lost.dbName))
  sourceToken = (await hub.client.createSource('okta', 'okta')).token
  await hub.client.registerApp({
    name: 'Directory',
    config: { baseUrl: app.url, listsEverybody: true },
    secrets: { token: app.tokens.doer, witnessToken: app.tokens.witness },
  })
  offboardingId = await leaver(hub, 'first')
})
afterAll(async () => {
  await hub?.stop()
  await app.close()
  await lost.dispose()
  await restored.dispose()
  await rm(dir, { recursive: true, force: true })
})

test('person, asked for by name, is gone; another one is planned to leave and stays', async () => {
  const env = { QUITTANCE_URL: hub?.client.origin ?? '', QUITTANCE_TOKEN: ADMIN_TOKEN }
  const status = await runCli(env, 'users', 'status', 'First@example.com')
  expect(status.text).toContain('Gone: everything is revoked and proven.')
  expect(status.text).toMatch(/Directory +account +proven +B/)
  expect(status.code).toBe(0)
  // A beginning is nobody's name, and no answer about anybody.
  const beginning = await runCli(env, 'users', 'status', 'first@ex')
  expect(beginning.text).toMatch(/Nobody has the name.*\n +quittance users show okta \S+ +first@/)
  expect(beginning.code).toBe(1)
  const [unit] = JSON.parse((await runCli(env, 'revocations', 'list', '--json')).text)
  const shown = await runCli(env, 'revocations', 'show', unit.id)
  expect(shown.text).toMatch(/^Directory: account\nPerson +okta \S+\nState +proven\n/)
  expect(shown.text).toMatch(/\nVerdict +dead, grade B, /)
  const keys = await runCli(env, 'ledger', 'keys')
  expect(keys.text).toContain(`log (pin this one)  ${hub?.vkey}\n`)
  expect(keys.text).toMatch(/\ncosigner +\S+\n$/)

  const okta = createScimClient(`${env.QUITTANCE_URL}/scim/okta/v2`, 'okta', sourceToken)
  const id = await okta.createUser('later')
  const preview = await runCli(env, 'offboard', 'preview', 'okta', id)
  expect(preview.text).toMatch(/Directory +account +api +1 /)
  const day = new Date(Date.now() + 30 * DAY).toISOString().slice(0, 10)
  const planned = await runCli(env, 'offboard', 'schedule', 'okta', id, `${day}T12:00:00+01:00`)
  const plan = /cancel (\S+)/.exec(planned.text)?.[1] ?? ''
  expect((await runCli(env, 'offboard', 'planned')).text).toContain(`${day} 11:00`)
  await runCli(env, 'offboard', 'cancel', plan)
  expect((await runCli(env, 'offboard', 'planned', '--state', 'scheduled')).text).toBe('Nothing.\n')
  const employed = await runCli(env, 'users', 'status', 'later@example.com')
  expect(employed.text).toContain('Active at the provider; nothing is owed.')
  expect(employed.code).toBe(0)
})

test('doctor, a sound installation, has nothing that fails; an app that is away is named', async () => {
  const env = {
    ...settings(lost.dbName),
    QUITTANCE_URL: hub?.client.origin ?? '',
    QUITTANCE_TOKEN: ADMIN_TOKEN,
  }
  const { code, text } = await runCli(env, 'doctor')
  for (const line of ['✔ configuration', '✔ signing key', '✔ database', '✔ journal', '✔ clock']) {
    expect(text).toContain(line)
  }
  for (const line of ['✔ master key', '✔ hub', '✔ app           Directory']) {
    expect(text).toContain(line)
  }
  expect(text).toMatch(/ 0 failures$/m)
  expect(code).toBe(0)

  await hub?.client.createSource('elsewhere')
  await hub?.client.registerApp({
    name: 'Gone',
    config: { baseUrl: 'http://127.0.0.1:1', listsEverybody: true },
    secrets: { token: 'x'.repeat(20) },
    scope: { kind: 'everyone', sourceIds: ['elsewhere'] },
  })
  const wrong = { ...env, MASTER_KEY: NEXT.toString('base64') }
  const sick = await runCli(wrong, 'doctor', '--json')
  expect(sick.code).toBe(1)
  const failing = (JSON.parse(sick.text).findings as { state: string; what: string }[]).filter(
    ({ state }) => state === 'fail',
  )
  expect(failing.map(({ what }) => what)).toEqual(['master key', 'app'])
  const none = await runCli({ ...env, MASTER_KEY: 'short' }, 'doctor')
  expect(none.text).toContain('MASTER_KEY')
  expect(none.text).not.toContain('\ufffd')
  expect(none.code).toBe(1)
})

test('backup, of a running hub, is whole, for its owner alone, and without a secret', async () => {
  // What is signed after it would be missing in it.
  if (hub !== undefined) await everythingIsSigned(hub.client)
  const made = await runCli(settings(lost.dbName), 'backup', '--out', file, '--json')
  expect(made.code).toBe(0)
  expect(JSON.parse(made.text).collections).toMatchObject({ users: 2, apps: 2, offboardings: 1 })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const text = gunzipSync(await readFile(file)).toString()
  for (const secret of [app.tokens.doer, app.tokens.witness, sourceToken, ADMIN_TOKEN]) {
    expect(text).not.toContain(secret)
    expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, -4))
  }
  const check = await runCli({}, 'restore-check', file, '--keys', join(dir, 'keys'))
  expect(check.text).toContain('as signed')
  expect(check.code).toBe(0)
})

const rewritten = (change: (text: string) => string) => (bytes: Buffer) =>
  gzipSync(change(gunzipSync(bytes).toString()))

test.each([
  ['cut off', (bytes: Buffer) => bytes.subarray(0, -100), 'no whole backup'],
  ['without its end', rewritten((text) => text.replace(/\n\. .*\n$/, '\n')), 'cut off'],
  ['with a changed row', rewritten((text) => text.replace('"okta"', '"otka"')), 'is not what was'],
  ['without a row', rewritten((text) => text.replace(/^\{"_id":.*\n/m, '')), 'is not what was'],
])('restore-check, a backup %s, says that it is not whole', async (_, change, words) => {
  const other = join(dir, 'changed.gz')
  await writeFile(other, change(await readFile(file)))
  await expect(runCli({}, 'restore-check', other)).rejects.toThrow(words)
  await expect(runCli(settings(restored.dbName), 'restore', other)).rejects.toThrow(words)
})

test('restore-check, a backup whose ledger is another one, is a split view or damage', async () => {
  // Somebody who knows the format makes it whole again; the signer's memory and the tree do not fit.
  const { checkBackup } = await import('../../src/storage/backup-check.ts')
  const root = Buffer.alloc(32, 1)
  const { verdict } = await checkBackup(file, [{ by: 'an auditor', size: 3, root }])
  expect(verdict).toMatchObject({ kind: 'split-view', at: 3, by: 'an auditor' })
  const grown = await checkBackup(file, [{ by: 'the signer', size: 10_000, root }])
  expect(grown.verdict).toMatchObject({ kind: 'rollback', to: 10_000 })
})

test('restore, into a database that holds something, is refused', async () => {
  await expect(runCli(settings(lost.dbName), 'restore', file)).rejects.toThrow('not empty')
})

test('restore drill, a new database, the hub starts, the ledger verifies, and people go on leaving', async () => {
  await hub?.stop()
  hub = undefined
  await restored.connection.collection<{ _id: string }>('restores').insertOne({ _id: 'restore' })
  await expect(start(settings(restored.dbName))).rejects.toThrow('did not come to its end')

  expect((await runCli(settings(restored.dbName), 'restore', file)).code).toBe(0)
  hub = await start(settings(restored.dbName))
  const known = { key: [hub.vkey], keys: join(dir, 'keys'), checkpoint: [] }
  expect(await restoreCheck(settings(restored.dbName), known)).toMatchObject({ kind: 'ok' })
  expect(await certificate(hub, offboardingId)).toBe(0)
  expect(await certificate(hub, await leaver(hub, 'second'))).toBe(0)
})

test('master key, changed, opens everything with the new one alone', async () => {
  await hub?.stop()
  hub = undefined
  const next = { MASTER_KEY: NEXT.toString('base64') }
  const both = { ...next, MASTER_KEY_OTHER: FORMER.toString('base64') }
  await expect(start(settings(restored.dbName, next))).rejects.toMatchObject({
    code: 'ERR_MASTER_KEY',
  })
  hub = await start(settings(restored.dbName, both))
  expect(await certificate(hub, await leaver(hub, 'third'))).toBe(0)
  const wrapped = await runCli(settings(restored.dbName, both), 'keys', 'rewrap', '--json')
  expect(JSON.parse(wrapped.text).wrapped).toMatchObject({ app_secrets: 3, case_keys: 2 })
  await hub.stop()

  hub = await start(settings(restored.dbName, next))
  expect(await certificate(hub, offboardingId)).toBe(0)
  expect(await certificate(hub, await leaver(hub, 'fourth'))).toBe(0)
  const { text } = await runCli(settings(restored.dbName, next), 'keys', 'status')
  expect(text).toContain('\n0 keys are wrapped under another')
})
