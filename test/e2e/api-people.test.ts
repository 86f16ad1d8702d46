import { afterAll, expect, test } from 'vitest'
import type { UserRecord } from '../../src/directory/types.ts'
import type { Offboarding, Revocation } from '../../src/revocation/types.ts'
import { HOUR } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { peopleQueries } from '../../src/storage/people-search.ts'
import { registered } from './api-cases.ts'
import { startApi } from './api-harness.ts'

const api = await startApi()
afterAll(() => api.close())
for (const id of ['okta', 'entra']) {
  await api.api('POST', '/sources', { id, name: id, dialect: 'generic' })
}
const now = Date.now()

async function user(
  sourceId: string,
  name: string,
  more: Partial<UserRecord> = {},
): Promise<string> {
  const id = newId()
  await api.stores.directory.insertUser({
    id,
    sourceId,
    resource: {
      userName: `${name}@Example.com`,
      externalId: `Ext-${name}`,
      displayName: name,
      emails: [{ value: `${name}@mail.example`, primary: true }],
    },
    active: true,
    version: 1,
    generation: 0,
    created: now,
    lastModified: now,
    ...more,
  })
  return id
}

async function leaves(
  userId: string,
  units: Partial<Revocation>[],
  more: Partial<Offboarding> = {},
): Promise<Offboarding> {
  const offboarding: Offboarding = {
    id: newId(),
    sourceId: 'okta',
    userId,
    generation: 1,
    kind: 'leaver',
    cause: { kind: 'scim.patch', requestId: 'r1', receivedAt: now },
    subject: { sourceId: 'okta', userId, userName: 'gone@example.com', emails: ['g@mail.example'] },
    forCause: false,
    openedAt: now,
    state: 'open',
    expected: { count: units.length, root: '0'.repeat(64) },
    ...more,
  }
  const revocations = units.map(
    (unit, i): Revocation => ({
      id: newId(),
      offboardingId: offboarding.id,
      sourceId: 'okta',
      userId,
      appId: `app-${i}`,
      facet: 'account',
      generation: offboarding.generation,
      class: 1,
      state: 'due',
      attempts: 0,
      openedAt: now,
      deadlineAt: now + HOUR + i,
      updatedAt: now,
      ...unit,
    }),
  )
  const { wrapped } = api.vault.newKey(`case:${offboarding.id}`)
  await api.stores.transactor.transaction((tx) =>
    api.stores.revocations.insert(offboarding, revocations, wrapped, tx),
  )
  return offboarding
}
const proven = (more: Partial<Revocation> = {}): Partial<Revocation> => ({
  state: 'proven',
  provenAt: now,
  verdict: { grade: 'B', kind: 'dead', at: now },
  entry: { index: 7, leafHash: 'a'.repeat(64) },
  ...more,
})

test('people, a search by the beginning of a key, finds them in all sources or in one', async () => {
  const ids = [await user('okta', 'Searched'), await user('entra', 'searched')].sort()
  const find = async (query: string): Promise<string[]> =>
    (await api.api('GET', `/users?${query}`)).json.items.map((u: { id: string }) => u.id).sort()
  expect(await find('search=SEARCHED@exa')).toEqual(ids)
  expect(await find('search=searched@mail')).toEqual(ids)
  expect(await find('search=Ext-Searched')).toEqual([ids[0]])
  expect(await find('search=searched&source=entra')).toEqual([ids[1]])
  expect(await find('search=earched')).toEqual([])
  expect(await find('search=.*')).toEqual([])
})

