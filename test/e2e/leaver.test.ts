import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type LiarApp, startLiarApp } from '../../demo/apps/liar-app.ts'
import { type ScimApp, startScimApp } from '../../demo/apps/scim-app.ts'
import { startWebhookApp, type WebhookApp } from '../../demo/apps/webhook-app.ts'
import type { HubClient, RevocationView, ScimClient } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { startHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let client: HubClient
let directory: ScimApp
let chat: WebhookApp
let liar: LiarApp
let okta: ScimClient
let entra: ScimClient
let directoryId: string
let chatId: string
let person: string
let n = 0

beforeAll(async () => {
  hub = await startHub()
  client = hub.client
  directory = await startScimApp({ accounts: [] })
  chat = await startWebhookApp({ accounts: [] })
  liar = await startLiarApp({ accounts: [] })
  okta = await client.createSource('okta-e2e', 'okta')
  entra = await client.createSource('entra-e2e', 'entra')
  directoryId = await client.registerApp({
    name: 'Directory',
    config: { baseUrl: directory.url, listsEverybody: true },
    secrets: { token: directory.tokens.doer, witnessToken: directory.tokens.witness },
  })
  chatId = await client.registerApp({
    name: 'Chat',
    connectorId: 'webhook',
    config: { url: chat.url },
    secrets: {
      signingSecret: chat.secrets.doer,
      witnessSigningSecret: chat.secrets.witness,
    },
    scope: { kind: 'everyone', sourceIds: ['okta-e2e'] },
  })
})
afterAll(async () => {
  await hub.stop()
  await Promise.all([directory.close(), chat.close(), liar.close()])
})
beforeEach(() => {
  person = `person-${++n}`
  directory.book.put({ userName: `${person}@example.com` })
  chat.book.put({ userName: `${person}@example.com` })
})

const of = async (userId: string): Promise<RevocationView[]> =>
  (await client.revocations()).filter((r) => r.userId === userId)
const proven = (userId: string, units: number) =>
  eventually(`${units} units of ${userId} proven`, async () => {
    const all = (await of(userId)).filter((r) => r.state !== 'superseded')
    return all.length === units && all.every((r) => r.state === 'proven') && all
  })
const isActive = (app: { book: ScimApp['book'] }): boolean | undefined =>
  app.book.byUserName(`${person}@example.com`)?.active

describe('a leaver', () => {
  test('Okta, PATCH without a path, loses account and sessions everywhere with grade B', async () => {
    const session = chat.book.signIn(`${person}@example.com`) ?? ''
    const id = await okta.createUser(person)
    const answer = await okta.patch(`/Users/${id}`, { op: 'replace', value: { active: false } })
    expect(answer.status).toBe(200)
    const units = await proven(id, 3)
    expect(units.map((u) => [u.appId, u.facet, u.verdict?.grade]).sort()).toEqual(
      [
        [directoryId, 'account', 'B'],
        [chatId, 'account', 'B'],
        [chatId, 'session', 'B'],
      ].sort(),
    )
    expect([isActive(directory), isActive(chat)]).toEqual([false, false])
    const me = await fetch(`${chat.origin}/me`, { headers: { authorization: `Bearer ${session}` } })
    expect(me.status).toBe(401)
  })

  test('Entra, active as the string "False", is revoked in the apps of that source only', async () => {
    const id = await entra.createUser(person)
    await entra.patch(`/Users/${id}`, { op: 'Replace', path: 'active', value: 'False' })
    await proven(id, 1)
    expect([isActive(directory), isActive(chat)]).toEqual([false, true])
  })

  test('PUT with active false, then the same PUT again, opens one case', async () => {
    const id = await okta.createUser(person)
    const { body } = await okta.send('GET', `/Users/${id}`)
    const put = () => okta.send('PUT', `/Users/${id}`, { ...body, active: false })
    expect((await put()).status).toBe(200)
    expect((await put()).status).toBe(200)
    const units = await proven(id, 3)
    expect(new Set(units.map((u) => u.offboardingId)).size).toBe(1)
  })

  test('DELETE, then GET, is gone from SCIM and still proven downstream', async () => {
    const id = await entra.createUser(person)
    expect((await entra.send('DELETE', `/Users/${id}`)).status).toBe(204)
    expect((await entra.send('GET', `/Users/${id}`)).status).toBe(404)
    await proven(id, 1)
    expect(isActive(directory)).toBe(false)
  })

  test('an app that answers 200 and changes nothing, read back, is contradicted and never proven', async () => {
    liar.book.put({ userName: `${person}@example.com` })
    const group = await okta.createGroup(`Legacy ${person}`)
    const liarId = await client.registerApp({
      name: `Liar ${person}`,
      config: { baseUrl: liar.url },
      secrets: { token: liar.token },
      scope: { kind: 'groups', groups: [{ sourceId: 'okta-e2e', groupId: group }] },
    })
    const id = await okta.createUser(person)
    await okta.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: id }] })
    await okta.patch(`/Users/${id}`, { op: 'replace', value: { active: false } })
    const [unit] = await eventually('the lie is found', async () => {
      const units = (await of(id)).filter((r) => r.appId === liarId)
      return units[0]?.verdict?.kind === 'contradicted' && units
    })
    expect(unit).toMatchObject({ verdict: { grade: 'F' } })
    expect(unit?.state).not.toBe('proven')
  })

  test('an account that the app never had, complete listing, ends proven as absent', async () => {
    directory.book.remove(directory.book.byUserName(`${person}@example.com`)?.id ?? '')
    const id = await entra.createUser(person)
    await entra.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: false })
    const [unit] = await proven(id, 1)
    expect(unit?.verdict?.kind).toBe('absent')
  })
})

