// Forms of PATCH, PUT and POST of a user that identity providers send, and some that they ought not to.
import { ENTERPRISE, PATCH, USER, type UserForm } from './scim-forms.ts'

const replace = (path: string, value: unknown) => ({ op: 'replace', path, value })
const Replace = (path: string, value: unknown) => ({ op: 'Replace', path, value })
const Add = (path: string, value: unknown) => ({ op: 'Add', path, value })
const add = (path: string, value: unknown) => ({ op: 'add', path, value })
const remove = (path: string, value?: unknown) => ({ op: 'remove', path, value })
const bare = (value: unknown, op = 'replace') => ({ op, value })

const leaver = (name: string, ops: unknown[]): UserForm => ({
  name: `leaver: ${name}`,
  ops,
  gives: '200',
  after: { active: false },
})
const refusedLeaver = (name: string, ops: unknown[], gives = '400 invalidValue'): UserForm => ({
  name: `no leaver: ${name}`,
  ops,
  gives,
  after: { active: true },
})

/** Every way to say that somebody is gone. */
export const LEAVERS: readonly UserForm[] = [
  leaver('okta, without a path', [bare({ active: false })]),
  leaver('okta, without a path, op in capitals', [bare({ active: false }, 'REPLACE')]),
  leaver('entra, string', [Replace('active', 'False')]),
  leaver('entra, string in small letters', [Replace('active', 'false')]),
  leaver('entra, boolean', [replace('active', false)]),
  leaver('entra, added', [Add('active', 'False')]),
  leaver('entra, in capitals', [Replace('active', 'FALSE')]),
  leaver('name in another case', [replace('Active', false)]),
  leaver('blanks around the path', [replace(' active ', false)]),
  leaver('path with the URN', [replace(`${USER}:active`, false)]),
  leaver('path with the URN in capitals', [replace(`${USER.toUpperCase()}:ACTIVE`, false)]),
  leaver('list of one', [replace('active', [false])]),
  leaver('list of one object', [replace('active', [{ value: 'False' }])]),
  leaver('object', [replace('active', { value: false })]),
  leaver('without a path, string', [bare({ active: 'False' })]),
  leaver('without a path, other case', [bare({ ACTIVE: 'false' })]),
  leaver('without a path, added', [bare({ active: false }, 'add')]),
  leaver('without a path, URN key', [bare({ [`${USER}:active`]: false })]),
  leaver('without a path, below the URN', [bare({ [USER]: { active: false } })]),
  leaver('the URN as the path', [replace(USER, { active: false })]),
  leaver('empty path', [{ op: 'replace', path: '', value: { active: false } }]),
  leaver('path null', [{ op: 'replace', path: null, value: { active: false } }]),
  leaver('without a path, list of one object', [bare([{ active: false }])]),
  leaver('twice', [replace('active', false), replace('active', false)]),
  leaver('on and off', [replace('active', true), replace('active', false)]),
  leaver('beside a null', [bare({ active: false, title: null })]),
  leaver('beside an unknown attribute', [bare({ active: false, shoeSize: 43 })]),
  leaver('beside an unknown path', [replace('active', false), replace('shoeSize', 43)]),
  leaver('beside a read-only path', [replace('meta.created', 'x'), Replace('active', 'False')]),
  leaver('beside an invalid value', [replace('emails', 5), Replace('active', 'False')]),
  leaver('beside an empty userName', [replace('userName', ''), Replace('active', 'False')]),
  leaver('beside a removed userName', [remove('userName'), Replace('active', 'False')]),
  leaver('with a whole resource', [
    bare({
      schemas: [USER],
      id: '{id}',
      userName: 'jane.{n}@example.com',
      active: false,
      groups: [],
      meta: { resourceType: 'User' },
    }),
  ]),
  {
    name: 'leaver: message in other case',
    patch: { Schemas: [PATCH], operations: [{ OP: 'Replace', Path: 'active', Value: 'False' }] },
    gives: '200',
    after: { active: false },
  },
  {
    name: 'leaver: message with more keys',
    patch: {
      id: '{id}',
      externalId: 'x',
      schemas: [PATCH],
      Operations: [{ ...bare({ active: false }), name: 'disable' }],
    },
    gives: '200',
    after: { active: false },
  },
  refusedLeaver('removed', [remove('active')]),
  refusedLeaver('null', [replace('active', null)]),
  refusedLeaver('empty', [replace('active', '')]),
  refusedLeaver('zero', [replace('active', 0)]),
  refusedLeaver('no', [replace('active', 'no')]),
  refusedLeaver('object of another name', [replace('active', { active: false })]),
  refusedLeaver('list of two', [replace('active', [false, false])]),
  refusedLeaver('enterprise URN', [replace(`${ENTERPRISE}:active`, false)], '400 invalidPath'),
  refusedLeaver(
    'SCIM 1.1 URN',
    [replace('urn:scim:schemas:core:1.0:active', false)],
    '400 invalidPath',
  ),
  refusedLeaver('misspelled', [replace('actve', false)], '400 invalidPath'),
  refusedLeaver('unknown op', [{ op: 'set', path: 'active', value: false }], '400 invalidSyntax'),
  refusedLeaver('no op', [{ path: 'active', value: false }], '400 invalidSyntax'),
  refusedLeaver('no value', [{ op: 'replace', path: 'active' }]),
  refusedLeaver('path is a number', [{ op: 'replace', path: 1, value: false }], '400 invalidPath'),
  refusedLeaver('value as JSON text', [bare('{"active":false}')]),
  refusedLeaver('operation is a text', ['disable'], '400 invalidSyntax'),
  refusedLeaver('no operations', [], '400 invalidSyntax'),
  refusedLeaver(
    'remove without a path',
    [{ op: 'remove', value: { active: true } }],
    '400 noTarget',
  ),
  {
    name: 'no leaver: partial resource',
    patch: { schemas: [USER], active: false },
    gives: '400 invalidSyntax',
    after: { active: true },
  },
  {
    name: 'no leaver: no schemas',
    patch: { Operations: [replace('active', false)] },
    gives: '400 invalidSyntax',
    after: { active: true },
  },
  {
    name: 'no leaver: operations is an object',
    patch: { schemas: [PATCH], Operations: replace('active', false) },
    gives: '400 invalidSyntax',
    after: { active: true },
  },
]