test('people, a leaver whom the provider has deleted, is found by every name until that is erased', async () => {
  const userId = newId()
  const subject = {
    sourceId: 'okta',
    userId,
    userName: 'Vanished@Example.com',
    externalId: 'Ext-Vanished',
    displayName: 'V',
    emails: ['v@mail.example'],
  }
  const first = await leaves(userId, [proven()], { subject, state: 'closed' })
  const second = await leaves(userId, [proven()], { subject, generation: 2, state: 'closed' })
  const find = async (query: string): Promise<{ id: string; deleted: boolean }[]> =>
    (await api.api('GET', `/users?${query}`)).json.items
  for (const query of ['VANISHED@', 'v@mail.ex', 'ext-van', 'Vanished@example.com']) {
    expect
      .soft(await find(`search=${query}`), query)
      .toMatchObject([{ id: userId, deleted: true, userName: subject.userName }])
  }
  expect(await find('search=vanished&source=entra')).toEqual([])
  expect(await find('search=anished')).toEqual([])

  await api.stores.directory.insertUser({
    id: userId,
    sourceId: 'okta',
    resource: { userName: 'back@example.com' },
    active: true,
    version: 1,
    generation: 2,
    created: now,
    lastModified: now,
  })
  expect(await find('search=vanished')).toEqual([])
  await api.stores.directory.removeUser('okta', userId, 1)

  for (const { id } of [first, second]) {
    await api.stores.transactor.transaction((tx) => api.resources.erasure.eraseCase(id, tx))
  }
  expect(await find('search=vanished')).toEqual([])
})

test('people, every query of a search, reads what it gives and no more', async () => {
  const queries = peopleQueries('crowded@', ['okta', 'entra'])
  const db = api.connection.getClient().db(api.database.dbName)
  for (const [collection, query] of [
    ...queries.users.map((one) => ['users', one] as const),
    ['offboardings', queries.offboardings] as const,
  ]) {
    const plan = await db
      .collection(collection)
      .find(query as object)
      .explain('executionStats')
    expect(plan['executionStats']).toMatchObject({ totalDocsExamined: 0 })
    expect(JSON.stringify(plan['queryPlanner'])).not.toContain('COLLSCAN')
  }
})

test('people, a search with many results, says that it is cut', async () => {
  await Promise.all(Array.from({ length: 51 }, (_, i) => user('okta', `crowd${i}`)))
  const { json } = await api.api('GET', '/users?search=crowd')
  expect(json.items).toHaveLength(50)
  expect(json.truncated).toBe(true)
})

test('people, a leaver with something open, shows it first with owner and deadline', async () => {
  const id = await user('okta', 'half', { active: false })
  await registered(api, 'app-x', ['ann@example.com'])
  const offboarding = await leaves(id, [
    proven(),
    { state: 'human', reason: 'contradicted', deadlineAt: now - 1, appId: 'app-x' },
  ])
  const { json } = await api.api('GET', `/users/okta/${id}`)
  expect(json).toMatchObject({
    status: 'open',
    active: false,
    counts: { open: 1, overdue: 1, human: 1, proven: 1 },
    access: [
      {
        appId: 'app-x',
        open: true,
        overdue: true,
        reason: 'contradicted',
        owners: ['ann@example.com'],
      },
      { open: false, verdict: { grade: 'B' }, entry: { index: 7 } },
    ],
    offboardings: [{ id: offboarding.id, state: 'open' }],
  })
  expect(json.access[0].certificate).toBe(
    `https://hub.example.com/api/v1/offboardings/${offboarding.id}/certificate`,
  )
})

test('people, a leaver whom the provider has deleted, is still answered for', async () => {
  const id = newId()
  await leaves(id, [proven()])
  const { json } = await api.api('GET', `/users/okta/${id}`)
  expect(json).toMatchObject({ status: 'gone', deleted: true, userName: 'gone@example.com' })
  expect((await api.api('GET', `/users/entra/${id}`)).status).toBe(404)
})

