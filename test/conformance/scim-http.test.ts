import { request } from 'node:http'
import { afterAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type Client, createClient, scimServer } from './scim-server.ts'

const database = await freshDatabase()
// The budget is tested elsewhere; here a busy machine must not decide.
const server = await scimServer(database.connection, { budgetMs: 60_000 })
afterAll(async () => {
  await server.close()
  await database.dispose()
})

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error'
const EXT = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const SEARCH = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] }
let made = 0
const fresh = (dialect?: Parameters<typeof server.source>[1]): Promise<Client> =>
  server.source(`source-${++made}`, dialect)
const body = (userName: string, more: object = {}) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName,
  ...more,
})

function expectError(
  answer: {
    status: number
    headers: Headers
    json: { status?: string; scimType?: string; schemas?: string[]; detail?: string }
  },
  status: number,
  scimType?: string,
): void {
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toContain('application/scim+json')
  expect(answer.json).toMatchObject({ schemas: [ERROR], status: String(status) })
  expect(answer.json.scimType).toBe(scimType)
  expect(answer.json.detail).toBeTruthy()
}

test('create, of a user, answers 201 with Location and ETag that agree with meta', async () => {
  const client = await fresh()
  const answer = await client.send(
    'POST',
    '/Users',
    body('ann', { password: 'S3cret', id: 'mine', groups: [{ value: 'x' }] }),
  )
  expect(answer.status).toBe(201)
  expect(answer.headers.get('location')).toBe(answer.json.meta.location)
  expect(answer.headers.get('etag')).toBe(answer.json.meta.version)
  expect(answer.json.meta.location).toBe(`${client.base}/Users/${answer.json.id}`)
  expect(answer.json.id).not.toBe('mine')
  expect(answer.text).not.toContain('S3cret')
  expect(answer.json.groups).toBeUndefined()
  const rows = database.connection.getClient().db(database.dbName)
  for (const name of ['users', 'groups', 'memberships', 'offboardings', 'intake']) {
    expect(JSON.stringify(await rows.collection(name).find().toArray())).not.toContain('S3cret')
  }
})