describe('a mover', () => {
  test('losing the last granting group, in every spelling, is revoked in that app and only there', async () => {
    const groups = [
      await okta.createGroup(`Dev ${person}`),
      await okta.createGroup(`Ops ${person}`),
    ]
    const tools = await startScimApp({ accounts: [{ userName: `${person}@example.com` }] })
    try {
      const toolsId = await client.registerApp({
        name: `Tools ${person}`,
        config: { baseUrl: tools.url },
        secrets: { token: tools.tokens.doer, witnessToken: tools.tokens.witness },
        scope: {
          kind: 'groups',
          groups: groups.map((groupId) => ({ sourceId: 'okta-e2e', groupId })),
        },
      })
      const id = await okta.createUser(person)
      for (const group of groups) {
        await okta.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: [{ value: id }] })
      }
      await okta.patch(`/Groups/${groups[0]}`, { op: 'remove', path: `members[value eq "${id}"]` })
      expect(await of(id)).toEqual([])
      await okta.patch(`/Groups/${groups[1]}`, { op: 'replace', path: 'members', value: [] })
      const [unit] = await proven(id, 1)
      expect(unit?.appId).toBe(toolsId)
      expect(tools.book.byUserName(`${person}@example.com`)?.active).toBe(false)
      expect(isActive(directory)).toBe(true)
    } finally {
      await tools.close()
    }
  })
})

describe('a person who comes back', () => {
  test('before anything was done, keeps the account and supersedes the whole case', async () => {
    await client.api('POST', `/apps/${directoryId}/pause`)
    const id = await entra.createUser(person)
    await entra.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: false })
    await entra.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: true })
    await client.api('POST', `/apps/${directoryId}/resume`)
    await eventually('superseded', async () => (await of(id))[0]?.state === 'superseded')
    expect(isActive(directory)).toBe(true)
  })

  test('deactivated, back, deactivated again, ends in the state of the last change', async () => {
    const id = await entra.createUser(person)
    for (const active of [false, true, false]) {
      await entra.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: active })
    }
    await proven(id, 1)
    expect(isActive(directory)).toBe(false)
    const generations = (await of(id)).map((r) => r.generation)
    expect(generations.sort()).toEqual([1, 3])
  })

  test('after the proof, gets back what the hub took', async () => {
    const id = await entra.createUser(person)
    await entra.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: false })
    await proven(id, 1)
    await entra.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: true })
    await eventually('account restored', () => isActive(directory) === true)
  })
})

describe('sources', () => {
  test('one source, asked for the people of another, has never heard of them', async () => {
    const id = await okta.createUser(person)
    expect((await entra.send('GET', `/Users/${id}`)).status).toBe(404)
    const filter = encodeURIComponent(`userName eq "${person}@example.com"`)
    expect((await entra.send('GET', `/Users?filter=${filter}`)).body['totalResults']).toBe(0)
    expect((await entra.send('DELETE', `/Users/${id}`)).status).toBe(404)
  })
})
