import { afterAll, expect, test } from 'vitest'
import { commitWith } from '../../src/ledger/commitment.ts'
import { leafHash, rootOf } from '../../src/ledger/tree.ts'
import { laneId } from '../../src/revocation/lane.ts'
import { DAY, HOUR } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { decrypt } from '../../src/vault/vault.ts'
import { owed } from './api-cases.ts'
import { ANN, startApi } from './api-harness.ts'

let ahead = 0
const api = await startApi({ clock: { now: () => Date.now() + ahead } })
afterAll(() => api.close())
await api.api('POST', '/sources', { id: 'okta', name: 'Okta', dialect: 'okta' })
const db = api.connection.getClient().db(api.database.dbName)

const token = async (more: object, by?: string): Promise<string> => {
  const body = { name: 'test', role: 'admin', ...more }
  const options = by === undefined ? { body } : { body, token: by }
  return (await api.send('POST', '/api/v1/tokens', options)).json.token
}
const alice = await token({ person: 'Alice@Example.com' })
const bob = await token({ person: 'bob@example.com' })
const call = (by: string, method: string, path: string, body?: unknown) =>
  api.send(method, `/api/v1${path}`, { token: by, ...(body === undefined ? {} : { body }) })

const until = (ms = 30 * DAY): string => new Date(Date.now() + ms).toISOString()
const propose = async (kind: string, payload: object, by = alice, more: object = {}) =>
  await call(by, 'POST', '/approvals', {
    kind,
    payload,
    reason: 'the plant runs until June',
    ...more,
  })
const decide = (
  by: string,
  proposal: { id: string; digest: string },
  verb = 'approve',
  more: object = {},
) =>
  call(by, 'POST', `/approvals/${proposal.id}/${verb}`, {
    digest: proposal.digest,
    reason: 'agreed with the owner',
    ...more,
  })
const intake = (type: string) =>
  db.collection('ledger_intake').countDocuments({ type: type as never })

test('four eyes, a waiver that a second person approves, ends the revocation in lane, list and ledger', async () => {
  const revocation = await owed(api)
  const proposed = await propose('waive', { revocationId: revocation.id, until: until() })
  expect(proposed.status).toBe(201)
  expect(proposed.json).toMatchObject({
    kind: 'waive',
    state: 'proposed',
    about: revocation.id,
    proposedBy: { person: 'alice@example.com' },
  })
  expect((await api.stores.revocations.revocation(revocation.id))?.state).toBe('human')
  const approved = await decide(bob, proposed.json)
  expect(approved.json).toMatchObject({
    state: 'approved',
    decidedBy: { person: 'bob@example.com' },
    decisionReason: 'agreed with the owner',
  })
  const { json } = await api.api('GET', `/revocations/${revocation.id}`)
  expect(json).toMatchObject({
    state: 'waived',
    open: false,
    waiver: { approval: proposed.json.id },
  })
  expect((await api.stores.lanes.lane(laneId(revocation)))?.work).toEqual([])
  for (const eid of [`revocation.waived:${revocation.id}`]) {
    expect(await db.collection('ledger_intake').countDocuments({ _id: eid as never })).toBe(1)
  }
  const trail = (await api.api('GET', `/audit?about=${proposed.json.id}`)).json.items
  expect(trail.map((a: { type: string }) => a.type)).toEqual([
    'approval.decided',
    'approval.proposed',
  ])
  const stored = JSON.stringify(await db.collection('approvals').find().toArray())
  expect(stored).not.toContain('until June')
})

