import { afterAll, expect, test } from 'vitest'
import { laneId } from '../../src/revocation/lane.ts'
import { HOUR } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { owed } from './api-cases.ts'
import { ADMIN, startApi } from './api-harness.ts'

const api = await startApi()
afterAll(() => api.close())
await api.api('POST', '/sources', { id: 'okta', name: 'Okta', dialect: 'okta' })
const { json: app } = await api.api('POST', '/apps', {
  name: 'Chat',
  connectorId: 'still',
  config: { baseUrl: 'https://x.example' },
  secrets: { token: 't' },
  class: 1,
  owners: ['ann@example.com'],
})

async function employed(name: string): Promise<string> {
  const id = newId()
  await api.stores.directory.insertUser({
    id,
    sourceId: 'okta',
    resource: { userName: `${name}@example.com` },
    active: true,
    version: 1,
    generation: 0,
    created: 1,
    lastModified: 1,
  })
  return id
}

test('links, bound ahead of a departure, are what a departure starts from', async () => {
  const userId = await employed('bound')
  const path = `/users/okta/${userId}/links`
  expect((await api.api('GET', path)).json).toEqual({ items: [] })
  const reason = 'asked the person'
  const bind = await api.api('PUT', `${path}/${app.id}`, { accountId: 'account-of-bound', reason })
  expect(bind.status).toBe(204)
  const { json } = await api.api('GET', path)
  expect(json.items).toEqual([
    {
      appId: app.id,
      appName: 'Chat',
      accounts: [{ facet: 'account', accountId: 'account-of-bound', seenLive: false }],
      undecided: false,
    },
  ])
  expect((await api.api('DELETE', `${path}/${app.id}`)).status).toBe(204)
  expect((await api.api('GET', path)).json.items[0].accounts).toEqual([])
  const stored = await api.connection
    .getClient()
    .db(api.database.dbName)
    .collection('audit')
    .find()
    .toArray()
  expect(JSON.stringify(stored)).not.toContain('account-of-bound')
  const nobody = await api.api('PUT', `/users/okta/none/links/${app.id}`, {
    accountId: 'account-of-bound',
    reason,
  })
  expect(nobody.status).toBe(404)
})

test('links, an ambiguous match that a person decides, makes the revocation due with that account', async () => {
  const revocation = await owed(api, { appId: app.id, reason: 'ambiguous-match' })
  const key = laneId(revocation)
  const path = `/users/okta/${revocation.userId}/links/${app.id}`
  await api.api('PUT', path, { accountId: 'U2', reason: 'the other one is a robot' })
  expect((await api.stores.lanes.lane(key))?.work).toMatchObject([{ state: 'due', handleId: 'U2' }])
  await api.api('DELETE', path)
  const [unit] = (await api.stores.lanes.lane(key))?.work ?? []
  expect(unit).toMatchObject({ state: 'due', seenLive: false })
  expect(unit).not.toHaveProperty('handleId')
})

test('offboarding preview, of somebody employed, shows the plan and changes nothing', async () => {
  const userId = await employed('preview')
  const ask = (more: object) =>
    api.api('POST', '/offboardings/preview', { sourceId: 'okta', userId, ...more })
  const { json } = await ask({})
  expect(json.revocations).toMatchObject([
    { appName: 'Chat', facet: 'account', class: 1, how: 'api', exempt: false, paused: false },
  ])
  const urgent = (await ask({ forCause: true })).json.revocations[0]
  expect(urgent.class).toBe(0)
  expect(Date.parse(urgent.deadlineAt)).toBeLessThan(Date.parse(json.revocations[0].deadlineAt))
  expect((await api.api('GET', `/offboardings?source=okta&user=${userId}`)).json.items).toEqual([])
  expect((await ask({ userId: 'none' })).status).toBe(404)
})