test.each([
  ['malformed JSON', '{ "a": ', 400, 'invalidSyntax'],
  ['a list', '[]', 400, 'invalidSyntax'],
  ['a string', '"x"', 400, 'invalidSyntax'],
  ['null', 'null', 400, 'invalidSyntax'],
  ['nothing', '', 400, 'invalidSyntax'],
  [
    'a deep body',
    `{"userName":"x","a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
    400,
    'invalidSyntax',
  ],
  ['__proto__', '{"userName":"x","__proto__":{"active":false}}', 400, 'invalidSyntax'],
  [
    '__proto__ deep',
    '{"userName":"x","emails":[{"value":"a","__proto__":{}}]}',
    400,
    'invalidSyntax',
  ],
  [
    '__proto__ in a URN key',
    `{"userName":"x","${EXT}:__PROTO__.roles":[{"value":"admin"}]}`,
    400,
    'invalidSyntax',
  ],
  ['constructor', '{"userName":"x","name":{"constructor":{"prototype":{}}}}', 400, 'invalidSyntax'],
  ['no userName', '{"displayName":"x"}', 400, 'invalidValue'],
  ['an empty userName', '{"userName":" "}', 400, 'invalidValue'],
  ['a number as userName', '{"userName":42}', 400, 'invalidValue'],
  ['an unreadable active', '{"userName":"x","active":"perhaps"}', 400, 'invalidValue'],
  ['two spellings', '{"userName":"x","USERNAME":"y"}', 400, 'invalidSyntax'],
  [
    'a Group',
    '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"userName":"x"}',
    400,
    'invalidSyntax',
  ],
])('create, from %s, is refused and stores nothing', async (_, text, status, scimType) => {
  const client = await fresh()
  expectError(await client.send('POST', '/Users', text), status, scimType)
  expect((await client.get('/Users')).json.totalResults).toBe(0)
  expect(Object.keys(Object.prototype)).toEqual([])
  expect(({} as Record<string, unknown>)['active']).toBeUndefined()
})

test('create, in the loose shapes of real providers, stores the canonical form', async () => {
  const client = await fresh()
  const answer = await client.send('POST', '/Users', {
    schemas: ['urn:scim:schemas:core:1.0'],
    USERNAME: 'ann',
    Active: 'True',
    title: '',
    nickName: null,
    emails: [
      { value: 'a@x', type: 'work', primary: 'True' },
      null,
      { value: 'A@x', type: 'WORK' },
      { value: 'b@x', primary: true },
    ],
    phoneNumbers: { value: '1' },
    roles: ['admin'],
    'name.givenName': 'Ann',
    [`${EXT.toLowerCase()}:department`]: 'Sales',
    [EXT]: { Manager: 'm1' },
    foo: 'bar',
    meta: { resourceType: 'User' },
  })
  expect(answer.status).toBe(201)
  const { id, meta, ...rest } = answer.json
  expect(rest).toEqual({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', EXT],
    userName: 'ann',
    active: true,
    emails: [
      { value: 'a@x', type: 'work', primary: true },
      { value: 'b@x', primary: false },
    ],
    phoneNumbers: [{ value: '1' }],
    roles: [{ value: 'admin' }],
    name: { givenName: 'Ann' },
    [EXT]: { department: 'Sales', manager: { value: 'm1' } },
  })
})

test('strict dialect, a body that departs from the RFC, is refused', async () => {
  const client = await fresh('generic-strict')
  for (const more of [
    { active: 'True' },
    { foo: 1 },
    { schemas: [] },
    { emails: { value: 'x' } },
    { 'name.givenName': 'x' },
    {
      emails: [
        { value: 'a', primary: true },
        { value: 'b', primary: true },
      ],
    },
  ]) {
    expect((await client.send('POST', '/Users', body('ann', more))).status).toBe(400)
  }
  await client.user('ann')
})

test('a body, of another type or size or encoding, is refused as RFC 9110 says', async () => {
  const client = await fresh()
  const send = (text: string, headers: Record<string, string>) =>
    client.send('POST', '/Users', text, headers)
  expectError(await send('{}', { 'content-type': 'text/plain' }), 415)
  expectError(await send('{}', { 'content-type': 'application/json; charset=iso-8859-1' }), 415)
  expectError(await send('{}', { 'content-encoding': 'foo' }), 415)
  expectError(await send(JSON.stringify({ userName: 'x'.repeat(2_000_000) }), {}), 413)
  expect(
    (
      await send(JSON.stringify(body('ann')), {
        'content-type': 'application/json; charset="UTF-8"',
      })
    ).status,
  ).toBe(201)
})

test('a long group, whose sender gives up in the middle, changes nothing and leaves the server well', async () => {
  const client = await fresh()
  const whole = JSON.stringify({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: 'Half',
    externalId: 'x'.repeat(2_000_000),
  })
  const sent = request(`${client.base}/Groups`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${client.token}`,
      'content-type': 'application/scim+json',
      'content-length': String(Buffer.byteLength(whole)),
    },
  })
  const gone = new Promise((resolve) => sent.on('error', resolve))
  await new Promise((resolve) => sent.write(whole.slice(0, 1_500_000), resolve))
  sent.destroy()
  await gone
  const headers = { authorization: `Bearer ${client.token}` }
  const answer = await fetch(`${client.base}/Groups`, { headers })
  expect(await answer.json()).toMatchObject({ totalResults: 0 })
})

