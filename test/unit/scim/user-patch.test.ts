import { expect, test } from 'vitest'
import { DIALECTS, noting } from '../../../src/scim/dialect.ts'
import { PATCH_URN } from '../../../src/scim/patch-request.ts'
import { schemasWith } from '../../../src/scim/schema.ts'
import { userPatch } from '../../../src/scim/user-patch.ts'
import type { Json } from '../../../src/shared/json.ts'

const USER = schemasWith([]).User
const before = { userName: 'ann', active: true, title: 'Boss' }
const run = (operations: Json[], dialect: 'entra' | 'generic-strict' = 'entra') =>
  userPatch({ schemas: [PATCH_URN], Operations: operations }, USER, 'u1', DIALECTS[dialect]).apply(
    before,
  )

const OFF = { op: 'replace', path: 'active', value: false }
const USELESS: [string, Json][] = [
  ['an unknown path', { op: 'replace', path: 'nosuch', value: 1 }],
  ['a bad value', { op: 'replace', path: 'userName', value: 7 }],
  ['a read-only attribute', { op: 'replace', path: 'meta.created', value: 'x' }],
  ['no target', { op: 'replace', path: 'emails[type ne "work"].value', value: 'x' }],
  ['an unknown op', { op: 'move', path: 'title' }],
  ['no object', 'x'],
  ['a broken filter', { op: 'replace', path: 'emails[type eq', value: 'x' }],
  ['an emptied user name', { op: 'remove', path: 'userName' }],
]

test.each(USELESS)('a deactivation beside %s, is done, with what can be used', (_, useless) => {
  for (const operations of [
    [OFF, useless],
    [useless, OFF],
  ]) {
    const title = { op: 'replace', path: 'title', value: 'Gone' }
    const { resource, dropped } = run([...operations, title])
    expect(resource).toEqual({ userName: 'ann', active: false, title: 'Gone' })
    expect(dropped?.code).toMatch(/^ERR_/)
    expect(() => run(operations, 'generic-strict')).toThrow()
  }
})

test('a deactivation in a value without a path, beside a key that cannot be used, is done', () => {
  const value = { active: 'False', nosuch: 1, title: 'Gone' }
  expect(run([{ op: 'Replace', value }])).toMatchObject({
    resource: { userName: 'ann', active: false, title: 'Gone' },
    dropped: { code: 'ERR_INVALID_PATH' },
  })
})

test.each<[string, Json[]]>([
  ['a reactivation', [{ op: 'replace', path: 'active', value: true }]],
  ['a change of the profile', [{ op: 'replace', path: 'title', value: 'x' }]],
  ['an unreadable status', [{ op: 'replace', path: 'active', value: 'nope' }]],
  ['a removed status', [{ op: 'remove', path: 'active' }]],
  ['one readable and one unreadable status', [OFF, { ...OFF, value: 'nope' }]],
  ['a deactivation taken back', [OFF, { ...OFF, value: true }]],
  ['the id of somebody else', [{ op: 'replace', value: { id: 'u2', active: false } }]],
  ['more operations than 200', [OFF, ...Array.from({ length: 200 }, () => ({ ...OFF }))]],
])('%s beside an operation that cannot be used, is refused as a whole', (_, operations) => {
  expect(() => run([...operations, { op: 'replace', path: 'nosuch', value: 1 }])).toThrow()
})

test('a deactivation of which all can be used, drops nothing', () => {
  expect(run([OFF, { op: 'replace', path: 'title', value: 'Gone' }]).dropped).toBeUndefined()
})

test('what a dialect forgives, is told where it was needed and nowhere else', () => {
  const told = (operations: Json[]): string[] => {
    const kinds = new Set<string>()
    const dialect = noting(DIALECTS.entra, (kind) => kinds.add(kind))
    userPatch({ schemas: [PATCH_URN], Operations: operations }, USER, 'u1', dialect).apply(before)
    return [...kinds].sort()
  }
  expect(told([OFF, { op: 'add', path: 'title', value: 'x' }])).toEqual([])
  expect(told([{ op: 'replace', value: { active: false, title: 'x' } }])).toEqual([])
  expect(told([{ ...OFF, value: 'False' }])).toEqual(['stringBooleans'])
  expect(told([{ ...OFF, value: [false] }])).toEqual(['looseShapes'])
  expect(told([{ op: 'replace', value: { 'name.givenName': 'A' } }])).toEqual(['dottedKeys'])
  expect(told([{ op: 'replace', path: 'title', value: '' }])).toEqual(['emptyClears'])
  expect(told([OFF, { op: 'replace', path: 'nosuch', value: 1 }])).toEqual(['leaverFirst'])
})