test('four eyes, every way around the second person, is refused and changes nothing', async () => {
  const revocation = await owed(api)
  const payload = { revocationId: revocation.id, until: until() }
  const { json: proposal } = await propose('waive', payload)
  const aliceAgain = await token({}, alice)
  const program = await token({ program: true }, bob)
  const subject = await token({ person: 'GONE@example.com' })
  const operator = await token({ person: 'olga@example.com', role: 'operator' })
  const byRoot = (await propose('waive', payload, undefined as never)).json
  const root = await api.api('POST', '/approvals', {
    kind: 'waive',
    payload,
    reason: 'by the token',
  })
  const cases: [string, number, Promise<{ status: number; json: { detail: string } }>][] = [
    ['the proposer', 403, decide(alice, proposal)],
    ['another token of the proposer', 403, decide(aliceAgain, proposal)],
    ['a program', 403, decide(program, proposal)],
    ['the person it is about', 403, decide(subject, proposal)],
    ['a role that may not', 403, decide(operator, proposal)],
    ['the token that made the proposer', 403, decide(undefined as never, proposal)],
    ['a token made by the proposer', 403, decide(bob, root.json)],
    ['another digest', 412, decide(bob, { ...proposal, digest: 'f'.repeat(64) })],
    ['another proposal’s digest', 412, decide(bob, { ...proposal, digest: byRoot.digest })],
    ['no reason', 400, decide(bob, proposal, 'approve', { reason: '' })],
  ]
  for (const [what, status, answer] of cases) expect.soft((await answer).status, what).toBe(status)
  const named = await call(alice, 'POST', '/tokens', {
    name: 'x',
    role: 'admin',
    person: 'carol@example.com',
  })
  expect(named.status).toBe(400)
  expect((await propose('waive', payload, program)).status).toBe(403)
  expect((await propose('waive', payload, subject)).status).toBe(403)

  await db
    .collection('approvals')
    .updateOne({ _id: proposal.id }, { $set: { 'payload.until': until(300 * DAY) } })
  expect((await decide(bob, proposal)).status).toBe(412)
  await db.collection('approvals').updateOne({ _id: proposal.id }, { $set: { payload } })

  ahead = 73 * HOUR
  expect((await decide(bob, proposal)).json).toMatchObject({ status: 409, detail: /expired/ })
  expect((await api.api('GET', `/approvals/${proposal.id}`)).json.state).toBe('expired')
  ahead = 0
  expect((await decide(bob, proposal, 'refuse')).json.state).toBe('refused')
  expect((await decide(bob, proposal)).status).toBe(409)
  expect((await api.stores.revocations.revocation(revocation.id))?.state).toBe('human')
})

test('four eyes, two who decide at once, are one decision', async () => {
  const revocation = await owed(api)
  const { json } = await propose('waive', { revocationId: revocation.id, until: until() })
  const carol = await token({ person: 'carol@example.com' })
  const answers = await Promise.all([
    decide(bob, json),
    decide(carol, json, 'refuse'),
    decide(carol, json),
  ])
  expect(answers.filter((a) => a.status === 200)).toHaveLength(1)
  expect(answers.filter((a) => a.status === 409)).toHaveLength(2)
})

test('four eyes, a proposal that is taken back, cannot be approved', async () => {
  const revocation = await owed(api)
  const { json } = await propose('waive', { revocationId: revocation.id, until: until() })
  const path = `/approvals/${json.id}/withdraw`
  expect((await call(bob, 'POST', path, { reason: 'not mine' })).status).toBe(403)
  expect((await call(alice, 'POST', path, { reason: 'a mistake' })).json.state).toBe('withdrawn')
  expect((await decide(bob, json)).status).toBe(409)
})

test('four eyes, a proposal that cannot be carried out, is refused at once', async () => {
  const revocation = await owed(api, { state: 'proven' })
  expect((await propose('waive', { revocationId: revocation.id, until: until() })).status).toBe(409)
  const open = await owed(api)
  for (const bad of [until(-HOUR), until(400 * DAY)]) {
    const answer = await propose('waive', { revocationId: open.id, until: bad })
    expect(answer.json).toMatchObject({ status: 400, errors: [{ pointer: '/payload/until' }] })
  }
  expect((await propose('waive', { revocationId: 'none', until: until() })).status).toBe(404)
  expect((await propose('waive', { x: 1 })).json.errors[0].pointer).toMatch('/payload/')
  expect((await propose('resume-storm', { sourceId: 'okta' })).status).toBe(404)
})

