import { afterAll, beforeEach, expect, test } from 'vitest'
import type { Filter } from '../../src/directory/query.ts'
import type { UserRecord } from '../../src/directory/types.ts'
import type { JsonObject } from '../../src/shared/json.ts'
import { prepareDirectory } from '../../src/storage/directory-models.ts'
import { createDirectoryStore } from '../../src/storage/directory-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
afterAll(() => database.dispose())
await prepareDirectory(database.connection)
const store = createDirectoryStore(database.connection)
const transactor = createTransactor(database.connection)
const db = database.connection.getClient().db(database.dbName)

beforeEach(async () => {
  for (const name of ['users', 'groups', 'memberships']) await db.collection(name).deleteMany({})
})

const user = (
  id: string,
  resource: JsonObject = {},
  more: Partial<UserRecord> = {},
): UserRecord => ({
  id,
  sourceId: 'okta',
  resource: { userName: `${id}@Example.com`, ...resource },
  active: true,
  version: 1,
  generation: 0,
  created: 1_700_000_000_000,
  lastModified: 1_700_000_000_000,
  ...more,
})

const text = (attribute: string, sub?: string, multiValued = false) => ({
  attribute,
  ...(sub === undefined ? {} : { sub }),
  type: 'string' as const,
  caseExact: false,
  multiValued,
})
const eq = (path: ReturnType<typeof text>, value: string): Filter => ({
  kind: 'compare',
  path,
  operator: 'eq',
  value,
})
const ids = async (filter?: Filter, more: object = {}): Promise<string[]> => {
  const { items } = await store.listUsers('okta', {
    ...(filter ? { filter } : {}),
    page: { kind: 'index', startIndex: 1, count: 100 },
    ...more,
  })
  return items.map((item) => item.id)
}

test('directory store, a user with dotted and dollar keys, comes back as it went in', async () => {
  const record = user('a', {
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {
      manager: { value: 'm', $ref: 'https://x.invalid/Users/m' },
    },
  })
  await store.insertUser(record)
  expect(await store.user('okta', 'a')).toEqual(record)
})

test('directory store, the same id in two sources, stays apart', async () => {
  await store.insertUser(user('a'))
  await store.insertUser(user('a', {}, { sourceId: 'okta2' }))
  expect(await store.user('okt', 'a')).toBeNull()
  expect(await ids()).toEqual(['a'])
  expect(await store.removeUser('okta2', 'a', 1)).toBe(true)
  expect(await ids()).toEqual(['a'])
})

test('directory store, a userName that differs in letter case only, is refused', async () => {
  await store.insertUser(user('a', { userName: 'Ann' }))
  await expect(store.insertUser(user('b', { userName: 'aNN' }))).rejects.toMatchObject({
    code: 'ERR_UNIQUENESS',
  })
  await expect(
    transactor.transaction((tx) => store.insertUser(user('b', { userName: 'aNN' }), tx)),
  ).rejects.toMatchObject({ code: 'ERR_UNIQUENESS' })
  expect(await ids()).toEqual(['a'])
})

test('directory store, a stale version, writes nothing', async () => {
  await store.insertUser(user('a'))
  expect(await store.replaceUser(user('a', { title: 'x' }, { version: 2 }), 1)).toBe(true)
  expect(await store.replaceUser(user('a', { title: 'y' }, { version: 2 }), 1)).toBe(false)
  expect((await store.user('okta', 'a'))?.resource['title']).toBe('x')
})

test('directory store, filters on values, elements and absence, answer as the RFC says', async () => {
  await store.insertUser(
    user('a', {
      title: 'Boss.*',
      emails: [
        { type: 'work', value: 'A@x.test' },
        { type: 'home', value: 'b@x.test' },
      ],
    }),
  )
  await store.insertUser(user('b', { emails: [{ type: 'work', value: 'b@x.test' }] }))
  await store.insertUser(user('c', { title: 'boss' }, { active: false }))
  const value = text('emails', 'value', true)
  expect(await ids(eq(text('userName'), 'A@EXAMPLE.COM'))).toEqual(['a'])
  expect(await ids(eq(value, 'B@X.TEST'))).toEqual(['a', 'b'])
  const workB: Filter = {
    kind: 'element',
    path: { ...text('emails', undefined, true), type: 'complex' },
    where: { kind: 'and', of: [eq(text('type'), 'WORK'), eq(text('value'), 'b@x.test')] },
  }
  expect(await ids(workB)).toEqual(['b'])
  expect(await ids({ kind: 'not', of: workB })).toEqual(['a', 'c'])
  expect(await ids({ ...eq(text('title'), 'boss'), operator: 'ne' } as Filter)).toEqual(['a', 'b'])
  expect(await ids({ ...eq(text('title'), '.*'), operator: 'co' } as Filter)).toEqual(['a'])
  expect(await ids({ ...eq(text('title'), 'BOSS'), operator: 'sw' } as Filter)).toEqual(['a', 'c'])
  expect(await ids({ kind: 'present', path: text('title') })).toEqual(['a', 'c'])
  expect(await ids({ kind: 'compare', path: text('title'), operator: 'eq', value: null })).toEqual([
    'b',
  ])
  expect(
    await ids({
      kind: 'compare',
      path: { ...text('active'), type: 'boolean' },
      operator: 'eq',
      value: false,
    }),
  ).toEqual(['c'])
})

