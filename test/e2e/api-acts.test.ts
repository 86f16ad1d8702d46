import { afterAll, expect, test } from 'vitest'
import { LOOKS_AN_HOUR } from '../../src/api/look-allowance.ts'
import { laneId } from '../../src/revocation/lane.ts'
import type { Revocation } from '../../src/revocation/types.ts'
import { HOUR, SECOND } from '../../src/shared/clock.ts'
import { owed as owedIn, registered } from './api-cases.ts'
import { ADMIN, startApi } from './api-harness.ts'

const api = await startApi()
afterAll(() => api.close())
await api.api('POST', '/sources', { id: 'okta', name: 'Okta', dialect: 'okta' })
const db = api.connection.getClient().db(api.database.dbName)
const now = Date.now()

const owed = (more: Partial<Revocation> = {}) => owedIn(api, more)
const token = async (more: object): Promise<string> =>
  (await api.api('POST', '/tokens', { name: 'test', ...more })).json.token
const acts = async (query: string) => (await api.api('GET', `/audit?${query}`)).json.items

test('revocation acts, a retry, makes its lane due now and is in audit trail and ledger', async () => {
  const revocation = await owed()
  const answer = await api.api('POST', `/revocations/${revocation.id}/retry`)
  expect(answer.status).toBe(200)
  const lane = await api.stores.lanes.lane(laneId(revocation))
  expect(lane?.dueAt).toBeLessThan(now + HOUR)
  const [act, ...more] = await acts(`about=${revocation.id}`)
  expect(more).toEqual([])
  expect(act).toMatchObject({
    type: 'revocation.retried',
    by: 'admin-token',
    role: 'admin',
    requestId: answer.headers.get('x-request-id'),
    facts: { revocation: revocation.id, app: 'app-1', facet: 'account' },
  })
  expect(
    await db.collection('ledger_intake').countDocuments({ _id: `${act.type}:${act.id}` as never }),
  ).toBe(1)
})

test('revocation acts, a retry of what is closed, is refused, unless the app refuses to put it back', async () => {
  const revocation = await owed()
  await db
    .collection('revocations')
    .updateOne({ _id: revocation.id as never }, { $set: { state: 'superseded' } })
  const retry = () => api.api('POST', `/revocations/${revocation.id}/retry`)
  expect((await retry()).status).toBe(409)
  const undo = { facet: 'account', handleId: 'h', failures: 0, notBefore: now + HOUR }
  await db.collection('lanes').updateOne(
    { _id: laneId(revocation) as never },
    {
      $set: { current: { op: 'restore' }, work: [], undo: [{ ...undo, stuck: 'forbidden' }] },
    },
  )
  expect((await retry()).status).toBe(200)
  const lane = await api.stores.lanes.lane(laneId(revocation))
  expect(lane?.dueAt).toBeLessThan(now + HOUR)
})

test('revocation acts, an attestation, keeps the hash, stays open, and its words are sealed', async () => {
  const revocation = await owed()
  const sha256 = 'ab'.repeat(32)
  const { json } = await api.api('POST', `/revocations/${revocation.id}/attest`, {
    statement: 'closed by Jane Doe in the console',
    artifact: { sha256, name: 'screen.png', sizeBytes: 5 },
  })
  expect(json).toMatchObject({ state: 'human', open: true, attestation: { sha256, sizeBytes: 5 } })
  const [act] = await acts(`about=${revocation.id}&type=revocation.attested`)
  expect(act).toMatchObject({
    id: json.attestation.act,
    said: { reason: 'closed by Jane Doe in the console', artifact: { name: 'screen.png' } },
  })
  for (const name of ['audit', 'ledger_intake', 'revocations']) {
    const stored = await db.collection(name).find().toArray()
    // With its space: four letters alone may stand in the base64 of what is encrypted.
    expect(JSON.stringify(stored)).not.toContain('Jane Doe')
  }
})

test('revocation acts, who takes care, can be looked up and taken back', async () => {
  const revocation = await owed()
  const path = `/revocations/${revocation.id}/assign`
  expect((await api.api('POST', path, { assignee: 'eve@example.com' })).json.assignee).toBe(
    'eve@example.com',
  )
  const found = await api.api('GET', '/revocations?assignee=eve@example.com')
  expect(found.json.items.map((r: Revocation) => r.id)).toEqual([revocation.id])
  await api.api('POST', path, { assignee: null })
  expect((await api.api('GET', '/revocations?assignee=eve@example.com')).json.items).toEqual([])
})