test('timeline, of a leaver, has the case, its proofs and what admins did', async () => {
  const now = Date.now()
  const revocation = await owed(api, { appId: app.id })
  await api.api('POST', `/revocations/${revocation.id}/retry`)
  const waived = await owed(api, {
    userId: newId(),
    state: 'proven',
    provenAt: now,
    verdict: { grade: 'B', kind: 'dead', at: now },
  })
  const kinds = async (userId: string): Promise<string[]> =>
    (await api.api('GET', `/users/okta/${userId}/timeline`)).json.items.map(
      (one: { kind: string; text: string }) => `${one.kind} ${one.text}`,
    )
  expect(await kinds(revocation.userId)).toEqual([
    'act revocation.retried',
    'case.opened leaver, by admin',
  ])
  expect(await kinds(waived.userId)).toContain('revocation.proven app-1: account is gone, grade B')
  expect((await api.api('GET', '/users/okta/none/timeline')).status).toBe(404)
})

test('reports, proven, late and open ones, are counted with a score for each app', async () => {
  const appId = newId()
  const now = Date.now()
  const past = { appId, openedAt: now - 3 * HOUR, deadlineAt: now - HOUR }
  const proof = { grade: 'B', kind: 'dead', at: now } as const
  await owed(api, { ...past, state: 'proven', provenAt: now - 2 * HOUR, verdict: proof })
  await owed(api, { ...past, state: 'proven', provenAt: now, verdict: proof })
  await owed(api, { ...past, verdict: { grade: 'F', kind: 'contradicted', at: now } })
  await owed(api, { ...past, state: 'superseded' })
  const { json } = await api.api('GET', '/reports/timeliness')
  expect(json.apps.find((one: { appId: string }) => one.appId === appId)).toEqual({
    appId,
    total: 4,
    proven: 2,
    inTime: 1,
    waived: 0,
    superseded: 1,
    overdue: 1,
    contradicted: 1,
    score: 0.333,
    averageSeconds: 7_200,
    longestSeconds: 10_800,
  })
  const population = (await api.api('GET', '/reports/population')).json.sources
  expect(population[0]).toMatchObject({ sourceId: 'okta', movers: 0 })
  const wrong = await api.api('GET', '/reports/timeliness?from=2020-01-01T00:00:00Z')
  expect(wrong.status).toBe(400)
})

test('groups, of a source, are found with the apps that they grant', async () => {
  const id = newId()
  const base = { sourceId: 'okta', id, version: 1, created: 1, lastModified: 1 }
  await api.stores.directory.insertGroup({ ...base, resource: { displayName: 'Chat users' } })
  const member = await employed('member')
  await api.stores.directory.addMembers([
    { sourceId: 'okta', groupId: id, memberId: member, type: 'User' },
  ])
  const { json } = await api.api('GET', '/groups?source=okta&search=chat')
  expect(json.items).toEqual([{ sourceId: 'okta', id, displayName: 'Chat users', grants: [] }])
  expect((await api.api('GET', `/groups/okta/${id}`)).json).toMatchObject({
    memberCount: 1,
    members: [{ id: member, type: 'User' }],
  })
  expect((await api.api('GET', '/groups/okta/none')).status).toBe(404)
})

test('API page, as HTML, has every operation and nothing that runs', async () => {
  const { text, headers } = await api.api('GET', '/docs')
  expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(text).toContain('/approvals/{id}/approve')
  expect(text).not.toMatch(/<script|https?:\/\//)
})

test('status, for anybody who may use the API, is one answer', async () => {
  expect((await api.api('GET', '/status')).json).toMatchObject({
    sources: 1,
    apps: { active: 1, paused: 0 },
    ledger: { sealed: 0, signed: 0 },
  })
})

/** Events until `wanted` of them are there. */
async function heard(
  headers: Record<string, string>,
  wanted: number,
  when: () => Promise<unknown>,
) {
  const stop = new AbortController()
  const response = await fetch(`${api.origin}/api/v1/events?kind=revocation`, {
    headers: { authorization: `Bearer ${ADMIN}`, ...headers },
    signal: stop.signal,
  })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  let text = ''
  let events: { id: string; data: { id: string; change: string } }[] = []
  const decoder = new TextDecoder()
  let told = false
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece as Uint8Array, { stream: true })
    if (text.includes('event: lost')) break
    if (!told) {
      told = true
      await when()
    }
    events = [...text.matchAll(/id: (\w+)\nevent: revocation\ndata: (.+)\n\n/g)].map(
      ([, id = '', data = '{}']) => ({ id, data: JSON.parse(data) }),
    )
    if (events.length >= wanted) break
  }
  stop.abort()
  return { events, text }
}

