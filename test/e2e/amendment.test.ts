import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ScimApp, startScimApp } from '../../demo/apps/scim-app.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { logOnlyPolicy } from '../../src/ledger/policy.ts'
import { type Verified, verifyCertificate } from '../../src/ledger/verify.ts'
import { runCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { ADMIN_TOKEN, startHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let apps: ScimApp[]
const reason = 'the contractor had an account there'

beforeAll(async () => {
  hub = await startHub()
  const person = { accounts: [{ userName: 'ann@example.com' }] }
  apps = await Promise.all([startScimApp(person), startScimApp(person)])
})
afterAll(async () => {
  await hub.stop()
  await Promise.all(apps.map((app) => app.close()))
})

const register = (app: ScimApp | undefined, name: string): Promise<string> =>
  hub.client.registerApp({
    name,
    config: { baseUrl: app?.url, listsEverybody: true },
    secrets: { token: app?.tokens.doer ?? '', witnessToken: app?.tokens.witness ?? '' },
  })

const env = () => ({ QUITTANCE_URL: hub.client.origin, QUITTANCE_TOKEN: ADMIN_TOKEN })

/** Adds an app to a case; the status and what the answer says. */
async function add(id: string, appId: string): Promise<[number, string]> {
  const answer = await hub.client.raw('POST', `/api/v1/offboardings/${id}/apps`, { appId, reason })
  const body = (await answer.json()) as { detail?: string; added?: number }
  return [answer.status, body.detail ?? String(body.added)]
}

async function certificate(id: string): Promise<Verified> {
  const answer = await hub.client.raw('GET', `/api/v1/offboardings/${id}/certificate`)
  const policy = logOnlyPolicy([parseVkey(hub.vkey)!])
  const result = await verifyCertificate(Buffer.from(await answer.arrayBuffer()), policy)
  if (result.kind === 'refused') throw new Error(`${result.step}: ${result.reason}`)
  return result
}

test('an app registered after the departure, added to the case, is revoked, proven and certified', async () => {
  const { client } = hub
  const [first, late] = apps
  const firstId = await register(first, 'Directory')
  const source = await client.createSource('okta')
  const userId = await source.createUser('ann')
  // The case stays open for as long as its first app is paused.
  await client.api('POST', `/apps/${firstId}/pause`)
  await source.patch(`/Users/${userId}`, { op: 'replace', path: 'active', value: false })
  const [unit] = await client.revocations({ source: 'okta', user: userId })
  const id = unit?.offboardingId ?? ''

  const lateId = await register(late, 'Wiki')
  expect(await add(id, 'no-such-app')).toEqual([404, 'there is no such app'])
  expect(await add('no-such-case', lateId)).toEqual([404, 'there is no such offboarding'])
  // Several at once, and once more: it is added once.
  const answers = await Promise.all([add(id, lateId), add(id, lateId)])
  expect(answers.map(([status]) => status).sort()).toEqual([201, 409])
  const again = 'the case expects this app already; nothing was changed'
  expect(await add(id, lateId)).toEqual([409, again])
  expect(await add(id, firstId)).toEqual([409, again])

  const forum = await register(late, 'Forum')
  const { text } = await runCli(env(), 'offboard', 'add-app', id, forum, '--reason', reason)
  expect(text).toContain('Added 1; the case now expects 3.')

  const isGone = (app?: ScimApp) => app?.book.byUserName('ann@example.com')?.active === false
  await eventually('the late account is gone', () => isGone(late))
  // A certificate costs much: first what is cheap to ask.
  await eventually('what was added is proven', async () => {
    const units = await client.revocations({ source: 'okta', user: userId })
    return units.filter(({ state }) => state === 'proven').length === 2
  })
  const opened = await eventually('what was added is certified', async () => {
    const answer = await certificate(id)
    return answer.items.filter(({ ending }) => ending !== undefined).length === 2 && answer
  })
  expect(opened.completeness).toBe('open')
  expect(opened.amended.map(({ app, added }) => [app, added])).toEqual([
    [lateId, 1],
    [forum, 1],
  ])
  expect(isGone(first)).toBe(false)

  await client.api('POST', `/apps/${firstId}/resume`)
  await eventually('the case reads as closed', async () => {
    const { state } = await client.api<{ state: string }>('GET', `/offboardings/${id}`)
    return state === 'closed'
  })
  const whole = await eventually('the end of the case is certified', async () => {
    const answer = await certificate(id)
    return answer.completeness !== 'open' && answer
  })
  expect(whole.completeness).toBe('complete')
  expect(whole.items.map(({ item }) => item.app).sort()).toEqual([firstId, lateId, forum].sort())
  const shown = await client.api<{ generation: number; expected: { count: number } }>(
    'GET',
    `/offboardings/${id}`,
  )
  expect(shown.expected.count).toBe(3)
  const units = await client.revocations({ source: 'okta', user: userId })
  expect(units.map(({ generation }) => generation)).toEqual(Array(3).fill(shown.generation))

  const third = await register(late, 'Shop')
  expect(await add(id, third)).toEqual([409, 'the case is closed; open a new one by hand'])
  const { items } = await client.api<{ items: { facts: object; said: object }[] }>(
    'GET',
    `/audit?type=admin.acted&about=${id}`,
  )
  expect(items).toMatchObject(
    [forum, lateId].map((appId) => ({
      facts: { kind: 'offboarding.amend' },
      said: { reason, after: { appId } },
    })),
  )
})

test('a person who is back, or moved and may use the app, loses nothing by an amendment', async () => {
  const { client } = hub
  const source = await client.createSource('entra')
  const userId = await source.createUser('bob')
  const group = await source.createGroup('Tools', [userId])
  const tools = await client.registerApp({
    name: 'Tools',
    connectorId: 'manual',
    config: { instructions: 'Take their key.' },
    secrets: {},
    scope: { kind: 'groups', groups: [{ sourceId: 'entra', groupId: group }] },
  })
  const shop = await register(apps[1], 'Stall')
  await source.patch(`/Groups/${group}`, { op: 'remove', path: 'members' })
  const [moved] = await client.revocations({ source: 'entra', user: userId, app: tools })
  const mayUse = 'this person may use this app: a mover loses only what is no longer granted'
  expect(await add(moved?.offboardingId ?? '', shop)).toEqual([409, mayUse])

  await source.patch(`/Users/${userId}`, { op: 'replace', path: 'active', value: false })
  await source.patch(`/Users/${userId}`, { op: 'replace', path: 'active', value: true })
  const changed = 'the access of this person has changed since; open a new case by hand'
  const closed = 'the case is closed; open a new one by hand'
  const late = await register(apps[1], 'Late')
  const [status, detail] = await add(moved?.offboardingId ?? '', late)
  expect(status).toBe(409)
  expect([changed, closed]).toContain(detail)
  const all = await client.revocations({ source: 'entra', user: userId })
  expect(all.filter(({ appId }) => appId === late)).toEqual([])
})
