import { afterAll, expect, test } from 'vitest'
import { type Client, scimServer } from '../conformance/scim-server.ts'
import { freshDatabase } from '../support/database.ts'

const database = await freshDatabase()
const server = await scimServer(database.connection)
afterAll(async () => {
  await server.close()
  await database.dispose()
})
const db = database.connection.getClient().db(database.dbName)

let n = 0
/** A source with one app for everybody and one for a group; one person who is in that group. */
async function scene() {
  const sourceId = `departures-${++n}`
  const client = await server.source(sourceId)
  const userId = await client.user(`leaver-${n}`, { externalId: `x${n}`, displayName: 'Lee' })
  const stayerId = await client.user(`stayer-${n}`)
  const groupId = await client.group('Engineering', [userId, stayerId])
  const everyone = await server.intake.register(`everyone-${n}`, {
    kind: 'everyone',
    sourceIds: [sourceId],
  })
  const byGroup = await server.intake.register(`group-${n}`, {
    kind: 'groups',
    groups: [{ sourceId, groupId }],
  })
  const owed = async (id: string = userId): Promise<string[]> => {
    const rows = await db.collection('revocations').find({ sourceId, userId: id }).toArray()
    return rows
      .map((row) =>
        row['appId'] === everyone ? 'everyone' : row['appId'] === byGroup ? 'group' : '?',
      )
      .sort()
  }
  return { client, userId, stayerId, groupId, owed }
}
type Scene = Awaited<ReturnType<typeof scene>>
type Act = (client: Client, scene: Scene) => Promise<{ status: number }>

const put =
  (active: unknown): Act =>
  (client, { userId }) =>
    client.send('PUT', `/Users/${userId}`, {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: `leaver-${n}`,
      active,
      groups: [],
    })

test.each<[string, Act]>([
  [
    'Okta PATCH',
    (client, { userId }) =>
      client.patch(`/Users/${userId}`, { op: 'replace', value: { active: false } }),
  ],
  [
    'Entra PATCH with a string',
    (client, { userId }) =>
      client.patch(`/Users/${userId}`, { op: 'Replace', path: 'active', value: 'False' }),
  ],
  [
    'Entra PATCH with the flag',
    (client, { userId }) =>
      client.patch(`/Users/${userId}`, { op: 'replace', path: 'active', value: false }),
  ],
  [
    'PATCH among others',
    (client, { userId }) =>
      client.patch(
        `/Users/${userId}`,
        { op: 'Add', path: 'title', value: 'Gone' },
        { op: 'Add', path: 'active', value: 'false' },
      ),
  ],
  [
    'PATCH beside an operation that cannot be used',
    (client, { userId }) =>
      client.patch(
        `/Users/${userId}`,
        { op: 'replace', path: 'nosuch', value: 1 },
        { op: 'replace', path: 'active', value: false },
      ),
  ],
  ['PUT', put(false)],
  ['PUT with a string', put('false')],
  ['DELETE', (client, { userId }) => client.send('DELETE', `/Users/${userId}`)],
  [
    'Bulk',
    (client, { userId }) =>
      client.send('POST', '/Bulk', {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: [
          {
            method: 'PATCH',
            path: `/Users/${userId}`,
            data: {
              schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
              Operations: [{ op: 'replace', value: { active: false } }],
            },
          },
        ],
      }),
  ],
])(
  'a departure, as %s, is owed once for every app before the answer, however often it is sent',
  async (_, act) => {
    const here = await scene()
    expect((await act(here.client, here)).status).toBeLessThan(300)
    expect(await here.owed()).toEqual(['everyone', 'group'])
    await act(here.client, here)
    expect(await here.owed()).toEqual(['everyone', 'group'])
    expect(await here.owed(here.stayerId)).toEqual([])
  },
)

test.each<[string, Act]>([
  [
    'remove by filter',
    (client, { groupId, userId }) =>
      client.patch(`/Groups/${groupId}`, { op: 'remove', path: `members[value eq "${userId}"]` }),
  ],
  [
    'remove by value',
    (client, { groupId, userId }) =>
      client.patch(`/Groups/${groupId}`, {
        op: 'Remove',
        path: 'members',
        value: [{ value: userId }],
      }),
  ],
  [
    'replace by the others',
    (client, { groupId, stayerId }) =>
      client.patch(`/Groups/${groupId}`, {
        op: 'replace',
        path: 'members',
        value: [{ value: stayerId }],
      }),
  ],
  [
    'replace without a path',
    (client, { groupId, stayerId }) =>
      client.patch(`/Groups/${groupId}`, {
        op: 'replace',
        value: { members: [{ value: stayerId }] },
      }),
  ],
  [
    'PUT of the others',
    (client, { groupId, stayerId }) =>
      client.send('PUT', `/Groups/${groupId}`, {
        displayName: 'Engineering',
        members: [{ value: stayerId }],
      }),
  ],
])(
  'leaving a group, by %s, is owed for what the group granted, and by nobody else',
  async (_, act) => {
    const here = await scene()
    expect((await act(here.client, here)).status).toBeLessThan(300)
    expect(await here.owed()).toEqual(['group'])
    expect(await here.owed(here.stayerId)).toEqual([])
  },
)

test.each<[string, Act]>([
  [
    'replace by nobody',
    (client, { groupId }) =>
      client.patch(`/Groups/${groupId}`, { op: 'replace', path: 'members', value: [] }),
  ],
  [
    'bare remove',
    (client, { groupId }) => client.patch(`/Groups/${groupId}`, { op: 'remove', path: 'members' }),
  ],
  [
    'PUT without members',
    (client, { groupId }) =>
      client.send('PUT', `/Groups/${groupId}`, { displayName: 'Engineering' }),
  ],
  ['DELETE', (client, { groupId }) => client.send('DELETE', `/Groups/${groupId}`)],
])('emptying a group, by %s, is owed by all who were in it', async (_, act) => {
  const here = await scene()
  expect((await act(here.client, here)).status).toBeLessThan(300)
  expect(await here.owed()).toEqual(['group'])
  expect(await here.owed(here.stayerId)).toEqual(['group'])
})

test.each<[string, Act]>([
  [
    'a rename',
    (client, { groupId }) =>
      client.patch(`/Groups/${groupId}`, {
        op: 'replace',
        value: { id: groupId, displayName: 'Renamed' },
      }),
  ],
  [
    'a removal of nobody',
    (client, { groupId }) =>
      client.patch(`/Groups/${groupId}`, { op: 'Remove', path: 'members', value: [] }),
  ],
  [
    'a removal and return in one request',
    (client, { groupId, userId }) =>
      client.patch(
        `/Groups/${groupId}`,
        { op: 'remove', path: `members[value eq "${userId}"]` },
        { op: 'add', path: 'members', value: [{ value: userId }] },
      ),
  ],
  ['a PUT of the person with groups: []', put(true)],
  ['a PUT that says nothing of active', put(undefined)],
  [
    'a password',
    (client, { userId }) =>
      client.patch(`/Users/${userId}`, { op: 'replace', value: { password: 'x' } }),
  ],
  [
    'a refused PATCH',
    (client, { userId }) =>
      client.patch(
        `/Users/${userId}`,
        { op: 'replace', path: 'active', value: 'maybe' },
        { op: 'replace', path: 'title', value: 'x' },
      ),
  ],
])('no departure, but %s, owes nothing', async (_, act) => {
  const here = await scene()
  await act(here.client, here)
  expect(await here.owed()).toEqual([])
  expect(await here.owed(here.stayerId)).toEqual([])
})