test('cases, a list, is newest first and pages to its end', async () => {
  const id = await user('okta', 'cases')
  for (let generation = 1; generation <= 5; generation++) {
    await leaves(id, [], { generation, openedAt: now + generation })
  }
  const seen: number[] = []
  let cursor = ''
  do {
    const query = `source=okta&user=${id}&limit=2${cursor && `&cursor=${cursor}`}`
    const { json } = await api.api('GET', `/offboardings?${query}`)
    seen.push(...json.items.map((o: { generation: number }) => o.generation))
    cursor = json.nextCursor ?? ''
  } while (cursor !== '')
  expect(seen).toEqual([5, 4, 3, 2, 1])
  expect((await api.api('GET', `/offboardings?user=${id}`)).json.errors[0].pointer).toBe('/source')
})

test('cases, one of them, is shown with its whole committed set', async () => {
  const offboarding = await leaves(newId(), [proven(), {}, {}])
  const { json } = await api.api('GET', `/offboardings/${offboarding.id}`)
  expect(json.revocations).toHaveLength(3)
  expect(json.expected.count).toBe(3)
  const certificate = await api.api('GET', `/offboardings/${offboarding.id}/certificate`)
  expect(certificate.json).toMatchObject({ status: 409, code: 'ERR_CONFLICT' })
  expect((await api.api('GET', '/offboardings/none/certificate')).status).toBe(404)
  const byHand = { sourceId: 'okta', userId: 'nobody' }
  expect((await api.api('POST', '/offboardings', byHand)).status).toBe(404)
})

test('revocations, filters, are all heeded', async () => {
  await registered(api, 'f1', ['zoe@example.com'])
  const userId = newId()
  await leaves(userId, [
    { appId: 'f1', facet: 'session' },
    { appId: 'f2', deadlineAt: now - HOUR },
    proven({ appId: 'f2', facet: 'api_token', deadlineAt: now - HOUR }),
  ])
  const count = async (query: string): Promise<number> =>
    (await api.api('GET', `/revocations?source=okta&user=${userId}&${query}`)).json.items.length
  expect(await count('')).toBe(3)
  expect(await count('app=f2')).toBe(2)
  expect(await count('facet=session')).toBe(1)
  expect(await count('state=proven')).toBe(1)
  expect(await count('owner=zoe@example.com')).toBe(1)
  expect(await count('overdue=true')).toBe(1)
  expect(await count('reason=forbidden')).toBe(0)
  expect((await api.api('GET', `/revocations?user=${userId}`)).json.errors[0].pointer).toBe(
    '/source',
  )

  const { json: made } = await api.api('POST', '/tokens', {
    name: 'Zoe',
    role: 'owner',
    ownerName: 'zoe@example.com',
  })
  const own = await api.send('GET', '/api/v1/revocations', { token: made.token })
  expect(own.json.items.map((r: { appId: string }) => r.appId)).toEqual(['f1'])
  const all = await api.api('GET', `/revocations?source=okta&user=${userId}&app=f2`)
  const foreign = await api.send('GET', `/api/v1/revocations/${all.json.items[0].id}`, {
    token: made.token,
  })
  expect(foreign.status).toBe(404)
  const detail = await api.send('GET', `/api/v1/revocations/${own.json.items[0].id}`, {
    token: made.token,
  })
  expect(detail.json.subject).toEqual({ userName: 'gone@example.com' })
})

test('summary, open work, is counted in all and by app', async () => {
  const { json } = await api.api('GET', '/summary')
  expect(json.open).toBeGreaterThan(0)
  expect(json.byApp.find((a: { appId: string }) => a.appId === 'f2')).toMatchObject({
    open: 1,
    overdue: 1,
  })
})

test('ledger, an empty one, has no checkpoint and no entry', async () => {
  expect((await api.api('GET', '/ledger/checkpoint')).status).toBe(404)
  expect((await api.api('GET', '/ledger/entries/0')).status).toBe(404)
  expect((await api.api('GET', '/ledger/proofs/0')).status).toBe(404)
  expect((await api.api('GET', '/ledger/entries/-1')).status).toBe(400)
  expect((await api.api('GET', '/ledger/entries/01')).status).toBe(400)
})