test('a caller, who is not known, gets 401 before anything is read', async () => {
  const client = await fresh()
  const stranger = createClient(client.base, 'qtc_scim_0000000000000000000000000000000000000000000')
  const huge = JSON.stringify({ userName: 'x'.repeat(2_000_000) })
  for (const answer of [
    await stranger.get('/Users'),
    await stranger.send('POST', '/Users', huge),
    await stranger.send('POST', '/Users', '{ broken'),
    await createClient(client.base.replace(/source-\d+/, 'no-such-source'), client.token).get(
      '/Users',
    ),
    await client.send('GET', '/Users', undefined, { authorization: 'non-token' }),
  ]) {
    expectError(answer, 401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
  }
  const expired = await server.source('expired', 'generic', { expiresAt: 1 })
  expectError(await expired.get('/Users'), 401)
  expectError(await createClient(`${server.origin}/scim/UPPER/v2`, client.token).get('/Users'), 404)
  expectError(await createClient(`${server.origin}/scim/x%2e/v3`, client.token).get('/Users'), 404)
})

test('one source, by the ids of another, reaches nothing', async () => {
  const [own, other] = [await fresh(), await fresh()]
  const userId = await other.user('ann')
  const groupId = await other.group('Engineering', [userId])
  expectError(await own.get(`/Users/${userId}`), 404)
  expectError(await own.get(`/Groups/${groupId}`), 404)
  expectError(
    await own.patch(`/Users/${userId}`, { op: 'replace', path: 'active', value: false }),
    404,
  )
  expectError(await own.send('DELETE', `/Users/${userId}`), 404)
  expectError(await own.send('PUT', `/Groups/${groupId}`, { displayName: 'x' }), 404)
  expect((await own.filter('/Users', `id eq "${userId}"`)).json.totalResults).toBe(0)
  expect((await own.filter('/Groups', `members eq "${userId}"`)).json.totalResults).toBe(0)
  expect((await own.get('/Users')).json.totalResults).toBe(0)
  await own.user('ann')
  expect((await other.get(`/Groups/${groupId}`)).json.members).toHaveLength(1)
  const foreign = `${own.base}/Users/..%2f${other.base.split('/').at(-2)}%2f${userId}`
  expectError(await own.send('GET', foreign), 404)
})

test('methods and paths, that do not exist, are named so', async () => {
  const client = await fresh()
  const id = await client.user('ann')
  expectError(await client.get('/Devices'), 404)
  expectError(await client.get('/'), 404)
  expectError(await client.get(`/Users/${id}/x`), 404)
  expectError(await client.get('/Users/%E0%A4%A'), 404)
  expectError(await client.get('/Users/a%22b'), 404)
  expectError(await client.get('/Me'), 501)
  expectError(await client.send('PATCH', '/Me', {}), 501)
  for (const [method, path] of [
    ['PUT', '/Users'],
    ['DELETE', '/Users'],
    ['POST', `/Users/${id}`],
    ['GET', '/Bulk'],
    ['GET', '/.search'],
    ['POST', '/Schemas'],
  ] as const) {
    const answer = await client.send(method, path)
    expectError(answer, 405)
    expect(answer.headers.get('allow')).toBeTruthy()
  }
  expect((await client.send('OPTIONS', '/Users')).headers.get('allow')).toBe('GET, HEAD, POST')
  const [head, get] = [
    await client.send('HEAD', `/Users/${id}`),
    await client.get(`/users/${id}/?x=1`),
  ]
  expect(head.status).toBe(200)
  expect(head.text).toBe('')
  expect(head.headers.get('content-length')).toBe(String(get.text.length))
  expectError(await client.get('/Schemas/urn:nothing'), 404)
  expect((await client.get(`/Schemas/${EXT}`)).json.id).toBe(EXT)
  expect((await client.get('/ResourceTypes/User')).json.schemaExtensions).toEqual([
    { schema: EXT, required: false },
  ])
  expect((await client.get('/ResourceTypes')).json.totalResults).toBe(2)
})

test('versions, by If-Match and If-None-Match, guard and spare', async () => {
  const client = await fresh()
  const id = await client.user('ann')
  const put = (ifMatch: string) =>
    client.send('PUT', `/Users/${id}`, body('ann', { title: ifMatch }), { 'if-match': ifMatch })
  expect((await put('W/"1"')).headers.get('etag')).toBe('W/"2"')
  expectError(await put('W/"1"'), 412)
  expectError(await put('"nonsense"'), 412)
  expect((await put('W/"9", W/"2"')).status).toBe(200)
  expect((await put('*')).status).toBe(200)
  const known = await client.send('GET', `/Users/${id}`, undefined, { 'if-none-match': 'W/"4"' })
  expect([known.status, known.text]).toEqual([304, ''])
  expect(
    (await client.send('GET', `/Users/${id}`, undefined, { 'if-none-match': 'W/"3"' })).status,
  ).toBe(200)
  expectError(await client.send('DELETE', `/Users/${id}`, undefined, { 'if-match': 'W/"3"' }), 412)
  expect(
    (await client.send('DELETE', `/Users/${id}`, undefined, { 'if-match': 'W/"4"' })).status,
  ).toBe(204)
})

test('a repeated PATCH, that changes nothing, keeps version and lastModified', async () => {
  const client = await fresh()
  const id = await client.user('ann')
  const first = await client.patch(`/Users/${id}`, { op: 'replace', value: { active: false } })
  const second = await client.patch(`/Users/${id}`, {
    op: 'Replace',
    path: 'active',
    value: 'False',
  })
  expect(second.status).toBe(200)
  expect(second.json.meta).toEqual(first.json.meta)
})

test('projection, on every verb, returns what was asked for and id', async () => {
  const client = await fresh()
  const answer = await client.send(
    'POST',
    '/Users?attributes=userName',
    body('ann', { title: 'x', [EXT]: { department: 'd', manager: { value: 'm' } } }),
  )
  const { id } = answer.json
  expect(Object.keys(answer.json).sort()).toEqual(['id', 'schemas', 'userName'])
  const keys = async (query: string) =>
    Object.keys((await client.get(`/Users/${id}?${query}`)).json).sort()
  expect(await keys(`attributes=USERNAME,${EXT}:department`)).toEqual(
    ['id', 'schemas', EXT, 'userName'].sort(),
  )
  expect((await client.get(`/Users/${id}?attributes=${EXT}:manager.value`)).json[EXT]).toEqual({
    manager: { value: 'm' },
  })
  expect(await keys('attributes=nosuch')).toEqual(['id', 'schemas'])
  expect(await keys(`excludedAttributes=id,meta,title,${EXT}`)).toEqual([
    'active',
    'id',
    'schemas',
    'userName',
  ])
  expectError(
    await client.get(`/Users/${id}?attributes=id&excludedAttributes=id`),
    400,
    'invalidValue',
  )
  const groupId = await client.group('g', [id])
  expect(
    (await client.patch(`/Groups/${groupId}`, { op: 'replace', path: 'displayName', value: 'h' }))
      .status,
  ).toBe(204)
  const patched = await client.patch(`/Groups/${groupId}?attributes=members`, {
    op: 'remove',
    path: 'members',
  })
  expect([patched.status, patched.json.members, patched.json.displayName]).toEqual([
    200,
    [],
    undefined,
  ])
  const all = await client.get(`/Groups/${groupId}?excludedAttributes=displayName`)
  expect(all.json).toMatchObject({ members: [], meta: { resourceType: 'Group' } })
  expect(
    (
      await client.patch(`/Users/${id}?excludedAttributes=title`, {
        op: 'add',
        path: 'nickName',
        value: 'n',
      })
    ).json.title,
  ).toBeUndefined()
  expect((await client.get(`/Users/${id}`)).json.title).toBe('x')
})

test('lists, by page, filter and order, count what they say', async () => {
  const client = await fresh()
  for (let i = 0; i < 12; i++)
    await client.user(`user${String(i).padStart(2, '0')}`, i % 2 ? { title: `T${i % 3}` } : {})
  const list = async (query: string) => (await client.get(`/Users?${query}`)).json
  expect(await list('startIndex=11&count=5')).toMatchObject({
    totalResults: 12,
    startIndex: 11,
    itemsPerPage: 2,
  })
  expect(await list('startIndex=100&count=5')).toMatchObject({
    totalResults: 12,
    startIndex: 100,
    itemsPerPage: 0,
    Resources: [],
  })
  expect(await list('count=0')).toMatchObject({ totalResults: 12, itemsPerPage: 0 })
  expect(await list('count=-3&startIndex=-1')).toMatchObject({
    totalResults: 12,
    startIndex: 1,
    itemsPerPage: 0,
  })
  expect(
    (await list('sortBy=USERNAME&sortOrder=Descending&count=1&attributes=externalId')).Resources[0],
  ).not.toHaveProperty('userName')
  expect((await list('sortBy=userName&sortOrder=descending&count=1')).Resources[0].userName).toBe(
    'user11',
  )
  expect((await list('sortBy=title&count=1')).Resources[0].title).toBe('T0')
  for (const bad of [
    'count=abc',
    'startIndex=1.5',
    'sortOrder=up',
    'filter=a&filter=b',
    'cursor=&startIndex=2',
  ]) {
    expect((await client.get(`/Users?${bad}`)).status, bad).toBe(400)
  }
  expectError(await client.get('/Users?sortBy=nosuch'), 400, 'invalidPath')
  expectError(await client.get('/Users?filter='), 400, 'invalidFilter')
  expectError(await client.get('/Users?cursor=nonsense'), 400, 'invalidCursor')
  const seen: string[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: { nextCursor?: string; Resources: { userName: string }[] } = await list(
      `count=5&sortBy=title&cursor=${cursor}`,
    )
    seen.push(...page.Resources.map((one) => one.userName))
    cursor = page.nextCursor
  }
  expect(new Set(seen).size).toBe(12)
  expect(seen).toHaveLength(12)
  const long = await client.filter('/Users', `userName eq "${'x'.repeat(10_000)}"`)
  expectError(long, 400, 'invalidFilter')
  const search = await client.send('POST', '/Users/.search', {
    ...SEARCH,
    filter: 'title pr',
    count: 2,
    cursor: '',
    sortBy: 'userName',
  })
  expect(search.json).toMatchObject({
    totalResults: 6,
    itemsPerPage: 2,
    nextCursor: expect.any(String),
  })
})

test('search at the root, by an attribute of one type, finds across types', async () => {
  const client = await fresh()
  const id = await client.user('ann', { displayName: 'Both' })
  const other = await client.user('bob')
  const groupId = await client.group('Both', [id, other])
  const search = async (more: object) =>
    (await client.send('POST', '/.search', { ...SEARCH, ...more })).json
  const both = await search({ filter: 'displayName eq "both"' })
  expect(both.Resources.map((one: { id: string }) => one.id)).toEqual([id, groupId])
  expect((await search({ filter: 'userName eq "ann"' })).totalResults).toBe(1)
  expect((await search({ count: 0 })).totalResults).toBe(3)
  expect(
    (await search({ startIndex: 3, count: 5 })).Resources.map((one: { id: string }) => one.id),
  ).toEqual([groupId])
  expectError(
    await client.send('POST', '/.search', { ...SEARCH, filter: 'nosuch eq "x"' }),
    400,
    'invalidFilter',
  )
  expectError(await client.send('POST', '/.search', { filter: 'id pr' }), 400, 'invalidSyntax')
})

test('groups, in a list and on their members, show who is in them', async () => {
  const client = await fresh()
  const ids = await Promise.all(['a', 'b', 'c'].map((name) => client.user(name)))
  const groupId = await client.group('Engineering', ids)
  await client.group('Empty')
  const made = await client.send('POST', '/Groups', {
    displayName: 'Versions',
    members: [{ value: ids[0] }],
  })
  expect((await client.get(`/Groups/${made.json.id}`)).headers.get('etag')).toBe(
    made.json.meta.version,
  )
  await client.send('DELETE', `/Groups/${made.json.id}`)
  const { Resources } = (await client.get('/Groups')).json
  expect(Resources.map((one: { members: object[] }) => one.members.length)).toEqual([3, 0])
  expect(Resources[0].members[0]).toMatchObject({
    type: 'User',
    $ref: expect.stringContaining('/Users/'),
  })
  expect((await client.get(`/Users/${ids[0]}`)).json.groups).toEqual([
    {
      value: groupId,
      display: 'Engineering',
      type: 'direct',
      $ref: `${client.base}/Groups/${groupId}`,
    },
  ])
  expect(
    (await client.filter('/Users', `groups.value eq "${groupId}" and userName sw "B"`)).json
      .totalResults,
  ).toBe(1)
  await client.send('DELETE', `/Users/${ids[0]}`)
  expect((await client.get(`/Groups/${groupId}`)).json.members).toHaveLength(2)
  expectError(
    await client.send('POST', '/Groups', { displayName: 'ENGINEERING' }),
    409,
    'uniqueness',
  )
  expectError(
    await client.send('POST', '/Groups', { displayName: 'x', members: [{ display: 'nobody' }] }),
    400,
    'invalidValue',
  )
})

test('200 parallel PATCHes, on one group and on one user, lose nothing', async () => {
  const client = await fresh()
  const userId = await client.user('ann')
  const groupId = await client.group('Everybody')
  const members = Array.from({ length: 200 }, (_, i) => `member-${i}`)
  const answers = await Promise.all([
    ...members.map((value) =>
      client.patch(`/Groups/${groupId}`, { op: 'Add', path: 'members', value: [{ value }] }),
    ),
    ...members.map((value) =>
      client.patch(`/Users/${userId}`, { op: 'add', path: 'emails', value: [{ value }] }),
    ),
  ])
  expect(answers.filter((answer) => answer.status >= 300).map((answer) => answer.text)).toEqual([])
  expect((await client.get(`/Groups/${groupId}`)).json.members).toHaveLength(200)
  expect((await client.get(`/Users/${userId}`)).json.emails).toHaveLength(200)
  expect((await client.get(`/Users/${userId}`)).json.meta.version).toBe('W/"201"')
  // Four hundred requests are five seconds of CPU time, which a busy machine gives in minutes.
}, 180_000)

test('bulk, with references in a circle and failures, does what can be done', async () => {
  const client = await fresh()
  const bulk = (Operations: object[], more: object = {}) =>
    client.send('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations,
      ...more,
    })
  const group = (bulkId: string, member: string) => ({
    method: 'POST',
    path: '/Groups',
    bulkId,
    data: { displayName: bulkId, members: [{ value: `bulkId:${member}`, type: 'Group' }] },
  })
  const circle = await bulk([group('g1', 'g2'), group('g2', 'g1')])
  expect(circle.json.Operations.map((one: { status: string }) => one.status)).toEqual([
    '201',
    '201',
  ])
  const byName = async (name: string) =>
    (await client.filter('/Groups', `displayName eq "${name}"`)).json.Resources[0]
  expect((await byName('g1')).members[0].value).toBe((await byName('g2')).id)
  expect((await byName('g2')).members[0].value).toBe((await byName('g1')).id)

  const mixed = await bulk([
    {
      method: 'PATCH',
      path: '/Users/bulkId:u1',
      data: {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: 'title', value: 'T' }],
      },
    },
    { method: 'POST', path: '/Users', bulkId: 'u1', data: { userName: 'ann' } },
    { method: 'POST', path: '/Users', bulkId: 'u2', data: { userName: 'ANN' } },
    {
      method: 'POST',
      path: '/Groups',
      bulkId: 'g3',
      data: { displayName: 'g3', members: [{ value: 'bulkId:u2' }] },
    },
    {
      method: 'POST',
      path: '/Groups',
      bulkId: 'g4',
      data: { displayName: 'g4', members: [{ value: 'bulkId:nobody' }] },
    },
  ])
  expect(mixed.json.Operations.map((one: { status: string }) => one.status)).toEqual([
    '200',
    '201',
    '409',
    '409',
    '409',
  ])
  expect(mixed.json.Operations[2].response.scimType).toBe('uniqueness')
  const found = await client.filter('/Users', 'title eq "t"')
  expect(found.json.totalResults).toBe(1)
  const id = found.json.Resources[0].id
  const deleted = await bulk([
    { method: 'DELETE', path: `/Users/${id}`, version: 'W/"9"' },
    { method: 'DELETE', path: `/Users/${id}` },
  ])
  expect(deleted.json.Operations.map((one: { status: string }) => one.status)).toEqual([
    '412',
    '204',
  ])

  const broken = await bulk([
    null as never,
    { method: 'POST', path: '/Users', data: {} },
    { method: 'DELETE', path: '/Nothing/1' },
    { method: 'OBLITERATE', path: '/Users/1', bulkId: 'b' },
    { method: 'post', path: 'Users/', bulkId: 'c', data: { userName: 'cat' } },
  ])
  expect(broken.json.Operations).toMatchObject([
    { status: '400', response: { scimType: 'invalidSyntax', status: '400' } },
    { method: 'POST', status: '400' },
    { method: 'DELETE', status: '400' },
    { method: 'OBLITERATE', bulkId: 'b', status: '400', location: `${client.base}/Users/1` },
    { status: '201' },
  ])
  const first = await bulk([null as never, { method: 'DELETE', path: '/Users/x' }], {
    failOnErrors: 1,
  })
  expect(first.json.Operations).toHaveLength(1)
  expectError(
    await bulk(Array.from({ length: 1_001 }, () => ({ method: 'DELETE', path: '/Users/x' }))),
    413,
  )
})

