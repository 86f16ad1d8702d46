import { expect, test } from 'vitest'
import { resourceOf } from '../../../src/scim/body.ts'
import { DIALECTS, noting, type Tolerance } from '../../../src/scim/dialect.ts'
import { parseFilter } from '../../../src/scim/filter-parser.ts'
import { memberDelta } from '../../../src/scim/member-change.ts'
import { patched } from '../../../src/scim/patch.ts'
import { assignmentsOf } from '../../../src/scim/patch-request.ts'
import { GROUP, USER } from '../../../src/scim/schema.ts'
import type { Json, JsonObject } from '../../../src/shared/json.ts'

const EXT = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const URN = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const jane: JsonObject = { userName: 'jane', active: true, emails: [{ value: 'j', type: 'work' }] }

type Dialect = (typeof DIALECTS)['okta']
const post = (more: JsonObject) => (dialect: Dialect) =>
  resourceOf(USER, { schemas: [USER.urn], userName: 'jane', ...more }, dialect)
const patch =
  (...Operations: Json[]) =>
  (dialect: Dialect) =>
    patched(USER, jane, assignmentsOf({ schemas: [URN], Operations }, USER, 'id', dialect), dialect)
const members =
  (...Operations: Json[]) =>
  async (dialect: Dialect) =>
    await memberDelta(
      assignmentsOf({ schemas: [URN], Operations }, GROUP, 'id', dialect),
      async () => [],
      dialect,
    )
const filter = (text: string) => (dialect: Dialect) =>
  parseFilter(text, USER, { dialect, unknown: 'refuse' })
const replace = (path: string, value: Json) => ({ op: 'replace', path, value })

type Row = [string, Tolerance | 'nothing', (dialect: Dialect) => unknown]
const rows: Row[] = [
  ['active in a string', 'stringBooleans', post({ active: 'True' })],
  ['active in a list', 'looseShapes', patch(replace('active', [false]))],
  ['an object for a list', 'looseShapes', post({ emails: { value: 'x' } })],
  ['a manager by id', 'looseShapes', patch(replace(`${EXT}:manager`, 'm'))],
  ['a value in a list', 'looseShapes', patch({ op: 'replace', value: [{ title: 'T' }] })],
  ['an empty path', 'looseShapes', patch({ op: 'replace', path: '', value: { title: 'T' } })],
  [
    'a member by its $ref',
    'looseShapes',
    members({ op: 'add', path: 'members', value: [{ $ref: '/Users/u' }] }),
  ],
  ['an empty text', 'emptyClears', patch(replace('title', ''))],
  ['an empty text for an object', 'emptyClears', post({ name: '' })],
  ['an empty primary', 'emptyClears', post({ emails: [{ value: 'x', primary: '' }] })],
  [
    'an element that nobody has',
    'createByFilter',
    patch(replace('emails[type eq "home"].value', 'h')),
  ],
  [
    'remove with a list',
    'removeByValue',
    members({ op: 'remove', path: 'members', value: [{ value: 'u' }] }),
  ],
  ['a dotted key', 'dottedKeys', post({ 'name.givenName': 'J' })],
  [
    'a key with a URN',
    'dottedKeys',
    patch({ op: 'replace', value: { [`${EXT}:department`]: 'd' } }),
  ],
  ['attributes below the URN', 'dottedKeys', post({ [USER.urn]: { active: false } })],
  ['the URN as a path', 'dottedKeys', patch(replace(USER.urn, { active: false }))],
  ['an unknown attribute', 'unknownAttributes', post({ shoe: 1 })],
  ['no schemas', 'foreignSchemas', post({ schemas: null })],
  [
    'two primaries',
    'severalPrimaries',
    post({
      emails: [
        { value: 'a', primary: true },
        { value: 'b', primary: true },
      ],
    }),
  ],
  ['an echoed id', 'echoedReadOnly', patch({ op: 'replace', value: { id: 'id', title: 'T' } })],
  ['a filter without quotes', 'looseFilterValues', filter('userName eq jane')],
  ['a filter in single quotes', 'looseFilterValues', filter("userName eq 'jane'")],
  ['a number for a text', 'looseFilterValues', filter('externalId eq 0042')],
  ['a boolean in quotes', 'looseFilterValues', filter('active eq "True"')],
  [
    'a date with a blank',
    'looseFilterValues',
    filter('meta.created gt "2020-01-01T00:00:00 01:00"'),
  ],
  [
    'a resource',
    'nothing',
    post({
      active: true,
      name: { givenName: 'J' },
      emails: [{ value: 'x', primary: true }],
      [EXT]: { manager: { value: 'm' } },
    }),
  ],
  ['a null', 'nothing', post({ title: null, emails: [] })],
  [
    'a patch',
    'nothing',
    patch(
      { op: 'replace', value: { active: false } },
      replace('emails[type eq "work"].value', 'x'),
      replace(`${EXT}:department`, 'd'),
      { op: 'remove', path: 'title' },
    ),
  ],
  [
    'a patch of an extension',
    'nothing',
    patch({ op: 'replace', value: { [EXT]: { department: 'd' } } }),
  ],
  [
    'members',
    'nothing',
    members(
      { op: 'remove', path: 'members[value eq "u"]' },
      { op: 'add', path: 'members', value: [{ value: 'u' }] },
    ),
  ],
  [
    'a filter',
    'nothing',
    filter(
      '(active eq true and not (meta.created gt "2020-01-01T00:00:00+01:00")) or emails[type eq "work"]',
    ),
  ],
]

test.each(rows)('tolerance, %s, counts as %s', async (_, kind, use) => {
  const seen = new Set<string>()
  await use(noting(DIALECTS.generic, (one) => seen.add(one)))
  expect([...seen]).toEqual(kind === 'nothing' ? [] : [kind])
})

test.each(rows)(
  'strictness, %s (%s), refuses what would have been tolerated',
  async (_, kind, use) => {
    const strict = async () => await use(DIALECTS['generic-strict'])
    if (kind === 'nothing' || kind === 'emptyClears') return
    await expect(strict()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) })
  },
)