test('directory store, memberships, are searched and changed as sets', async () => {
  for (const id of ['g', 'h']) {
    await store.insertGroup({
      id,
      sourceId: 'okta',
      resource: { displayName: id },
      version: 1,
      created: 1,
      lastModified: 1,
    })
  }
  const row = (memberId: string, groupId = 'g') => ({
    sourceId: 'okta',
    groupId,
    memberId,
    type: 'User' as const,
  })
  expect(await store.addMembers([row('a'), row('b'), row('a')])).toBe(2)
  expect(await store.addMembers([row('b'), row('c')])).toBe(1)
  await store.addMembers([row('a', 'h')])
  const groupsWith = async (filter: Filter) =>
    (
      await store.listGroups('okta', { filter, page: { kind: 'index', startIndex: 1, count: 9 } })
    ).items.map((g) => g.id)
  const member = text('members', 'value', true)
  expect(await groupsWith(eq(member, 'a'))).toEqual(['g', 'h'])
  expect(await groupsWith(eq(member, 'A'))).toEqual([])
  expect(await groupsWith({ ...eq(member, 'b'), operator: 'ne' } as Filter)).toEqual(['h'])
  expect(
    await groupsWith({
      kind: 'element',
      path: text('members', undefined, true),
      where: eq(text('value'), 'c'),
    }),
  ).toEqual(['g'])
  expect((await store.groupsOf('okta', ['a', 'z'])).get('a')).toHaveLength(2)
  expect((await store.groupIdsOf('okta', ['a', 'z'])).get('a')).toEqual(new Set(['g', 'h']))
  expect(await store.memberIds('okta', 'g', ['a', 'x'])).toEqual(['a'])
  expect(await store.removeMembers('okta', 'g', ['a', 'x'])).toBe(1)
  await store.removeFromAllGroups('okta', 'a')
  expect(await store.members('okta', 'h')).toEqual([])
  expect((await store.members('okta', 'g')).map((m) => m.memberId)).toEqual(['b', 'c'])
  expect((await store.memberIds('okta', 'g')).sort()).toEqual(['b', 'c'])
  const touched = await store.touchGroup('okta', 'g', 5)
  expect(touched).toMatchObject({ version: 2, lastModified: 5 })
  expect(touched).toEqual(await store.group('okta', 'g'))
  expect(await store.touchGroup('okta', 'nobody', 5)).toBeNull()
})

test('directory store, index pages, cover everybody once and count all', async () => {
  for (let i = 0; i < 25; i++) await store.insertUser(user(`u${String(i).padStart(2, '0')}`))
  const seen: string[] = []
  for (let startIndex = 1; startIndex < 40; startIndex += 7) {
    const { items, totalResults } = await store.listUsers('okta', {
      page: { kind: 'index', startIndex, count: 7 },
    })
    expect(totalResults).toBe(25)
    seen.push(...items.map((item) => item.id))
  }
  expect(seen).toEqual([...new Set(seen)].sort())
  expect(seen).toHaveLength(25)
  expect(
    (await store.listUsers('okta', { page: { kind: 'index', startIndex: 1, count: 0 } }))
      .totalResults,
  ).toBe(25)
})

test.each([false, true])(
  'directory store, cursor pages sorted by an attribute (descending %s), cover everybody once',
  async (descending) => {
    for (let i = 0; i < 25; i++) {
      await store.insertUser(user(`u${i}`, i % 3 === 0 ? {} : { title: `t${i % 5}` }))
    }
    const seen: string[] = []
    let cursor = ''
    for (;;) {
      const page = await store.listUsers('okta', {
        sortBy: text('title'),
        descending,
        page: { kind: 'cursor', cursor, count: 4 },
      })
      expect(page.totalResults).toBe(25)
      seen.push(...page.items.map((item) => String(item.resource['title'])))
      if (page.nextCursor === undefined) break
      cursor = page.nextCursor
    }
    const sorted = [...seen].sort((a, b) => (descending ? -1 : 1) * (a < b ? -1 : a > b ? 1 : 0))
    expect(seen).toEqual(sorted)
    expect(seen).toHaveLength(25)
    await expect(
      store.listUsers('okta', { page: { kind: 'cursor', cursor, count: 4 } }),
    ).rejects.toMatchObject({ code: 'ERR_INVALID_CURSOR' })
  },
)

test('directory store, a write conflict inside a transaction, is repeated and not lost', async () => {
  await store.insertUser(user('a', { n: 0 }))
  const add = () =>
    transactor.transaction(async (tx) => {
      const before = (await store.user('okta', 'a', tx))!
      const after = {
        ...before,
        resource: { ...before.resource, n: Number(before.resource['n']) + 1 },
        version: before.version + 1,
      }
      expect(await store.replaceUser(after, before.version, tx)).toBe(true)
    })
  await Promise.all(Array.from({ length: 10 }, add))
  expect((await store.user('okta', 'a'))?.resource['n']).toBe(10)
})