const registered = async (more: object = {}): Promise<string> => {
  const { json } = await api.api('POST', '/apps', {
    name: newId(),
    connectorId: 'still',
    config: { baseUrl: 'https://x.example' },
    secrets: { token: 't' },
    class: 1,
    owners: ['ann@example.com'],
    ...more,
  })
  return json.id
}

test('four eyes, a laxer class, is refused to one person and done by two', async () => {
  const appId = await registered()
  const alone = await api.api('PATCH', `/apps/${appId}`, { class: 3 }, { 'if-match': '"1"' })
  expect(alone.status).toBe(403)
  expect((await propose('lower-class', { appId, class: 1 })).status).toBe(400)
  const { json } = await propose('lower-class', { appId, class: 3 })
  expect(json.payload).toEqual({ appId, class: 3, from: 1 })
  expect((await decide(bob, json)).status).toBe(200)
  expect((await api.api('GET', `/apps/${appId}`)).json.class).toBe(3)
  const stricter = await api.api('PATCH', `/apps/${appId}`, { class: 0 }, { 'if-match': '"2"' })
  expect(stricter.status).toBe(200)
})

test('four eyes, a scope that covers less, is refused to one person and done by two', async () => {
  await api.api('POST', '/sources', { id: 'second', name: 'Second', dialect: 'generic' })
  const appId = await registered({ scope: { kind: 'everyone', sourceIds: ['okta', 'second'] } })
  const change = async (scope: object, version: number) =>
    await api.api('PATCH', `/apps/${appId}`, { scope }, { 'if-match': `"${version}"` })
  const less = { kind: 'everyone', sourceIds: ['okta'] }
  expect((await change(less, 1)).status).toBe(403)
  expect((await propose('narrow-scope', { appId, scope: { kind: 'everyone' } })).status).toBe(400)
  const unknown = { kind: 'everyone', sourceIds: ['none'] }
  expect((await propose('narrow-scope', { appId, scope: unknown })).status).toBe(400)
  const { json } = await propose('narrow-scope', { appId, scope: less })
  expect((await decide(bob, json)).status).toBe(200)
  expect((await api.api('GET', `/apps/${appId}`)).json.scope).toEqual(less)
  const other = { kind: 'everyone', sourceIds: ['second'] }
  const stale = await propose('narrow-scope', { appId, scope: other })
  expect((await change({ kind: 'everyone' }, 2)).status).toBe(200)
  expect((await decide(bob, stale.json)).status).toBe(409)
})

test('four eyes, an app is removed, with an inventory, and what is open stays visible', async () => {
  const appId = await registered()
  const revocation = await owed(api, { appId })
  const { json } = await propose('remove-app', { appId })
  expect(json.payload.inventory).toMatchObject({ complete: true, count: 0 })
  expect((await decide(bob, json)).status).toBe(200)
  expect((await api.api('GET', `/apps/${appId}`)).json.removedAt).toBeTypeOf('string')
  const { json: open } = await api.api('GET', `/revocations?app=${appId}&open=true`)
  expect(open.items.map((r: { id: string }) => r.id)).toEqual([revocation.id])
  const [act] = (await api.api('GET', `/audit?type=app.removed&about=${appId}`)).json.items
  expect(act.facts).toMatchObject({ open: 1 })
  const [list] = (await api.api('GET', `/audit?type=inventory.snapshot&about=${appId}`)).json.items
  expect(list.facts).toMatchObject({ complete: true, count: 0, root: json.payload.inventory.root })
  expect((await propose('remove-app', { appId })).status).toBe(404)
})

