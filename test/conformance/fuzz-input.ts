import fc from 'fast-check'
import type { Json } from '../../src/shared/json.ts'

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User'
const WORDS = [
  'userName',
  'USERNAME',
  'active',
  'emails',
  'emails.value',
  'emails.type',
  'emails.primary',
  'name',
  'name.givenName',
  'roles',
  'roles.value',
  'members',
  'members.value',
  'displayName',
  'externalId',
  'id',
  'meta',
  'meta.lastModified',
  'meta.version',
  'groups',
  'groups.value',
  'schemas',
  'password',
  'addresses',
  'addresses.country',
  'x509Certificates',
  'manager',
  'department',
  ENTERPRISE,
  `${ENTERPRISE}:manager`,
  `${ENTERPRISE}:manager.value`,
  `${ENTERPRISE}:department`,
  `${CORE}:userName`,
  'urn:x',
  'urn:',
  ':',
  '.',
  '$ref',
  'value',
  'type',
  'primary',
  'display',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'emails.__proto__',
  'constructor.prototype',
  'hasOwnProperty',
  '$where',
  '$gt',
  'search',
  '_id',
] as const

const word = fc.constantFrom(...WORDS)
const rare = fc.string({ unit: 'binary', maxLength: 12 })
export const name = fc.oneof({ weight: 12, arbitrary: word }, { weight: 1, arbitrary: rare })
const operator = fc.constantFrom(
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'ge',
  'lt',
  'le',
  'EQ',
  'pr',
  'xx',
  '',
)
const literal = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'null',
    '"True"',
    '"a"',
    '""',
    '5',
    '-1.5',
    '1e999',
    'NaN',
    '0x10',
    'bare',
    '"',
    '"\\',
    '"2024-01-01T00:00:00Z"',
    '"2024-99-99T00:00:00Z"',
    '"(a+)+$"',
    '"\\u0000"',
    '[]',
    '{}',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => JSON.stringify(text)),
)
const space = fc.constantFrom(' ', ' ', ' ', '  ', '\t', '', '\n')

/** Comparisons that a user's or a group's schema takes, so that what follows the parser is reached too. */
const sound = fc.constantFrom(
  'userName eq "Ann"',
  'displayName sw "A"',
  'externalId pr',
  'id eq "x"',
  'meta.lastModified gt "2024-01-01T00:00:00Z"',
  'emails.value co "x"',
  'emails[type eq "work" and value ew "x"]',
  'active eq true',
  'name.givenName ne null',
  'members.value eq "x"',
  'groups.value eq "x"',
  `${ENTERPRISE}:manager.value eq "m"`,
)
/** The same within brackets. */
const soundPath = fc.constantFrom(
  'emails[type eq "work"].value',
  'emails[value co "@" and not (primary eq true)]',
  'emails[primary eq true]',
  'displayName',
  'name.givenName',
  'roles',
  'externalId',
  `${ENTERPRISE}:department`,
  ENTERPRISE,
)

/** Filters by the grammar, and near it. */
export const filter: fc.Arbitrary<string> = fc.letrec<{ any: string; comparison: string }>(
  (tie) => ({
    comparison: fc
      .tuple(name, space, operator, space, literal)
      .map(([left, a, middle, b, right]) =>
        middle === 'pr' ? `${left}${a}pr` : `${left}${a}${middle}${b}${right}`,
      ),
    any: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      { weight: 3, arbitrary: sound },
      tie('comparison'),
      fc
        .tuple(tie('any'), fc.constantFrom(' and ', ' or ', ' AND ', ' xor '), tie('any'))
        .map((x) => x.join('')),
      tie('any').map((inner) => `(${inner})`),
      tie('any').map((inner) => `not (${inner})`),
      fc.tuple(name, tie('any')).map(([list, inner]) => `${list}[${inner}]`),
      fc.tuple(name, tie('any'), name).map(([list, inner, sub]) => `${list}[${inner}].${sub}`),
      // Cut off, or repeated, in the middle.
      fc.tuple(tie('any'), fc.nat(60)).map(([text, at]) => text.slice(0, at)),
      fc
        .tuple(fc.constantFrom('(', '[', 'not (', 'emails[', '"', '\\', 'a.'), fc.nat(3_000))
        .map(([piece, count]) => piece.repeat(count)),
      rare,
    ),
  }),
).any

export const path: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: soundPath },
  name,
  fc.tuple(name, filter).map(([list, inner]) => `${list}[${inner}]`),
  fc.tuple(name, filter, name).map(([list, inner, sub]) => `${list}[${inner}].${sub}`),
  fc.tuple(name, name).map((steps) => steps.join('.')),
  filter,
)

export const json: fc.Arbitrary<Json> = fc.letrec<{ any: Json; object: Json }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<Json>(
      null,
      true,
      false,
      '',
      'x',
      'True',
      'False',
      0,
      -1,
      1e308,
      '2024-01-01T00:00:00Z',
      'a@b',
    ),
    rare,
    fc.array(tie('any'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(name, tie('any')), { maxLength: 6 })
    .map((entries) => Object.fromEntries(entries)),
})).any as fc.Arbitrary<Json>

export const resource: fc.Arbitrary<Json> = fc
  .tuple(json, fc.array(fc.tuple(name, json), { maxLength: 8 }), fc.boolean())
  .map(
    ([whole, entries, plain]): Json =>
      plain
        ? { schemas: [CORE], userName: 'x', displayName: 'x', ...Object.fromEntries(entries) }
        : whole,
  )

type Operation = readonly [op: string, path: string | null, value: Json]
const soundOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(
    fc.constantFrom('add', 'replace'),
    fc.constantFrom('displayName', 'externalId', 'nickName'),
    rare,
  ),
  fc.tuple(fc.constant('remove'), soundPath, fc.constant(null)),
  fc.tuple(
    fc.constantFrom('add', 'replace'),
    fc.constant('emails'),
    fc.array(fc.record({ value: rare, type: fc.constantFrom('work', 'home') }), { maxLength: 3 }),
  ),
  fc.tuple(fc.constant('add'), fc.constant(null), fc.constant<Json>({ active: false, title: 'x' })),
)

export const patch: fc.Arbitrary<Json> = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 3, arbitrary: soundOperation },
        fc.tuple(
          fc.constantFrom('add', 'replace', 'remove', 'Remove', 'move', ''),
          fc.option(path),
          fc.option(json),
        ),
      ),
      { maxLength: 5 },
    ),
    json,
    fc.integer({ min: 0, max: 19 }),
  )
  .map(([operations, whole, dice]) =>
    dice === 0
      ? whole
      : {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: operations.map(([op, at, value]) => ({
            op,
            ...(at === null ? {} : { path: at }),
            ...(value === null ? {} : { value }),
          })),
        },
  )

export const query: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'filter',
        'sortBy',
        'sortOrder',
        'startIndex',
        'count',
        'cursor',
        'attributes',
        'excludedAttributes',
        '__proto__',
      ),
      fc.oneof(
        filter,
        path,
        fc.constantFrom('0', '-1', '1e9', '99999999999999999999', 'descending', '', 'e30'),
      ),
    ),
    { maxLength: 4 },
  )
  .map((pairs) => new URLSearchParams(pairs).toString())