test('events, a change while somebody listens, is told, and Last-Event-ID goes on from there', async () => {
  const first = await owed(api)
  const change = (assignee: string) => () =>
    api.api('POST', `/revocations/${first.id}/assign`, { assignee })
  // The stream begins a moment after its answer: changes go on until one is heard.
  let stop = false
  const repeated = async (): Promise<void> => {
    for (let i = 0; !stop; i += 1) await change(`a${i}`)()
  }
  let running: Promise<void> | undefined
  const { events } = await heard({}, 1, async () => {
    running = repeated()
  })
  stop = true
  await running
  expect(events[0]?.data).toEqual({ id: first.id, change: 'changed' })
  const second = await owed(api)
  const resumed = await heard({ 'last-event-id': events[0]?.id ?? '' }, 1, async () => {})
  expect(resumed.events.length).toBeGreaterThan(0)
  const lost = await heard({ 'last-event-id': 'nothing' }, 1, async () => {})
  expect(lost.text).toContain('event: lost')
  expect(second.id).not.toBe(first.id)
})

test('leaves, planned and cancelled, are listed, in the audit trail, and end once', async () => {
  const userId = await employed('planned')
  const plan = { sourceId: 'okta', userId, effectiveAt: '2099-01-31T18:00:00' }
  const zoneless = await api.api('POST', '/leaves', plan)
  expect([zoneless.status, zoneless.json.code]).toEqual([400, 'ERR_INVALID_VALUE'])
  const far = await api.api('POST', '/leaves', {
    ...plan,
    effectiveAt: `${plan.effectiveAt}+01:00`,
  })
  expect(far.status).toBe(400)
  const effectiveAt = new Date(Date.now() + HOUR).toISOString()
  const planned = await api.api('POST', '/leaves', { ...plan, effectiveAt })
  expect(planned.status).toBe(201)
  expect(planned.json).toMatchObject({ userId, effectiveAt, state: 'scheduled', forCause: false })
  expect((await api.api('POST', '/leaves', { ...plan, effectiveAt })).status).toBe(409)
  const path = `/leaves/${planned.json.id}`
  expect((await api.api('GET', '/leaves?source=okta&state=scheduled')).json.items).toEqual([
    planned.json,
  ])
  expect((await api.api('DELETE', path)).json).toMatchObject({ state: 'cancelled' })
  expect((await api.api('GET', path)).json.state).toBe('cancelled')
  expect((await api.api('DELETE', path)).status).toBe(409)
  expect((await api.api('DELETE', '/leaves/none')).status).toBe(404)
  const acts = (await api.api('GET', '/audit?limit=200')).json.items
  const kinds = acts.map((act: { facts: { kind?: string } }) => String(act.facts.kind))
  expect(kinds.filter((kind: string) => kind.startsWith('leave.')).sort()).toEqual([
    'leave.cancel',
    'leave.schedule',
  ])
})

test('links, of the person who asks, are changed by somebody else', async () => {
  const userId = await employed('dana')
  const { json: own } = await api.api('POST', '/apps', {
    name: 'Wiki',
    connectorId: 'still',
    config: { baseUrl: 'https://wiki.example' },
    secrets: { token: 't' },
    class: 1,
    owners: ['dana@example.com'],
  })
  const { json: token } = await api.api('POST', '/tokens', {
    name: 'Dana',
    role: 'owner',
    ownerName: 'dana@example.com',
    person: 'Dana@Example.com',
  })
  const path = `/api/v1/users/okta/${userId}/links/${own.id}`
  const options = { token: token.token }
  const body = { accountId: 'decoy-9', reason: 'it is mine' }
  expect((await api.send('PUT', path, { ...options, body })).status).toBe(403)
  expect((await api.send('DELETE', path, options)).status).toBe(403)
  const colleague = `/api/v1/users/okta/${await employed('colleague')}/links/${own.id}`
  expect((await api.send('PUT', colleague, { ...options, body })).status).toBe(204)
})
