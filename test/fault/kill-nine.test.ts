import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type ScimApp, startScimApp } from '../../demo/apps/scim-app.ts'
import { createHubClient, createScimClient, type HubClient } from '../support/client.ts'
import { freshDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startHubProcess } from '../support/hub-process.ts'

const ADMIN_TOKEN = 'admin-token-of-the-kill-nine-test-0001'
const ROUNDS = 20
/** Processes that start at the same time. */
const AHEAD = 2
const names = Array.from({ length: ROUNDS }, (_, i) => `leaver-${i}`)

const database = await freshDatabase()
const folder = await mkdtemp(join(tmpdir(), 'quittance-kill-'))
let app: ScimApp

let started = 0
const start = (role: string) =>
  startHubProcess({
    MONGODB_URI: inject('mongodbUri'),
    MONGODB_DB: database.dbName,
    DATA_DIR: join(folder, String(started++)),
    ADMIN_TOKEN,
    MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    ROLE: role,
  })

beforeAll(async () => {
  app = await startScimApp({ accounts: names.map((name) => ({ userName: `${name}@example.com` })) })
})
afterAll(async () => {
  await app.close()
  await database.dispose()
  await rm(folder, { recursive: true, force: true })
})

test('kill -9 between the SCIM answer and the first downstream call, 20 times, everything still gets proven', async () => {
  // The web role alone answers, so that no downstream call can have begun when it is killed. The processes of
  // the next rounds start while this one still works.
  const coming = [start('web')]
  let token = ''
  for (const [round, name] of names.entries()) {
    const web = await coming.shift()
    if (web === undefined) throw new Error('no process for this round')
    if (round === 0) token = await prepare(createHubClient(web.origin, ADMIN_TOKEN))
    while (coming.length < AHEAD && round + coming.length + 1 < ROUNDS) coming.push(start('web'))
    const scim = createScimClient(`${web.origin}/scim/kill/v2`, 'kill', token)
    const id = await scim.createUser(name)
    const answer = await scim.patch(`/Users/${id}`, { op: 'replace', value: { active: false } })
    await web.killNine()
    expect(answer.status).toBe(200)
  }
  expect(app.accounts().filter((account) => account.active)).toHaveLength(ROUNDS)

  const all = await start('all')
  const hub = createHubClient(all.origin, ADMIN_TOKEN)
  await eventually(
    'all revocations proven',
    async () => {
      const states = (await hub.revocations()).map((revocation) => revocation.state)
      return states.length === ROUNDS && states.every((state) => state === 'proven')
    },
    180_000,
  )
  expect(app.accounts().filter((account) => account.active)).toEqual([])
  expect(await all.terminate()).toBe(0)
}, 600_000)

/** @returns the source's token */
async function prepare(admin: HubClient): Promise<string> {
  const { token } = await admin.createSource('kill')
  await admin.registerApp({
    name: 'Directory',
    config: { baseUrl: app.url },
    secrets: { token: app.tokens.doer, witnessToken: app.tokens.witness },
  })
  return token
}