const put = (
  name: string,
  body: object,
  gives: string,
  after: object,
  without: string[] = [],
): UserForm => ({
  name: `put: ${name}`,
  put: { schemas: [USER], userName: 'jane.{n}@example.com', ...body },
  gives,
  after,
  without,
})
const post = (
  name: string,
  body: object,
  gives: string,
  after: object = {},
  without: string[] = [],
): UserForm => ({
  name: `post: ${name}`,
  post: { schemas: [USER, ENTERPRISE], userName: 'post.{n}@example.com', ...body },
  gives,
  after,
  without,
})

export const WHOLE: readonly UserForm[] = [
  put('inactive', { active: false }, '200', { active: false }),
  put('inactive in a string', { active: 'false' }, '200', { active: false }),
  put('inactive in other case', { Active: 'False' }, '200', { active: false }),
  put('inactive with the URN', { [`${USER}:active`]: false }, '200', { active: false }),
  put('inactive below the URN', { [USER]: { active: false } }, '200', { active: false }),
  put('active null', { active: null }, '200', { active: true }),
  { ...put('without active on a leaver', {}, '200', { active: false }), before: { active: false } },
  put('active empty', { active: '' }, '400 invalidValue', { active: true }),
  put('active 0', { active: 0 }, '400 invalidValue', { active: true }),
  put('no id, fewer attributes', {}, '200', { active: true }, [
    'name',
    'emails',
    ENTERPRISE,
    'displayName',
  ]),
  put('another id', { id: 'somebody-else', displayName: 'J' }, '200', { displayName: 'J' }),
  put(
    'read-only attributes',
    { meta: { version: 'x', created: '1999-01-01T00:00:00Z' }, groups: [{ value: 'g' }] },
    '200',
    {},
    ['groups'],
  ),
  put('nulls', { title: null, emails: null, addresses: null, [ENTERPRISE]: null }, '200', {}, [
    'title',
    'emails',
    'addresses',
    ENTERPRISE,
  ]),
  put(
    'empty texts',
    {
      title: '',
      nickName: '',
      externalId: '',
      emails: [],
      phoneNumbers: [{ value: '', type: 'work' }],
    },
    '200',
    {},
    ['title', 'nickName', 'externalId', 'emails'],
  ),
  put('empty objects', { name: {}, [ENTERPRISE]: {} }, '200', {}, ['name', ENTERPRISE]),
  put('empty name', { name: '' }, '200', {}, ['name']),
  put('empty addresses', { addresses: '', roles: '', photos: [''] }, '200', {}, [
    'addresses',
    'roles',
    'photos',
  ]),
  put('empty primary', { emails: [{ value: 'j@example.com', primary: '' }] }, '200', {
    emails: [{ value: 'j@example.com' }],
  }),
  put('own name in capitals', { userName: 'JANE.{n}@EXAMPLE.COM' }, '200', {
    userName: /JANE/ as never,
  }),
  put('no userName', { userName: undefined }, '400 invalidValue', { displayName: 'Jane Doe' }),
  put('blank userName', { userName: '  ' }, '400 invalidValue', { displayName: 'Jane Doe' }),
  put('password', { password: 'secret' }, '200', {}, ['password']),
  put(
    'foreign schema',
    {
      schemas: [USER, 'urn:okta:onprem_app:1.0:user:custom'],
      'urn:okta:onprem_app:1.0:user:custom': { isAdmin: false },
    },
    '200',
    {},
    ['urn:okta:onprem_app:1.0:user:custom'],
  ),
  put('no schemas', { schemas: undefined, displayName: 'J' }, '200', { displayName: 'J' }),
  put(
    'schema of a group',
    { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'] },
    '400 invalidSyntax',
    { displayName: 'Jane Doe' },
  ),
  put('schemas as a text', { schemas: USER, displayName: 'J' }, '200', { displayName: 'J' }),
  put('enterprise in other case', { [ENTERPRISE.toLowerCase()]: { Department: 'IT' } }, '200', {
    [ENTERPRISE]: { department: 'IT' },
  }),
  put(
    'enterprise by flat keys',
    { [`${ENTERPRISE}:department`]: 'IT', 'name.givenName': 'J' },
    '200',
    { [ENTERPRISE]: { department: 'IT' }, name: { givenName: 'J' } },
  ),
  put(
    'one primary too many',
    {
      emails: [
        { value: 'a@x.test', primary: true },
        { value: 'b@x.test', primary: true },
      ],
    },
    '200',
    {
      emails: [
        { value: 'a@x.test', primary: true },
        { value: 'b@x.test', primary: false },
      ],
    },
  ),
  put(
    'the same value twice',
    {
      emails: [
        { value: 'a@x.test', type: 'work' },
        { value: 'A@x.test', type: 'work' },
      ],
    },
    '200',
    { emails: [{ value: 'a@x.test' }] },
  ),
  put('a list where an object belongs', { name: [{ givenName: 'J' }] }, '200', {
    name: { givenName: 'J' },
  }),
  put('an object where a list belongs', { emails: { value: 'a@x.test', type: 'work' } }, '200', {
    emails: [{ value: 'a@x.test' }],
  }),
  put('texts where objects belong', { emails: ['a@x.test'], roles: 'admin' }, '200', {
    emails: [{ value: 'a@x.test' }],
    roles: [{ value: 'admin' }],
  }),
  put('a text as a name', { name: 'Jane' }, '400 invalidValue', { name: { givenName: 'Jane' } }),
  put('manager by id', { [ENTERPRISE]: { manager: 'm1' } }, '200', {
    [ENTERPRISE]: { manager: { value: 'm1' } },
  }),
  put('manager in a list', { [ENTERPRISE]: { manager: [{ value: 'm1' }] } }, '200', {
    [ENTERPRISE]: { manager: { value: 'm1' } },
  }),
  put(
    'manager with a name',
    { [ENTERPRISE]: { manager: { value: 'm1', displayName: 'Boss' } } },
    '200',
    { [ENTERPRISE]: { manager: { value: 'm1' } } },
  ),
  put('manager empty', { [ENTERPRISE]: { manager: { value: '' }, department: 'IT' } }, '200', {
    [ENTERPRISE]: { department: 'IT' },
  }),
  put('manager null', { [ENTERPRISE]: { manager: null, department: '' } }, '200', {}, [ENTERPRISE]),
  put('manager, an empty list', { [ENTERPRISE]: { manager: [] } }, '200', {}, [ENTERPRISE]),
  put('the same attribute twice', { displayName: 'a', DisplayName: 'b' }, '400 invalidSyntax', {
    displayName: 'Jane Doe',
  }),
  post(
    'okta',
    {
      name: { givenName: 'J', familyName: 'D' },
      emails: [{ primary: true, value: 'j@x.test', type: 'work' }],
      locale: 'en-US',
      groups: [],
      password: 'x',
      active: true,
    },
    '201',
    { active: true },
    ['password', 'groups'],
  ),
  post(
    'entra, with nulls',
    {
      addresses: null,
      phoneNumbers: null,
      title: null,
      roles: [],
      [ENTERPRISE]: { department: null, manager: null },
    },
    '201',
    {},
    ['addresses', 'roles', ENTERPRISE],
  ),
  post('inactive', { active: 'False' }, '201', { active: false }),
  post('inactive in other case', { ACTIVE: false }, '201', { active: false }),
  post('inactive below the URN', { [USER]: { active: false } }, '201', { active: false }),
  post('with an id', { id: 'mine' }, '201'),
  post(
    'SCIM 1.1',
    {
      schemas: ['urn:scim:schemas:core:1.0', 'urn:scim:schemas:extension:enterprise:1.0'],
      active: 'true',
      id: null,
    },
    '201',
    { active: true },
  ),
  post('ping: a lone object of addresses', { addresses: { type: 'work', country: 'DE' } }, '201', {
    addresses: [{ country: 'DE' }],
  }),
  post(
    'roles in texts',
    { roles: ['a', 'b'], entitlements: [{ value: 'e1', type: 'license', primary: 'True' }] },
    '201',
    { roles: [{ value: 'a' }, { value: 'b' }], entitlements: [{ primary: true }] },
  ),
  post('certificates', { x509Certificates: [{ value: 'TUlJ' }] }, '201', {
    x509Certificates: [{ value: 'TUlJ' }],
  }),
  post(
    'unicode',
    { userName: '\u{1F600}jos\u00e9.{n}@ex\u00e4mple.com', displayName: '李 \u0000 \u202e' },
    '201',
    { displayName: '李 \u0000 \u202e' },
  ),
  post('quotes and backslashes', { userName: 'a"b\\c\'{n}' }, '201'),
  post('a very long name', { userName: `${'x'.repeat(3000)}{n}` }, '201'),
  post('no userName', { userName: null }, '400 invalidValue'),
  post('userName in a list', { userName: ['a', 'b'] }, '400 invalidValue'),
  post('active unreadable', { active: 'enabled' }, '400 invalidValue'),
  post(
    'keycloak: nothing but labels',
    {
      id: null,
      meta: null,
      groups: null,
      name: { familyName: null, givenName: null, formatted: '' },
      emails: [{ value: '', type: null, primary: true }],
      phoneNumbers: [{ value: null, type: 'work' }, { type: 'mobile' }],
      addresses: [{}],
      ims: [null],
    },
    '201',
    { phoneNumbers: [{ type: 'mobile' }] },
    ['name', 'emails', 'addresses', 'ims'],
  ),
]

const patch = (
  name: string,
  ops: unknown[],
  gives: string,
  after: object = {},
  without: string[] = [],
): UserForm => ({ name: `patch: ${name}`, ops, gives, after, without })
const MAIL = 'emails[type eq "work"].value'
const MANAGER = `${ENTERPRISE}:manager`

export const PROFILES: readonly UserForm[] = [
  patch('entra, mail', [Replace(MAIL, 'new@x.test')], '200', {
    emails: [{ value: 'new@x.test', type: 'work', primary: true }],
  }),
  patch(
    'mail, filter in other case',
    [Replace('Emails[Type EQ "WORK"].Value', 'new@x.test')],
    '200',
    { emails: [{ value: 'new@x.test', type: 'work' }] },
  ),
  patch(
    'mail, filter without quotes',
    [Replace('emails[type eq work].value', 'new@x.test')],
    '200',
    { emails: [{ value: 'new@x.test', type: 'work' }] },
  ),
  patch(
    'mail, filter in single quotes',
    [Replace("emails[type eq 'work'].value", 'new@x.test')],
    '200',
    { emails: [{ value: 'new@x.test', type: 'work' }] },
  ),
  patch('mail of the primary', [Replace('emails[primary eq true].value', 'new@x.test')], '200', {
    emails: [{ value: 'new@x.test' }],
  }),
  patch(
    'mail of the primary, text',
    [Replace('emails[primary eq "True"].value', 'new@x.test')],
    '200',
    { emails: [{ value: 'new@x.test' }] },
  ),
  patch('mail, URN before it', [Replace(`${USER}:${MAIL}`, 'new@x.test')], '200', {
    emails: [{ value: 'new@x.test' }],
  }),
  patch(
    'mail of a kind that is not there',
    [Add('emails[type eq "other"].value', 'o@x.test')],
    '200',
    { emails: [{ type: 'work' }, { type: 'other', value: 'o@x.test' }] },
  ),
  patch('mail of a kind that is not there, removed', [remove('emails[type eq "home"]')], '200', {
    emails: [{ type: 'work' }],
  }),
  patch('mail, removed by kind', [remove('emails[type eq "work"]')], '200', {}, ['emails']),
  patch('mail value, removed by kind', [remove(MAIL)], '200', {}, ['emails']),
  patch('mail, removed by a list', [remove('emails', [{ value: 'JANE@example.com' }])], '200', {}, [
    'emails',
  ]),
  patch('mail, removed by a text', [remove('emails', 'jane@example.com')], '200', {}, ['emails']),
  patch('mails, removed', [remove('emails')], '200', {}, ['emails']),
  patch('mails, null', [replace('emails', null)], '200', {}, ['emails']),
  patch('mails, an empty list', [replace('emails', [])], '200', {}, ['emails']),
  patch('mails, an empty text', [replace('emails', '')], '200', {}, ['emails']),
  patch('mail value, an empty text', [Replace(MAIL, '')], '200', {}, ['emails']),
  patch('mail value, null', [Replace(MAIL, null)], '200', {}, ['emails']),
  patch('mail value, by its dotted name', [Replace('emails.value', 'new@x.test')], '200', {
    emails: [{ value: 'new@x.test' }],
  }),
  patch('mail by an object', [replace('emails[type eq "work"]', { value: 'new@x.test' })], '200', {
    emails: [{ value: 'new@x.test', type: 'work' }],
  }),
  patch(
    'mail by a list of one',
    [replace('emails[type eq "work"]', [{ value: 'new@x.test' }])],
    '200',
    { emails: [{ value: 'new@x.test', type: 'work' }] },
  ),
  patch(
    'mails added, primary',
    [add('emails', [{ value: 'p@x.test', type: 'home', primary: true }])],
    '200',
    { emails: [{ primary: false }, { primary: true }] },
  ),
  patch('mail added as an object', [add('emails', { value: 'p@x.test' })], '200', {
    emails: [{}, { value: 'p@x.test' }],
  }),
  patch('mail added as a text', [add('emails', 'p@x.test')], '200', {
    emails: [{}, { value: 'p@x.test' }],
  }),
  patch('mail added again', [add('emails', [{ value: 'jane@example.com', type: 'work' }])], '200', {
    emails: [{ value: 'jane@example.com', primary: true }],
  }),
  patch(
    'mail made primary by a text',
    [
      Add('emails[type eq "home"].value', 'h@x.test'),
      Replace('emails[type eq "home"].primary', 'True'),
    ],
    '200',
    { emails: [{ primary: false }, { type: 'home', primary: true }] },
  ),
  patch('mail, index path', [replace('emails[0].value', 'x')], '400 invalidPath'),
  patch('mail, open bracket', [replace('emails[type eq "work"', 'x')], '400 invalidPath'),
  patch('mail, empty brackets', [replace('emails[].value', 'x')], '400 invalidPath'),
  patch(
    'mail, unknown sub-attribute',
    [replace('emails[type eq "work"].colour', 'x')],
    '400 invalidPath',
  ),
  patch(
    'mail, unknown name in the filter',
    [replace('emails[colour eq "x"].value', 'x')],
    '400 invalidPath',
  ),
  patch(
    'mail, filter that describes nothing',
    [replace('emails[type ne "work"].value', 'x')],
    '400 noTarget',
  ),
  patch(
    'address built',
    [
      Add('addresses[type eq "work"].streetAddress', 's'),
      Add('addresses[type eq "work"].country', 'DE'),
      Add('addresses[type eq "work"].formatted', 'f'),
    ],
    '200',
    { addresses: [{ type: 'work', streetAddress: 's', country: 'DE', formatted: 'f' }] },
  ),
  patch('addresses by a list', [replace('addresses', [{ type: 'work', locality: 'X' }])], '200', {
    addresses: [{ locality: 'X' }],
  }),
  patch(
    'address by kind, primary',
    [Add('addresses[type eq "work" and primary eq true].region', 'r')],
    '200',
    { addresses: [{ type: 'work', primary: true, region: 'r' }] },
  ),
  patch(
    'phones of three kinds',
    ['work', 'mobile', 'fax'].map((kind) => Add(`phoneNumbers[type eq "${kind}"].value`, kind)),
    '200',
    { phoneNumbers: [{ value: 'work' }, { value: 'mobile' }, { value: 'fax' }] },
  ),
  patch(
    'phone emptied that is not there',
    [Replace('phoneNumbers[type eq "mobile"].value', '')],
    '200',
    {},
    ['phoneNumbers'],
  ),
  patch(
    'role by primary',
    [
      Add('roles[primary eq "True"].display', 'Admin'),
      Add('roles[primary eq "True"].value', 'admin'),
      Add('roles[primary eq "True"].type', 'W'),
    ],
    '200',
    { roles: [{ primary: true, display: 'Admin', value: 'admin', type: 'W' }] },
  ),
  patch('roles as JSON texts', [Add('roles', [{ value: '{"id":"1","value":"Admin"}' }])], '200', {
    roles: [{ value: '{"id":"1","value":"Admin"}' }],
  }),
  patch('roles, empty', [replace('roles', [])], '200', {}, ['roles']),
  patch('entitlements', [add('entitlements', [{ value: 'e', type: 't' }])], '200', {
    entitlements: [{ value: 'e', type: 't' }],
  }),
  patch('manager by id', [Replace(MANAGER, 'm1')], '200', {
    [ENTERPRISE]: { manager: { value: 'm1' } },
  }),
  patch('manager by an object', [Add(MANAGER, { value: 'm1' })], '200', {
    [ENTERPRISE]: { manager: { value: 'm1' } },
  }),
  patch('manager by a list', [Add(MANAGER, [{ $ref: 'x', value: 'm1' }])], '200', {
    [ENTERPRISE]: { manager: { value: 'm1' } },
  }),
  patch('manager without the URN', [Add('manager', [{ $ref: null, value: 'm1' }])], '200', {
    [ENTERPRISE]: { manager: { value: 'm1' } },
  }),
  patch('manager.value', [Replace(`${MANAGER}.value`, 'm1')], '200', {
    [ENTERPRISE]: { manager: { value: 'm1' } },
  }),
  patch('manager null', [Replace(MANAGER, null)], '200', { [ENTERPRISE]: { department: 'Sales' } }),
  patch('manager empty', [Replace(MANAGER, '')], '200', { [ENTERPRISE]: { department: 'Sales' } }),
  patch('manager an empty value', [Replace(MANAGER, { value: '' })], '200', {
    [ENTERPRISE]: { department: 'Sales' },
  }),
  patch('manager a null value', [Replace(MANAGER, { value: null, $ref: null })], '200', {
    [ENTERPRISE]: { department: 'Sales' },
  }),
  patch('manager an empty list', [Replace(MANAGER, [])], '200', {
    [ENTERPRISE]: { department: 'Sales' },
  }),
  patch('manager an empty object', [Replace(MANAGER, {})], '200', {
    [ENTERPRISE]: { department: 'Sales' },
  }),
  patch('manager removed', [remove(MANAGER)], '200', { [ENTERPRISE]: { department: 'Sales' } }),
  patch('manager removed with a value', [remove(MANAGER, 'boss')], '200', {
    [ENTERPRISE]: { department: 'Sales' },
  }),
  patch('manager.displayName', [Replace(`${MANAGER}.displayName`, 'B')], '400 mutability'),
  patch('enterprise as a whole', [replace(ENTERPRISE, { department: 'IT' })], '200', {
    [ENTERPRISE]: { department: 'IT' },
  }),
  patch('enterprise removed', [remove(ENTERPRISE)], '200', {}, [ENTERPRISE]),
  patch('enterprise null', [bare({ [ENTERPRISE]: null })], '200', {}, [ENTERPRISE]),
  patch(
    'enterprise without a path',
    [bare({ [ENTERPRISE]: { manager: { value: 'm1' }, costCenter: 'c' } })],
    '200',
    { [ENTERPRISE]: { manager: { value: 'm1' }, costCenter: 'c', department: 'Sales' } },
  ),
  patch(
    'enterprise by flat keys',
    [bare({ [`${ENTERPRISE}:department`]: 'IT', [`${ENTERPRISE}:manager`]: 'm1' })],
    '200',
    { [ENTERPRISE]: { department: 'IT', manager: { value: 'm1' } } },
  ),
  patch(
    'enterprise in other case',
    [replace(`${ENTERPRISE.toUpperCase()}:DEPARTMENT`, 'IT')],
    '200',
    { [ENTERPRISE]: { department: 'IT' } },
  ),
  patch('department without the URN', [replace('department', 'IT')], '200', {
    [ENTERPRISE]: { department: 'IT' },
  }),
  patch('department in a list', [replace(`${ENTERPRISE}:department`, ['IT'])], '200', {
    [ENTERPRISE]: { department: 'IT' },
  }),
  patch('department as an object', [replace(`${ENTERPRISE}:department`, { value: 'IT' })], '200', {
    [ENTERPRISE]: { department: 'IT' },
  }),
  patch('unknown in the extension', [replace(`${ENTERPRISE}:shoe`, '1')], '400 invalidPath'),
  patch('unknown URN', [replace('urn:custom:2.0:User:shoe', '1')], '400 invalidPath'),
  patch(
    'name, dotted',
    [Replace('name.givenName', 'J'), Add('name.honorificPrefix', 'Dr')],
    '200',
    { name: { givenName: 'J', familyName: 'Doe', honorificPrefix: 'Dr' } },
  ),
  patch('name, dotted keys', [bare({ 'name.givenName': 'J', 'Name.FamilyName': 'D' })], '200', {
    name: { givenName: 'J', familyName: 'D' },
  }),
  patch('name, merged', [replace('name', { givenName: 'J' })], '200', {
    name: { givenName: 'J', familyName: 'Doe' },
  }),
  patch('name, one part null', [replace('name', { givenName: null })], '200', {
    name: { familyName: 'Doe' },
  }),
  patch('name, removed', [remove('name')], '200', {}, ['name']),
  patch('name part, removed', [remove('name.givenName')], '200', { name: { familyName: 'Doe' } }),
  patch('name, emptied', [replace('name', '')], '200', {}, ['name']),
  patch('name, a text', [replace('name', 'Jane')], '400 invalidValue'),
  patch('name, too deep', [replace('name.givenName.first', 'x')], '400 invalidPath'),
  patch('attribute emptied', [Replace('displayName', '')], '200', {}, ['displayName']),
  patch('attribute nulled', [replace('displayName', null)], '200', {}, ['displayName']),
  patch('attribute with an object', [replace('displayName', { value: 'X' })], '200', {
    displayName: 'X',
  }),
  patch('attribute, add of null', [add('displayName', null)], '200', { displayName: 'Jane Doe' }),
  patch(
    'removed, added, replaced',
    [remove('displayName'), add('displayName', 'a'), replace('displayName', 'b')],
    '200',
    { displayName: 'b' },
  ),
  patch('removed, not there', [remove('title')], '200', {}, ['title']),
  patch('userName removed', [remove('userName')], '400 mutability'),
  patch(
    'userName removed and added',
    [remove('userName'), add('userName', 'again.{n}@x.test')],
    '200',
    { userName: /again/ as never },
  ),
  patch('userName emptied', [replace('userName', '')], '400 invalidValue'),
  patch('userName null', [replace('userName', null)], '400 invalidValue'),
  patch('userName in other case', [replace('userName', 'JANE.{n}@EXAMPLE.COM')], '200', {
    userName: /JANE/ as never,
  }),
  patch('externalId', [replace('externalId', 'E{n}')], '200', { externalId: /E/ as never }),
  patch('externalId removed', [remove('externalId')], '200', {}, ['externalId']),
  patch('id', [replace('id', 'x')], '400 mutability'),
  patch('id in a value', [bare({ id: 'x', displayName: 'y' })], '400 mutability', {
    displayName: 'Jane Doe',
  }),
  patch('meta', [replace('meta.created', '2011-05-13T04:42:34Z')], '400 mutability'),
  patch('groups', [replace('groups', [])], '400 mutability'),
  patch('schemas', [replace('schemas', [USER])], '400 mutability'),
  patch('password', [replace('password', 'x')], '200', {}, ['password']),
  patch('password without a path', [bare({ password: 'x' })], '200', {}, ['password']),
  patch('password removed', [remove('password')], '200', {}, ['password']),
  patch('all or nothing', [replace('displayName', 'X'), replace('shoe', 1)], '400 invalidPath', {
    displayName: 'Jane Doe',
  }),
  patch('without a path, unknown', [bare({ displayName: 'X', shoe: 1 })], '400 invalidPath', {
    displayName: 'Jane Doe',
  }),
  patch('without a path, value path as a key', [bare({ [MAIL]: 'new@x.test' })], '200', {
    emails: [{ value: 'new@x.test' }],
  }),
  patch('without a path, empty', [bare({})], '200', { displayName: 'Jane Doe' }),
  patch('without a path, null', [bare(null)], '400 invalidValue'),
  patch(
    'without a path, list of two',
    [bare([{ displayName: 'a' }, { title: 'b' }])],
    '400 invalidValue',
  ),
  patch(
    'add without a path',
    [bare({ emails: [{ value: 'b@x.test' }], title: 'T' }, 'add')],
    '200',
    { emails: [{}, { value: 'b@x.test' }], title: 'T' },
  ),
  patch('path with a blank inside', [replace('display name', 'x')], '400 invalidPath'),
  patch('path of a dot', [replace('.', 'x')], '400 invalidPath'),
  patch('path ends with a dot', [replace('name.', 'x')], '400 invalidPath'),
  patch('path ends with a colon', [replace(`${ENTERPRISE}:`, 'x')], '400 invalidPath'),
  patch(
    'path of a whole filter',
    [replace('emails[type eq "work" and value co "jane"].display', 'J')],
    '200',
    { emails: [{ display: 'J' }] },
  ),
  patch(
    'path with or',
    [replace('emails[type eq "home" or primary eq true].display', 'J')],
    '200',
    { emails: [{ display: 'J' }] },
  ),
  patch('path with not', [replace('emails[not (type eq "home")].display', 'J')], '200', {
    emails: [{ display: 'J' }],
  }),
  patch('path with pr', [replace('emails[value pr].display', 'J')], '200', {
    emails: [{ display: 'J' }],
  }),
  patch('certificates', [add('x509Certificates', [{ value: 'TUlJ' }])], '200', {
    x509Certificates: [{ value: 'TUlJ' }],
  }),
  patch('photo', [Add('photos[type eq "photo"].value', 'https://x.test/p.png')], '200', {
    photos: [{ type: 'photo' }],
  }),
  patch('value with a quote', [replace('displayName', 'O"Brien \\ \u0001')], '200', {
    displayName: 'O"Brien \\ \u0001',
  }),
]
