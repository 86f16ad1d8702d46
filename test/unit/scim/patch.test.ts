import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SourceDialect } from '../../../src/auth/source-authenticator.ts'
import { DIALECTS } from '../../../src/scim/dialect.ts'
import { memberDelta } from '../../../src/scim/member-change.ts'
import { patched } from '../../../src/scim/patch.ts'
import { assignmentsOf, PATCH_URN } from '../../../src/scim/patch-request.ts'
import { GROUP, USER } from '../../../src/scim/schema.ts'
import { HubError } from '../../../src/shared/errors.ts'
import type { Json, JsonObject } from '../../../src/shared/json.ts'

const EXT = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User'

const ann = (): JsonObject => ({
  userName: 'ann',
  active: true,
  displayName: 'Ann',
  name: { givenName: 'Ann', familyName: 'Lee' },
  emails: [
    { value: 'ann@x.test', type: 'work', primary: true },
    { value: 'ann@home.test', type: 'home' },
  ],
  [EXT]: { department: 'Sales', manager: { value: 'm1', $ref: 'https://x/Users/m1' } },
})

const apply = (
  operations: object[],
  before = ann(),
  dialect: SourceDialect = 'entra',
): JsonObject =>
  patched(
    USER,
    before,
    assignmentsOf(
      { schemas: [PATCH_URN], Operations: operations as Json[] },
      USER,
      'id-1',
      DIALECTS[dialect],
    ),
    DIALECTS[dialect],
  )

