import { expect, test } from 'vitest'
import { CASE_EXACT_ATTRIBUTES } from '../../../src/directory/comparison.ts'
import { type Attribute, resolveName, SCHEMAS, USER } from '../../../src/scim/schema.ts'
import { searchForm } from '../../../src/storage/search-form.ts'

const EXT = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** Every attribute and sub-attribute, by the name that the storage knows it by. */
const all: [string, Attribute][] = SCHEMAS.flatMap(({ attributes, extensions }) =>
  [attributes, ...extensions.map((extension) => extension.attributes)].flatMap((table) =>
    [...table.values()].flatMap((attribute): [string, Attribute][] => [
      [attribute.name, attribute],
      ...[...attribute.subs.values()].map((sub): [string, Attribute] => [
        `${attribute.name}.${sub.name}`,
        sub,
      ]),
    ]),
  ),
)

test('search form, compared with the schemas, folds exactly what is not caseExact', () => {
  const exact = new Set(all.filter(([, one]) => one.caseExact).map(([name]) => name))
  expect(exact).toEqual(new Set(CASE_EXACT_ATTRIBUTES))
  // Dates are fields of the row; a date elsewhere would have to become one in the search form.
  const dates = new Set(all.filter(([, one]) => one.type === 'dateTime').map(([name]) => name))
  expect(dates).toEqual(new Set(['meta.created', 'meta.lastModified']))
})

test('search form, of a resource, is folded, dotless and without what is empty', () => {
  expect(
    searchForm({
      userName: 'ÉMILE@X.test',
      externalId: 'AbC',
      title: '',
      active: false,
      emails: [
        { value: 'A@x', type: 'Work' },
        { value: 'B@x', primary: true, display: null },
      ],
      [EXT]: { manager: { value: 'M', $ref: 'https://X' }, department: null },
    }),
  ).toEqual({
    userName: 'émile@x.test',
    externalId: 'AbC',
    active: false,
    emails: [
      { value: 'a@x', type: 'work' },
      { value: 'b@x', primary: true },
    ],
    [EXT.replaceAll('.', '_')]: { manager: { value: 'm', $ref: 'https://x' } },
    first: { emails: { value: 'b@x', primary: true } },
  })
})

test.each([
  ['USERNAME', 'userName'],
  ['name.GivenName', 'name'],
  [`${USER.urn}:emails.value`, 'emails'],
  [`${EXT}:manager.value`, 'manager'],
])('name, %s, is found in any letter case', (name, attribute) => {
  expect(resolveName(USER, name, false)).toMatchObject({
    kind: 'attribute',
    attribute: { name: attribute },
  })
})

test.each([
  'nosuch',
  'name.nosuch',
  'userName.x',
  'constructor',
  '__proto__',
  'urn:x:userName',
  `${EXT}:userName`,
  '',
  '.',
  'department',
])('name, %j, is nobody', (name) => {
  expect(resolveName(USER, name, false)).toBeUndefined()
})
