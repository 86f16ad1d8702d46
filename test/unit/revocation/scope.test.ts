import { expect, test } from 'vitest'
import { coversLess } from '../../../src/revocation/scope.ts'
import type { AppScope } from '../../../src/revocation/types.ts'

const all: AppScope = { kind: 'everyone' }
const of = (...sourceIds: string[]): AppScope => ({ kind: 'everyone', sourceIds })
const groups = (...names: string[]): AppScope => ({
  kind: 'groups',
  groups: names.map((name) => {
    const [sourceId = '', groupId = ''] = name.split('/')
    return { sourceId, groupId }
  }),
})

test.each([
  [all, all, false],
  [all, of('a', 'b'), true],
  [all, groups('a/g'), true],
  [of('a'), all, false],
  [of('a'), of('b', 'a'), false],
  [of('a', 'b'), of('a'), true],
  [of('a'), groups('a/g'), true],
  [groups('a/g'), groups('b/h', 'a/g'), false],
  [groups('a/g', 'a/h'), groups('a/g'), true],
  [groups('a/g'), groups('b/g'), true],
  [groups('a/g'), of('a'), false],
  [groups('a/g', 'b/g'), of('a'), true],
  [groups('a/g'), all, false],
])('scope, from %j to %j, covers less: %s', (before, after, expected) => {
  expect(coversLess(before, after)).toBe(expected)
})