test.each<[string, object, object]>([
  ['Entra string', { op: 'Replace', path: 'active', value: 'False' }, { active: false }],
  [
    'Entra wrapped',
    { op: 'Replace', path: 'active', value: [{ value: 'False' }] },
    { active: false },
  ],
  ['Okta', { op: 'replace', value: { active: false } }, { active: false }],
  ['odd case', { op: 'REPLACE', value: { ACTIVE: 'FALSE' } }, { active: false }],
  ['core URN key', { op: 'replace', value: { [`${CORE}:active`]: false } }, { active: false }],
  [
    'core URN path',
    { op: 'replace', path: `${CORE.toUpperCase()}:Active`, value: false },
    { active: false },
  ],
  ['Add', { op: 'Add', path: 'active', value: 'false' }, { active: false }],
  [
    'dotted key',
    { op: 'replace', value: { 'name.givenName': 'X' } },
    { name: { givenName: 'X', familyName: 'Lee' } },
  ],
  [
    'complex merge',
    { op: 'replace', path: 'name', value: { givenName: 'X' } },
    { name: { givenName: 'X', familyName: 'Lee' } },
  ],
  [
    'complex sub null',
    { op: 'replace', path: 'name', value: { givenName: null } },
    { name: { familyName: 'Lee' } },
  ],
  [
    'URN key',
    { op: 'replace', value: { [`${EXT}:department`]: 'R&D' } },
    { [EXT]: { department: 'R&D', manager: { value: 'm1', $ref: 'https://x/Users/m1' } } },
  ],
  [
    'URN object',
    { op: 'replace', path: EXT, value: { department: 'R&D' } },
    { [EXT]: { department: 'R&D', manager: { value: 'm1', $ref: 'https://x/Users/m1' } } },
  ],
  [
    'manager string',
    { op: 'Replace', path: `${EXT}:manager`, value: 'm2' },
    { [EXT]: { department: 'Sales', manager: { value: 'm2' } } },
  ],
  [
    'manager list',
    { op: 'Add', path: 'manager', value: [{ value: 'm2' }] },
    { [EXT]: { department: 'Sales', manager: { value: 'm2' } } },
  ],
  [
    'manager.value',
    { op: 'replace', path: `${EXT}:manager.value`, value: 'm2' },
    { [EXT]: { department: 'Sales', manager: { value: 'm2' } } },
  ],
  [
    'manager cleared',
    { op: 'Replace', path: `${EXT}:manager`, value: '' },
    { [EXT]: { department: 'Sales' } },
  ],
  [
    'manager cleared object',
    { op: 'Replace', path: `${EXT}:manager`, value: { value: '' } },
    { [EXT]: { department: 'Sales' } },
  ],
  ['manager removed', { op: 'Remove', path: `${EXT}:manager` }, { [EXT]: { department: 'Sales' } }],
  [
    'clear by null',
    { op: 'replace', path: 'displayName', value: null },
    { displayName: undefined },
  ],
  ['clear by empty', { op: 'replace', path: 'displayName', value: '' }, { displayName: undefined }],
  [
    'emails replaced',
    { op: 'replace', value: { emails: [{ value: 'n@x.test' }] } },
    { emails: [{ value: 'n@x.test' }] },
  ],
  [
    'emails object',
    { op: 'replace', path: 'emails', value: { value: 'n@x.test' } },
    { emails: [{ value: 'n@x.test' }] },
  ],
  ['emails cleared', { op: 'replace', path: 'emails', value: [] }, { emails: undefined }],
  [
    'email by filter',
    { op: 'Replace', path: 'emails[type eq "WORK"].value', value: 'n@x.test' },
    {
      emails: [
        { value: 'n@x.test', type: 'work', primary: true },
        { value: 'ann@home.test', type: 'home' },
      ],
    },
  ],
  [
    'email by primary',
    { op: 'Replace', path: 'emails[primary eq "True"].value', value: 'n@x.test' },
    {
      emails: [
        { value: 'n@x.test', type: 'work', primary: true },
        { value: 'ann@home.test', type: 'home' },
      ],
    },
  ],
  [
    'email created',
    { op: 'Add', path: 'emails[type eq "other"].value', value: 'o@x.test' },
    { emails: [...(ann()['emails'] as object[]), { type: 'other', value: 'o@x.test' }] },
  ],
  [
    'email removed',
    { op: 'remove', path: 'emails[type eq "home"]' },
    { emails: [{ value: 'ann@x.test', type: 'work', primary: true }] },
  ],
  [
    'email value removed',
    { op: 'remove', path: 'emails[type eq "home"].value' },
    { emails: [{ value: 'ann@x.test', type: 'work', primary: true }] },
  ],
  [
    'email removed by value',
    { op: 'Remove', path: 'emails', value: [{ value: 'ANN@home.test' }] },
    { emails: [{ value: 'ann@x.test', type: 'work', primary: true }] },
  ],
  ['remove nobody', { op: 'Remove', path: 'emails', value: [] }, {}],
  ['same again', { op: 'add', path: 'emails', value: [{ value: 'ann@x.test', type: 'work' }] }, {}],
  [
    'new primary',
    { op: 'add', path: 'emails', value: [{ value: 'p@x.test', primary: true }] },
    {
      emails: [
        { value: 'ann@x.test', type: 'work', primary: false },
        { value: 'ann@home.test', type: 'home' },
        { value: 'p@x.test', primary: true },
      ],
    },
  ],
  [
    'primary by path',
    { op: 'replace', path: 'emails[type eq "home"].primary', value: 'True' },
    {
      emails: [
        { value: 'ann@x.test', type: 'work', primary: false },
        { value: 'ann@home.test', type: 'home', primary: true },
      ],
    },
  ],
  [
    'role by primary',
    { op: 'Add', path: 'roles[primary eq "True"].value', value: 'admin' },
    { roles: [{ primary: true, value: 'admin' }] },
  ],
  ['password', { op: 'replace', value: { password: 'secret' } }, {}],
  [
    'id echoed',
    { op: 'replace', value: { id: 'id-1', schemas: [CORE], displayName: 'B' } },
    { displayName: 'B' },
  ],
  ['extension removed', { op: 'remove', path: EXT }, { [EXT]: undefined }],
])('patch, %s, gives the resource meant', (_, operation, change) => {
  const wanted: JsonObject = { ...ann(), ...(change as JsonObject) }
  for (const [key, value] of Object.entries(wanted)) if (value === undefined) delete wanted[key]
  expect(apply([operation])).toEqual(wanted)
})

test('patch, five parts of one address, makes one element', () => {
  const part = (name: string, value: string) => ({
    op: 'Add',
    path: `addresses[type eq "work"].${name}`,
    value,
  })
  expect(
    apply([part('streetAddress', '1 Main St'), part('locality', 'Oslo'), part('country', 'NO')])[
      'addresses'
    ],
  ).toEqual([{ type: 'work', streetAddress: '1 Main St', locality: 'Oslo', country: 'NO' }])
})

