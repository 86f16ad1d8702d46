import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DIALECTS } from '../../../src/scim/dialect.ts'
import { parseFilter } from '../../../src/scim/filter-parser.ts'
import { matches } from '../../../src/scim/match.ts'
import { parsePatchPath } from '../../../src/scim/patch-path.ts'
import { GROUP, USER } from '../../../src/scim/schema.ts'
import { HubError } from '../../../src/shared/errors.ts'

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const options = { dialect: DIALECTS.generic, unknown: 'refuse' } as const
const parse = (text: string, schema = USER) => parseFilter(text, schema, options)
/** A filter in few characters, to compare shapes. */
const shape = (text: string, schema = USER): string => JSON.stringify(short(parse(text, schema)))
const short = (filter: ReturnType<typeof parse>): unknown => {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return [filter.kind, ...filter.of.map(short)]
    case 'not':
      return ['not', short(filter.of)]
    case 'present':
      return ['pr', nameOf(filter.path)]
    case 'compare':
      return [filter.operator, nameOf(filter.path), filter.value]
    case 'element':
      return ['element', nameOf(filter.path), short(filter.where)]
  }
}
const nameOf = (path: { extension?: string; attribute: string; sub?: string }): string =>
  [path.extension === undefined ? '' : 'ext:', path.attribute, path.sub ? `.${path.sub}` : ''].join(
    '',
  )

test.each([
  ['userName eq "a"', '["eq","userName","a"]'],
  ['USERNAME EQ "a"', '["eq","userName","a"]'],
  ['urn:ietf:params:scim:schemas:core:2.0:User:userName eq "a"', '["eq","userName","a"]'],
  [`${ENTERPRISE}:department sw "S"`, '["sw","ext:department","S"]'],
  [`${ENTERPRISE.toUpperCase()}:MANAGER.VALUE eq "1"`, '["eq","ext:manager.value","1"]'],
  ['manager eq "1"', '["eq","ext:manager.value","1"]'],
  ['emails co "x"', '["co","emails.value","x"]'],
  ['emails.type eq "work"', '["eq","emails.type","work"]'],
  [
    'title pr and active eq true or nickName pr',
    '["or",["and",["pr","title"],["eq","active",true]],["pr","nickName"]]',
  ],
  [
    'title pr and (active eq true or nickName pr)',
    '["and",["pr","title"],["or",["eq","active",true],["pr","nickName"]]]',
  ],
  ['not (title pr)', '["not",["pr","title"]]'],
  [
    'not(title pr) and not (nickName pr)',
    '["and",["not",["pr","title"]],["not",["pr","nickName"]]]',
  ],
  [
    'emails[type eq "work" and value co "@x"]',
    '["element","emails",["and",["eq","type","work"],["co","value","@x"]]]',
  ],
  [
    'emails[type eq "work"].value eq "a"',
    '["element","emails",["and",["eq","type","work"],["eq","value","a"]]]',
  ],
  ['emails[not (type eq "a]b")]', '["element","emails",["not",["eq","type","a]b"]]]'],
  ['displayName eq "say \\"hi\\" (EU) \\u00e9"', '["eq","displayName","say \\"hi\\" (EU) é"]'],
  [
    'meta.lastModified gt "2011-05-13T04:42:34Z"',
    '["gt","meta.lastModified",{"instant":1305261754000}]',
  ],
  ['title eq null', '["eq","title",null]'],
  ['active eq "False"', '["eq","active",false]'],
  ['externalId eq jyoung', '["eq","externalId","jyoung"]'],
])('filter, %s, means what RFC 7644 says', (text, wanted) => {
  expect(shape(text)).toBe(wanted)
})

test('filter, members of a group, compare by value', () => {
  expect(shape('id eq "g" and members eq "u"', GROUP)).toBe(
    '["and",["eq","id","g"],["eq","members.value","u"]]',
  )
})

