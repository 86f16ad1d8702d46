import { afterAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { aCall } from '../support/intake.ts'
import { type Client, scimServer } from './scim-server.ts'

const database = await freshDatabase()
const server = await scimServer(database.connection, { budgetMs: 60_000 })
afterAll(async () => {
  await server.close()
  await database.dispose()
})

let made = 0
const fresh = (): Promise<Client> => server.source(`versions-${++made}`)
const etag = async (client: Client, path: string): Promise<string> => {
  const { headers, json } = await client.get(path)
  expect(headers.get('etag')).toBe(json.meta.version)
  return json.meta.version
}

test('the version of a user, who joins or leaves a group that grants nothing, moves with `groups`', async () => {
  const client = await fresh()
  const [ann, bob] = [await client.user('ann'), await client.user('bob')]
  const group = await client.group('Readers', [bob])
  const versions = [await etag(client, `/Users/${ann}`)]
  const others = await etag(client, `/Users/${bob}`)

  const add = { op: 'add', path: 'members', value: [{ value: ann }] }
  await client.patch(`/Groups/${group}`, add)
  versions.push(await etag(client, `/Users/${ann}`))
  await client.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${ann}"]` })
  versions.push(await etag(client, `/Users/${ann}`))
  await client.patch(`/Groups/${group}`, add)
  await client.patch(`/Groups/${group}`, {
    op: 'replace',
    path: 'members',
    value: [{ value: ann }],
  })
  versions.push(await etag(client, `/Users/${ann}`))

  expect(versions).toEqual(['W/"1"', 'W/"2"', 'W/"3"', 'W/"4"'])
  // Bob left once, by the replace; what others did before left him alone.
  expect(others).toBe('W/"2"')
  expect(await etag(client, `/Users/${bob}`)).toBe('W/"3"')
})

test('the version of a user, told twice of the same membership, moves once', async () => {
  const client = await fresh()
  const ann = await client.user('ann')
  const group = await client.group('Readers')
  const add = { op: 'add', path: 'members', value: [{ value: ann }] }
  await client.patch(`/Groups/${group}`, add)
  await client.patch(`/Groups/${group}`, add)
  expect(await etag(client, `/Users/${ann}`)).toBe('W/"2"')
})

test('the version of a user, whose group is deleted, moves', async () => {
  const client = await fresh()
  const ann = await client.user('ann')
  const group = await client.group('Readers', [ann])
  expect(await etag(client, `/Users/${ann}`)).toBe('W/"2"')
  await client.send('DELETE', `/Groups/${group}`)
  expect(await etag(client, `/Users/${ann}`)).toBe('W/"3"')
})

test('the version of a user, whose group is renamed, stays, and the answer has the new name', async () => {
  const client = await fresh()
  const ann = await client.user('ann')
  const group = await client.group('Readers', [ann])
  const before = await etag(client, `/Users/${ann}`)
  await client.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'Writers' })

  const { json } = await client.get(`/Users/${ann}`)
  expect(json.groups[0].display).toBe('Writers')
  expect(json.meta.version).toBe(before)
  const known = await client.send('GET', `/Users/${ann}`, undefined, { 'if-none-match': before })
  expect(known.status).toBe(304)
  // A copied name is no reason to refuse what was decided on the rest.
  const changed = await client.send(
    'PATCH',
    `/Users/${ann}`,
    {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'title', value: 'Chief' }],
    },
    { 'if-match': before },
  )
  expect(changed.status).toBe(200)
})

test('the version of a group, whose member is deleted, moves', async () => {
  const client = await fresh()
  const ann = await client.user('ann')
  const group = await client.group('Readers', [ann])
  const before = await etag(client, `/Groups/${group}`)
  await client.send('DELETE', `/Users/${ann}`)
  expect(await etag(client, `/Groups/${group}`)).not.toBe(before)
})

test('createGroup, with members, returns the version that is stored', async () => {
  await fresh()
  const sourceId = `versions-${made}`
  const { directory, store } = server.intake
  const user = await directory.createUser(aCall(sourceId), { userName: 'ann', active: true })
  const group = await directory.createGroup(aCall(sourceId), { displayName: 'g' }, [
    { value: user.id },
  ])
  expect(group).toEqual(await store.group(sourceId, group.id))
  expect(group.version).toBe(2)
})