test('a refused PATCH, that would have deactivated somebody, is in the log without the person', async () => {
  const client = await fresh()
  const id = await client.user('ann@example.com')
  const before = server.logged.length
  await client.patch(
    `/Users/${id}`,
    { op: 'replace', path: 'title', value: 'x' },
    { op: 'Replace', path: 'active', value: 'ann@example.com' },
  )
  const lines = server.logged.slice(before)
  expect(lines).toMatchObject([
    { level: 'warn', message: 'a deactivation was refused', fields: { code: 'ERR_INVALID_VALUE' } },
  ])
  expect(JSON.stringify(lines)).not.toContain('ann@example.com')
})

test('locations, with a forged Host header, do not carry what is no host', async () => {
  const client = await fresh()
  const id = await client.user('ann')
  const url = new URL(`${client.base}/Users/${id}`)
  const text = await new Promise<string>((resolve, reject) => {
    const sent = request(
      {
        host: url.hostname,
        port: url.port,
        path: url.pathname,
        headers: { host: 'x/<script>', authorization: `Bearer ${client.token}` },
      },
      (response) => {
        let all = ''
        response.on('data', (part) => {
          all += part
        })
        response.on('end', () => resolve(all))
      },
    )
    sent.on('error', reject)
    sent.end()
  })
  expect(JSON.parse(text).meta.location).toMatch(/^http:\/\/localhost\/scim\//)
})