test('revocation acts, an owner, acts on own apps and finds no others', async () => {
  await registered(api, 'of-ann', ['ann@example.com'])
  await registered(api, 'of-bob', ['bob@example.com'])
  const mine = await owed({ appId: 'of-ann' })
  const other = await owed({ appId: 'of-bob' })
  const ann = await token({ role: 'owner', ownerName: 'ann@example.com' })
  const post = (id: string) => api.send('POST', `/api/v1/revocations/${id}/retry`, { token: ann })
  expect((await post(mine.id)).status).toBe(200)
  expect((await post(other.id)).status).toBe(404)
  const auditor = await token({ role: 'auditor' })
  const path = `/api/v1/revocations/${mine.id}/retry`
  expect((await api.send('POST', path, { token: auditor })).status).toBe(403)
})

test('revocation acts, an app given to another owner, are for the new one alone, with what was planned before', async () => {
  const { json: made } = await api.api('POST', '/apps', {
    name: 'Wiki',
    connectorId: 'still',
    config: { baseUrl: 'https://one.example' },
    secrets: { token: 't' },
    scope: { kind: 'everyone' },
    class: 1,
    owners: ['dana@example.com'],
  })
  const { id } = await owed({ appId: made.id, state: 'due' })
  const [dana, erin] = await Promise.all(
    ['dana@example.com', 'erin@example.com'].map((ownerName) =>
      token({ role: 'owner', ownerName }),
    ),
  )
  const seen = async (as = '') => {
    const read = (path: string) => api.send('GET', `/api/v1${path}`, { token: as })
    const observe = await api.send('POST', `/api/v1/revocations/${id}/retry`, { token: as })
    return {
      read: (await read(`/revocations/${id}`)).status,
      listed: (await read('/revocations')).json.items.map((one: { id: string }) => one.id),
      act: observe.status,
    }
  }
  expect(await seen(dana)).toEqual({ read: 200, listed: [id], act: 200 })
  expect(await seen(erin)).toEqual({ read: 404, listed: [], act: 404 })
  const handed = { owners: ['erin@example.com'] }
  const { status } = await api.api('PATCH', `/apps/${made.id}`, handed, { 'if-match': '"1"' })
  expect(status).toBe(200)
  expect(await seen(dana)).toEqual({ read: 404, listed: [], act: 404 })
  expect(await seen(erin)).toEqual({ read: 200, listed: [id], act: 200 })
  const { json } = await api.api('GET', `/revocations/${id}`)
  expect(json.owners).toEqual(['erin@example.com'])
  const found = await api.api('GET', '/revocations?owner=dana@example.com')
  expect(found.json.items).toEqual([])
})

test('revocation acts, one of which nothing is owed, is refused', async () => {
  const proven = await owed({ state: 'proven' })
  for (const [verb, body] of [
    ['retry', undefined],
    ['assign', { assignee: 'x' }],
  ] as const) {
    const answer = await api.api('POST', `/revocations/${proven.id}/${verb}`, body)
    expect(answer.json).toMatchObject({ status: 409, code: 'ERR_CONFLICT' })
  }
})

test('revocations, a list by grade, shows verdicts of that grade alone', async () => {
  const contradicted = await owed({ verdict: { grade: 'F', kind: 'contradicted', at: now } })
  const { json } = await api.api('GET', '/revocations?grade=F')
  expect(json.items.map((r: Revocation) => r.id)).toEqual([contradicted.id])
})

test('idempotency key, the same request again, is answered as before and does nothing', async () => {
  const body = { name: 'robot', role: 'auditor' }
  const headers = { 'idempotency-key': 'k-1' }
  const first = await api.api('POST', '/tokens', body, headers)
  const again = await api.api('POST', '/tokens', body, headers)
  expect(again.status).toBe(201)
  expect(again.json).toEqual(first.json)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(await db.collection('api_tokens').countDocuments({ name: 'robot' })).toBe(1)
  const kept = await db.collection('idempotency_keys').find().toArray()
  expect(JSON.stringify(kept)).not.toContain(first.json.token)
  const other = await api.api('POST', '/tokens', { ...body, role: 'viewer' }, headers)
  expect(other.json).toMatchObject({ status: 400, errors: [{ pointer: 'Idempotency-Key' }] })
  const refused = { 'idempotency-key': 'k-2' }
  expect((await api.api('POST', '/tokens', { name: 'x', role: 'owner' }, refused)).status).toBe(400)
  expect((await api.api('POST', '/tokens', { name: 'x', role: 'viewer' }, refused)).status).toBe(
    201,
  )
})