test('four eyes, the key of an inventory, is sealed with its audit row and in no answer before or after', async () => {
  const appId = await registered({ config: { baseUrl: 'https://one.example' } })
  const proposed = await propose('remove-app', { appId })
  const { id, digest, payload } = proposed.json
  const shown = [proposed, await api.api('GET', `/approvals/${id}`)]
  const row = await db.collection('approvals').findOne({ _id: id })
  expect(row?.['kept']).toBeDefined()
  const approved = await decide(bob, proposed.json)
  expect(approved.json).toMatchObject({ state: 'approved', digest, payload })
  shown.push(approved, await api.api('GET', `/approvals?about=${appId}`))
  shown.push(
    await api.api('GET', `/audit?about=${appId}`),
    await api.api('GET', `/audit?about=${id}`),
  )
  // What a proposal keeps for its time goes with the decision.
  expect(await db.collection('approvals').findOne({ _id: id })).not.toHaveProperty('kept')

  const act = await db
    .collection('audit')
    .findOne({ type: 'inventory.snapshot', about: appId }, { promoteBuffers: true })
  const context = `act:${act?._id}`
  const dataKey = api.vault.unwrap(act?.['wrapped'], context)
  const { kept } = JSON.parse(decrypt(dataKey, act?.['sealed'], context).toString())
  const leaf = commitWith(Buffer.from(kept, 'base64url'), Buffer.from(ANN.handle.id))
  expect(payload.inventory).toMatchObject({
    count: 1,
    root: rootOf([leafHash(Buffer.from(leaf))]).toString('hex'),
  })
  for (const { json } of shown) expect(JSON.stringify(json)).not.toContain(kept)
  expect(payload.inventory).not.toHaveProperty('key')
})

test('four eyes, a proposal that keeps a key, is refused or withdrawn and keeps it no longer', async () => {
  const appId = await registered({ config: { baseUrl: 'https://one.example' } })
  const { json } = await propose('remove-app', { appId })
  expect((await decide(bob, json, 'refuse')).status).toBe(200)
  expect(await db.collection('approvals').findOne({ _id: json.id })).not.toHaveProperty('kept')
})

test('four eyes, an exemption, waives what is open and is listed until it is taken back', async () => {
  const userId = newId()
  await api.stores.directory.insertUser({
    id: userId,
    sourceId: 'okta',
    resource: { userName: `${userId}@example.com` },
    active: true,
    version: 1,
    generation: 1,
    created: 1,
    lastModified: 1,
  })
  const revocation = await owed(api, { userId })
  const { json } = await propose('exempt', { sourceId: 'okta', userId, until: until() })
  expect((await decide(bob, json)).status).toBe(200)
  expect((await api.stores.revocations.revocation(revocation.id))?.state).toBe('waived')
  const held = await api.resources.exemptions.ofUsers([{ sourceId: 'okta', userId }], Date.now())
  expect(held).toHaveLength(1)
  const end = await propose('end-exemption', { exemptionId: held[0]?.id })
  expect((await decide(bob, end.json)).status).toBe(200)
  expect(
    await api.resources.exemptions.ofUsers([{ sourceId: 'okta', userId }], Date.now()),
  ).toEqual([])
  expect(await intake('exemption.granted')).toBe(1)
  expect(await intake('exemption.ended')).toBe(1)
})

test('four eyes, an erasure, waits for the end of a legal hold', async () => {
  const { offboardingId, userId } = await owed(api, { state: 'proven' }, { state: 'closed' })
  const hold = await propose('hold', { sourceId: 'okta', userId })
  expect((await decide(bob, hold.json)).status).toBe(200)
  expect((await propose('erase', { offboardingId })).json.detail).toContain('legal hold')
  const holdId = (await api.resources.legalHolds.list({ userId }, { limit: 1 })).items[0]?.id
  const release = await propose('release-hold', { holdId })
  expect((await decide(bob, release.json)).status).toBe(200)
  const erase = await propose('erase', { offboardingId })
  expect((await decide(bob, erase.json)).status).toBe(200)
  expect((await api.api('GET', `/offboardings/${offboardingId}`)).json.subject).toBeUndefined()
  expect(await db.collection('case_keys').countDocuments({ _id: offboardingId as never })).toBe(0)
  expect((await propose('erase', { offboardingId })).status).toBe(201)
  const open = await owed(api)
  expect((await propose('erase', { offboardingId: open.offboardingId })).status).toBe(409)
})