test.each<[string, object, string]>([
  ['unknown op', { op: 'move', path: 'title', value: 'x' }, 'ERR_SYNTAX'],
  ['unknown path', { op: 'replace', path: 'nosuch', value: 'x' }, 'ERR_INVALID_PATH'],
  ['unknown key', { op: 'replace', value: { nosuch: 'x' } }, 'ERR_INVALID_PATH'],
  ['unknown sub-attribute', { op: 'replace', path: 'name.nosuch', value: 'x' }, 'ERR_INVALID_PATH'],
  ['empty path', { op: 'replace', path: '', value: 'x' }, 'ERR_INVALID_PATH'],
  ['broken filter', { op: 'replace', path: 'emails[type eq', value: 'x' }, 'ERR_INVALID_PATH'],
  [
    'poisoned path',
    { op: 'replace', path: 'emails[__proto__.x eq 1]', value: 'x' },
    'ERR_INVALID_PATH',
  ],
  ['remove without path', { op: 'remove' }, 'ERR_NO_TARGET'],
  ['replace without value', { op: 'replace', path: 'title' }, 'ERR_INVALID_VALUE'],
  ['value is no object', { op: 'add', value: 'x' }, 'ERR_INVALID_VALUE'],
  ['unreadable active', { op: 'replace', path: 'active', value: 'maybe' }, 'ERR_INVALID_VALUE'],
  ['active null', { op: 'replace', path: 'active', value: null }, 'ERR_INVALID_VALUE'],
  ['active removed', { op: 'remove', path: 'active' }, 'ERR_INVALID_VALUE'],
  ['userName removed', { op: 'remove', path: 'userName' }, 'ERR_MUTABILITY'],
  ['userName empty', { op: 'replace', path: 'userName', value: '' }, 'ERR_INVALID_VALUE'],
  ['id', { op: 'replace', path: 'id', value: 'x' }, 'ERR_MUTABILITY'],
  ['another id', { op: 'replace', value: { id: 'x' } }, 'ERR_MUTABILITY'],
  ['groups', { op: 'add', path: 'groups', value: [] }, 'ERR_MUTABILITY'],
  ['meta', { op: 'replace', path: 'meta.created', value: 'x' }, 'ERR_MUTABILITY'],
  ['schemas', { op: 'replace', path: 'schemas', value: [] }, 'ERR_MUTABILITY'],
  ['number for text', { op: 'replace', path: 'title', value: 7 }, 'ERR_INVALID_VALUE'],
  ['remove null', { op: 'remove', path: 'emails', value: null }, 'ERR_INVALID_VALUE'],
  [
    'undecidable element',
    { op: 'replace', path: 'emails[type ne "work" and value co "q"].value', value: 'x' },
    'ERR_NO_TARGET',
  ],
])('patch, %s, is refused by name', (_, operation, code) => {
  const before = ann()
  expect(() => apply([{ op: 'replace', path: 'title', value: 'Half' }, operation], before)).toThrow(
    expect.objectContaining({ code }),
  )
  expect(before).toEqual(ann())
})

test.each<[string, object, string]>([
  ['string boolean', { op: 'replace', path: 'active', value: 'False' }, 'ERR_INVALID_VALUE'],
  [
    'no such element',
    { op: 'replace', path: 'emails[type eq "other"].value', value: 'x' },
    'ERR_NO_TARGET',
  ],
  [
    'remove with value',
    { op: 'remove', path: 'emails', value: [{ value: 'ann@x.test' }] },
    'ERR_INVALID_VALUE',
  ],
  ['dotted key', { op: 'replace', value: { 'name.givenName': 'x' } }, 'ERR_INVALID_PATH'],
  ['no URN', { op: 'replace', path: 'department', value: 'x' }, 'ERR_INVALID_PATH'],
  ['echoed schemas', { op: 'replace', value: { schemas: [CORE] } }, 'ERR_MUTABILITY'],
])('patch, strict dialect and %s, is refused', (_, operation, code) => {
  expect(() => apply([operation], ann(), 'generic-strict')).toThrow(
    expect.objectContaining({ code }),
  )
})

const membersAfter = async (operations: object[], before = ['a', 'b', 'c']): Promise<string[]> => {
  let reads = 0
  const delta = await memberDelta(
    assignmentsOf(
      { schemas: [PATCH_URN], Operations: operations as Json[] },
      GROUP,
      'g',
      DIALECTS.entra,
    ),
    async () => {
      reads++
      return before.map((memberId) => ({
        sourceId: 's',
        groupId: 'g',
        memberId,
        type: 'User',
        display: `d-${memberId}`,
      }))
    },
    DIALECTS.entra,
  )
  if (!operations.some((one) => JSON.stringify(one).includes('display'))) expect(reads).toBe(0)
  const kept = delta?.base === 'clear' ? [] : before.filter((id) => !delta?.remove.includes(id))
  return [...new Set([...kept, ...(delta?.add ?? []).map((member) => member.value)])].sort()
}