test.each([
  '',
  '   ',
  'userName',
  'userName eq',
  'eq "x"',
  'userName eq "x',
  'userName eq "x" and',
  'userName eq "x" "y"',
  'userName zz "x"',
  'nosuch eq "x"',
  'emails.nosuch eq "x"',
  '(userName eq "x"',
  'userName eq "x")',
  'and',
  'userName eq "x" or or title pr',
  'emails[type eq "work"',
  'emails[type eq "work"] .value eq "x"',
  'emails[]',
  'emails[emails[type eq "x"]]',
  'name[familyName eq "x"].x eq "y"',
  'userName[value eq "x"]',
  'active gt true',
  'active eq "maybe"',
  'userName gt true',
  'name eq "x"',
  'meta.created gt "soon"',
  'meta.created co "2011"',
  'userName co null',
  '__proto__.x eq 1',
  'constructor eq "x"',
  'emails[__proto__ eq "x"]',
  'x509Certificates.value gt "a"',
  'userName eq "\\x"',
  'not title pr',
  ENTERPRISE,
  `${ENTERPRISE} pr`,
  '"userName" eq "x"',
])('filter, %j, is refused by name', (text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_FILTER' }))
})

test('filter, strict dialect, refuses what is not RFC text', () => {
  const strict = { dialect: DIALECTS['generic-strict'], unknown: 'refuse' } as const
  for (const text of ['externalId eq jyoung', 'active eq "False"', 'manager eq "1"']) {
    expect(() => parseFilter(text, USER, strict)).toThrow(HubError)
  }
})

test('filter, beyond its bounds, is refused and quickly', () => {
  const began = performance.now()
  for (const text of [
    'x'.repeat(10_000),
    `userName eq "${'\\a'.repeat(4_000)}`,
    `${'('.repeat(40)}title pr${')'.repeat(40)}`,
    `${'not ('.repeat(40)}title pr${')'.repeat(40)}`,
    Array.from({ length: 201 }, () => 'title pr').join(' or '),
  ]) {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_FILTER' }))
  }
  expect(() => parse(`${'('.repeat(31)}title pr${')'.repeat(31)}`)).not.toThrow()
  expect(() => parse(Array.from({ length: 200 }, () => 'title pr').join(' and '))).not.toThrow()
  expect(performance.now() - began).toBeLessThan(1_000)
})

const pieces = fc.constantFrom(
  'userName',
  'emails',
  '[',
  ']',
  '(',
  ')',
  '.value',
  '"',
  '"a"',
  '\\',
  ' ',
  ' eq ',
  ' and ',
  ' or ',
  'not',
  ' pr',
  'true',
  'null',
  '1',
  '__proto__',
  'urn:',
  ENTERPRISE,
  ':',
  'type',
  '\n',
  '\0',
  '$ref',
  'é',
)
const texts = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
)

test('filter and path, any text, end in an answer or a HubError and leave prototypes alone', () => {
  fc.assert(
    fc.property(texts, (text) => {
      for (const run of [() => parse(text), () => parsePatchPath(text, USER, DIALECTS.entra)]) {
        try {
          run()
        } catch (error) {
          expect(error).toBeInstanceOf(HubError)
        }
      }
      expect(Object.keys(Object.prototype)).toEqual([])
    }),
    { numRuns: 3_000 },
  )
})

test('value filter, on one element, agrees with plain comparison', () => {
  const where = (text: string) => {
    const filter = parse(`emails[${text}]`)
    return filter.kind === 'element' ? filter.where : filter
  }
  const element = { value: 'Ann@x.test', type: 'work', primary: true }
  for (const [text, wanted] of [
    ['value eq "ANN@X.TEST"', true],
    ['value ne "a"', true],
    ['display ne "a"', true],
    ['display pr', false],
    ['display eq null', true],
    ['primary eq true', true],
    ['value co "@X"', true],
    ['value ew "test"', true],
    ['value gt "a"', true],
    ['not (type eq "Work")', false],
    ['type eq "home" or primary eq true', true],
  ] as const) {
    expect(matches(where(text), element), text).toBe(wanted)
  }
})