test('idempotency key, eight at once, act once', async () => {
  const revocation = await owed()
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      api.api('POST', `/revocations/${revocation.id}/retry`, undefined, {
        'idempotency-key': 'k-8',
      }),
    ),
  )
  expect(answers.every((a) => a.status === 200 || a.status === 409)).toBe(true)
  expect(await acts(`about=${revocation.id}`)).toHaveLength(1)
})

test('audit trail, pages and filters, are newest first and end', async () => {
  const seen: string[] = []
  let cursor = ''
  do {
    const { json } = await api.api('GET', `/audit?type=token.issued&limit=2${cursor}`)
    seen.push(...json.items.map((a: { id: string }) => a.id))
    cursor = json.nextCursor === undefined ? '' : `&cursor=${json.nextCursor}`
  } while (cursor !== '')
  expect(seen.length).toBeGreaterThan(3)
  expect(seen).toEqual([...new Set(seen)].sort().reverse())
  const viewer = await token({ role: 'viewer' })
  expect((await api.send('GET', '/api/v1/audit', { token: viewer })).status).toBe(403)
  expect(JSON.stringify(await acts('limit=200'))).not.toContain(ADMIN)
})

test('lists of revocations and acts, every filter, are served by an index in its order', async () => {
  const plan = async (collection: string, filter: object, sort: object) =>
    JSON.stringify(
      await db
        .collection(collection)
        .find(filter)
        .sort(sort as never)
        .explain('queryPlanner'),
    ).replace(/"rejectedPlans".*/, '')
  const byDeadline = { deadlineAt: 1, _id: 1 }
  const open = { open: true }
  for (const filter of [
    { 'verdict.grade': 'F' },
    { ...open, assignee: 'x' },
    { ...open, appId: 'a', state: 'human' },
    { ...open, appId: { $in: ['a', 'b'] }, deadlineAt: { $lt: 1 } },
    { ...open, state: 'human' },
    { sourceId: 's', userId: 'u' },
    { facet: 'account' },
  ]) {
    const text = await plan('revocations', filter, byDeadline)
    expect(text).toContain('IXSCAN')
    expect(text).not.toMatch(/COLLSCAN|"stage":"SORT"/)
  }
  for (const filter of [{}, { type: 't' }, { by: 'b' }, { about: 'x' }]) {
    const text = await plan('audit', filter, { at: -1, _id: -1 })
    expect(text).not.toMatch(/COLLSCAN|"stage":"SORT"/)
  }
})

test('revocation acts, second looks, are bounded by principal and hour and counted by every process', async () => {
  const proven = await owed()
  await db
    .collection('revocations')
    .updateOne({ _id: proven.id as never }, { $set: { state: 'proven' } })
  const path = `/api/v1/revocations/${proven.id}/observe`
  const auditor = await token({ role: 'auditor', person: 'eve@example.com' })
  const look = (by: string) => api.send('POST', path, { token: by })
  expect((await look(auditor)).status).toBe(200)
  // As many more as are free, by another process; the oldest is half an hour old.
  const [{ _id, ...row }] = (await db
    .collection('audit')
    .find({ 'facts.kind': 'revocation.observe' }, { promoteBuffers: true })
    .toArray()) as unknown as [{ _id: string; at: number; by: string }]
  const earlier = (n: number) => ({ ...row, _id: `look-${n}` as never, at: row.at - HOUR / 2 })
  await db
    .collection('audit')
    .insertMany(Array.from({ length: LOOKS_AN_HOUR - 2 }, (_, n) => earlier(n)))
  expect((await look(auditor)).status).toBe(200)
  const refused = await look(auditor)
  expect(refused).toMatchObject({ status: 429, json: { code: 'ERR_RATE_LIMITED' } })
  const waitS = Number(refused.headers.get('retry-after'))
  expect(waitS).toBeGreaterThan(HOUR / 2 / SECOND - 60)
  expect(waitS).toBeLessThanOrEqual(HOUR / 2 / SECOND)
  // Nobody else is held up, and what else they do is not counted.
  expect((await look(ADMIN)).status).toBe(200)
  const looks = { by: row.by, 'facts.kind': 'revocation.observe' }
  expect(await db.collection('audit').countDocuments(looks)).toBe(LOOKS_AN_HOUR)
  await db.collection('audit').updateMany(looks, { $inc: { at: -HOUR } })
  expect((await look(auditor)).status).toBe(200)
})