test.each<[string, object[], string[]]>([
  ['filter remove', [{ op: 'remove', path: 'members[value eq "a"]' }], ['b', 'c']],
  [
    'filter remove of two',
    [{ op: 'remove', path: 'members[value eq "a" or value eq "c"]' }],
    ['b'],
  ],
  [
    'several removes',
    [
      { op: 'remove', path: 'members[value eq "a"]' },
      { op: 'remove', path: 'members[value eq "b"]' },
    ],
    ['c'],
  ],
  [
    'Entra remove',
    [{ op: 'Remove', path: 'members', value: [{ $ref: null, value: 'a' }] }],
    ['b', 'c'],
  ],
  [
    'Entra remove many',
    [{ op: 'Remove', path: 'members', value: [{ value: 'a' }, { value: 'c' }] }],
    ['b'],
  ],
  [
    'remove with stale display',
    [{ op: 'remove', path: 'members', value: [{ value: 'a', type: 'User' }] }],
    ['b', 'c'],
  ],
  ['remove strings', [{ op: 'remove', path: 'members', value: ['a', 'b'] }], ['c']],
  ['remove object', [{ op: 'remove', path: 'members', value: { value: 'a' } }], ['b', 'c']],
  ['remove empty list', [{ op: 'Remove', path: 'members', value: [] }], ['a', 'b', 'c']],
  ['bare remove', [{ op: 'remove', path: 'members' }], []],
  [
    'replace',
    [{ op: 'replace', path: 'members', value: [{ value: 'b' }, { value: 'd' }] }],
    ['b', 'd'],
  ],
  ['replace empty', [{ op: 'replace', path: 'members', value: [] }], []],
  ['path-less replace', [{ op: 'replace', value: { members: [{ value: 'd' }] } }], ['d']],
  ['path-less add', [{ op: 'add', value: { members: [{ value: 'd' }] } }], ['a', 'b', 'c', 'd']],
  ['rename only', [{ op: 'replace', value: { displayName: 'x' } }], ['a', 'b', 'c']],
  [
    'remove then add',
    [
      { op: 'remove', path: 'members[value eq "a"]' },
      { op: 'add', path: 'members', value: [{ value: 'a' }] },
    ],
    ['a', 'b', 'c'],
  ],
  [
    'add then remove',
    [
      { op: 'add', path: 'members', value: [{ value: 'd' }] },
      { op: 'remove', path: 'members[value eq "d"]' },
    ],
    ['a', 'b', 'c'],
  ],
  [
    'clear then add',
    [
      { op: 'remove', path: 'members' },
      { op: 'add', path: 'members', value: [{ value: 'd' }] },
    ],
    ['d'],
  ],
  ['by display', [{ op: 'remove', path: 'members[display eq "D-B"]' }], ['a', 'c']],
  ['no such member', [{ op: 'remove', path: 'members[value eq "z"]' }], ['a', 'b', 'c']],
  ['case of an id', [{ op: 'remove', path: 'members[value eq "A"]' }], ['a', 'b', 'c']],
])('members, %s, leaves who should be left', async (_, operations, wanted) => {
  expect(await membersAfter(operations)).toEqual(wanted)
})

test.each<[string, object, string]>([
  ['null', { op: 'remove', path: 'members', value: null }, 'ERR_INVALID_VALUE'],
  [
    'element without id',
    { op: 'remove', path: 'members', value: [{ display: 'x' }] },
    'ERR_INVALID_VALUE',
  ],
  [
    'sub-attribute',
    { op: 'replace', path: 'members[value eq "a"].display', value: 'x' },
    'ERR_MUTABILITY',
  ],
])('members, remove with %s, is refused', async (_, operation, code) => {
  await expect(membersAfter([operation])).rejects.toMatchObject({ code })
})

const anyJson = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>
const anyOperation = fc.record(
  {
    op: fc.constantFrom<Json>('add', 'Replace', 'remove', 'x', null),
    path: fc.oneof(
      fc.constantFrom<Json>(
        'active',
        'emails',
        'emails[type eq "work"]',
        'emails[type eq "work"].value',
        'name',
        EXT,
        `${EXT}:manager`,
        'roles[primary eq true].value',
        'photos',
        'addresses[country eq "NO"]',
        '__proto__',
        'constructor.prototype',
      ),
      anyJson,
    ),
    value: anyJson,
  },
  { requiredKeys: [] },
)

/** Whether it is, or has in it, null or an empty list or object: RFC 7643 §2.5 knows them only as unassigned. */
function holdsNothing(value: Json | undefined): boolean {
  if (value === null) return true
  if (typeof value !== 'object') return false
  const inside = Object.values(value)
  return inside.length === 0 || inside.some(holdsNothing)
}

test('patch, any operations, end in a resource or a HubError and leave their input and prototypes alone', () => {
  fc.assert(
    fc.property(fc.array(anyOperation, { maxLength: 6 }), (operations) => {
      const before = ann()
      try {
        const after = apply(operations, before)
        expect(typeof after['active']).toBe('boolean')
        expect(JSON.parse(JSON.stringify(after))).toEqual(after)
        expect(holdsNothing(after)).toBe(false)
      } catch (error) {
        if (!(error instanceof HubError)) throw error
      }
      expect(before).toEqual(ann())
      expect(Object.keys(Object.prototype)).toEqual([])
    }),
    { numRuns: 3_000 },
  )
})
