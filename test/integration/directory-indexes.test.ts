import { afterAll, expect, test } from 'vitest'
import { DIALECTS } from '../../src/scim/dialect.ts'
import { listQueryOf, listRequestOfQuery } from '../../src/scim/list-request.ts'
import { GROUP, USER } from '../../src/scim/schema.ts'
import { prepareDirectory } from '../../src/storage/directory-models.ts'
import { createDirectoryStore } from '../../src/storage/directory-store.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
await prepareDirectory(database.connection)
const db = database.connection.getClient().db(database.dbName)
const store = createDirectoryStore(database.connection)
afterAll(() => database.dispose())

for (let i = 0; i < 300; i++) {
  const base = {
    id: `id-${i}`,
    sourceId: i % 3 === 0 ? 'other' : 'okta',
    version: 1,
    created: 1,
    lastModified: i,
  }
  await store.insertUser({
    ...base,
    resource: {
      userName: `u${i}`,
      externalId: `x${i}`,
      title: `t${i % 7}`,
      emails: [{ value: `u${i}@x.test`, type: 'work' }],
    },
    active: true,
    generation: 0,
  })
  await store.insertGroup({ ...base, resource: { displayName: `g${i}`, externalId: `x${i}` } })
  await store.addMembers([
    { sourceId: base.sourceId, groupId: `id-${i}`, memberId: 'id-1', type: 'User' },
  ])
}

const INDEXED = /IXSCAN|COUNT_SCAN|DISTINCT_SCAN|EOF|IDHACK/

interface Plan {
  plan: string
  examined: number
  keys: number
  returned: number
}

/** Runs a listing under the profiler; returns how each of its reads was planned. */
async function plansOf(type: 'Users' | 'Groups', query: string): Promise<Plan[]> {
  const schema = type === 'Users' ? USER : GROUP
  const asked = listQueryOf(
    listRequestOfQuery(new URLSearchParams(query)),
    schema,
    DIALECTS.generic,
  )
  return await plansOfWork(() =>
    type === 'Users' ? store.listUsersWithGroups('okta', asked) : store.listGroups('okta', asked),
  )
}

async function plansOfWork(work: () => Promise<unknown>): Promise<Plan[]> {
  await db.command({ profile: 0 })
  await db
    .collection('system.profile')
    .drop()
    .catch(() => {})
  await db.command({ profile: 2 })
  await work()
  await db.command({ profile: 0 })
  const rows = await db
    .collection('system.profile')
    .find({ planSummary: { $exists: true } })
    .toArray()
  return rows.map((row) => ({
    plan: String(row['planSummary']),
    examined: Number(row['docsExamined']),
    keys: Number(row['keysExamined']),
    returned: Number(row['nreturned']),
  }))
}

let cursor: string | undefined
{
  const first = await store.listUsers('okta', { page: { kind: 'cursor', cursor: '', count: 50 } })
  cursor = first.nextCursor
}

test.each<['Users' | 'Groups', string]>([
  ['Users', 'filter=userName eq "U1"&count=2'],
  ['Users', 'filter=externalId eq "x1"&count=2'],
  ['Users', 'filter=emails.value eq "u1@x.test"&count=2'],
  ['Users', 'filter=emails[type eq "work"].value eq "u1@x.test"&count=2'],
  ['Users', 'filter=id eq "id-1"&count=2'],
  ['Users', 'filter=userName sw "u1"&count=1'],
  ['Users', 'filter=groups.value eq "id-1"&count=2'],
  ['Groups', 'filter=displayName eq "G1"&count=2'],
  ['Groups', 'filter=externalId eq "x1"&count=2'],
  ['Groups', 'filter=id eq "id-1" and members eq "id-1"&count=2'],
])('listing %s, %s, is served by an index', async (type, query) => {
  const plans = await plansOf(type, query)
  expect(plans.length).toBeGreaterThan(0)
  for (const { plan } of plans) {
    expect(plan).toMatch(INDEXED)
    expect(plan).not.toContain('COLLSCAN')
  }
  if (query.includes(' eq "') && type === 'Users') {
    for (const { examined, returned } of plans) expect(examined).toBeLessThanOrEqual(returned + 1)
  }
})

test.each([
  'startIndex=1&count=10',
  'startIndex=101&count=10',
  `count=10&cursor=${cursor}`,
  'filter=title eq "t1"&count=5',
  'sortBy=title&count=5',
])('listing users, %s, reads no other source', async (query) => {
  const plans = await plansOf('Users', query)
  expect(plans.length).toBeGreaterThan(0)
  for (const { plan, examined } of plans) {
    expect(plan).toMatch(INDEXED)
    expect(plan).not.toContain('COLLSCAN')
    expect(examined).toBeLessThanOrEqual(200)
  }
})

test('a later cursor page, of many, examines no more than the page, and no row of its memberships', async () => {
  const plans = await plansOf('Users', `count=10&cursor=${cursor}`)
  expect(plans.map((one) => one.examined)).toEqual([11, 0])
})

test('the gate, given a query without an index, would turn red', async () => {
  const explained = await db
    .collection('users')
    .find({ 'search.title': 't1' })
    .explain('queryPlanner')
  expect(JSON.stringify(explained)).toContain('COLLSCAN')
})

test('a user with groups, of a source beside another one with the same ids, reads the rows of the own source', async () => {
  const plans = await plansOfWork(() => store.userWithGroups('okta', 'id-1'))
  const found = await store.userWithGroups('okta', 'id-1')
  expect(found?.groups).toHaveLength(200)
  expect(plans).toHaveLength(2)
  for (const { plan } of plans) expect(plan).toMatch(INDEXED)
  // The user, 200 memberships, and the end of their range; then 200 groups.
  expect(plans[0]?.keys).toBeLessThanOrEqual(203)
})
