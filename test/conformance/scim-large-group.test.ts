import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Membership } from '../../src/directory/types.ts'
import { freshDatabase } from '../support/database.ts'
import { type Client, scimServer } from './scim-server.ts'

const MEMBERS = 50_000
/** Answers to others while one of the large requests is under way; a blocked process gives none. */
const OTHERS = 5

const database = await freshDatabase()
const server = await scimServer(database.connection, { budgetMs: 120_000 })
const db = database.connection.getClient().db(database.dbName)
let client: Client
let huge = ''
let small = ''

const memberId = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
async function fill(groupId: string, count: number): Promise<void> {
  for (let from = 0; from < count; from += 5_000) {
    const rows = Array.from(
      { length: Math.min(5_000, count - from) },
      (_, i): Membership => ({
        sourceId: 'large',
        groupId,
        memberId: memberId(from + i),
        type: 'User',
      }),
    )
    await server.intake.store.addMembers(rows)
  }
}

beforeAll(async () => {
  client = await server.source('large')
  huge = await client.group('Everyone')
  small = await client.group('Ten')
  await fill(huge, MEMBERS)
  await fill(small, 10)
}, 120_000)
afterAll(async () => {
  await server.close()
  await database.dispose()
})

/** What the database does for some work: operations, documents and index keys looked at, documents written. */
async function cost(work: () => Promise<unknown>) {
  await db.command({ profile: 2 })
  await work()
  await db.command({ profile: 0 })
  const [sum] = await db
    .collection('system.profile')
    .aggregate([
      {
        $match: {
          ns: { $not: /system\.profile|\$cmd$/ },
          op: { $in: ['query', 'insert', 'update', 'remove', 'getmore', 'bulkWrite', 'command'] },
        },
      },
      {
        $group: {
          _id: null,
          operations: { $sum: 1 },
          documents: { $sum: '$docsExamined' },
          keys: { $sum: '$keysExamined' },
          written: {
            $sum: {
              $add: [
                { $ifNull: ['$ninserted', 0] },
                { $ifNull: ['$nModified', 0] },
                { $ifNull: ['$ndeleted', 0] },
                { $ifNull: ['$nUpserted', 0] },
                { $cond: [{ $ifNull: ['$upsert', false] }, 1, 0] },
              ],
            },
          },
        },
      },
    ])
    .toArray()
  await db.collection('system.profile').drop()
  return sum
}

const changes = (path: string, user: string) => async (): Promise<void> => {
  const add = { op: 'add', path: 'members', value: [{ value: user }] }
  const remove = { op: 'remove', path: `members[value eq "${user}"]` }
  const entra = { op: 'Remove', path: 'members', value: [{ value: user }] }
  for (const operation of [add, remove, add, entra]) {
    expect((await client.patch(path, operation)).status).toBe(204)
  }
}

test('one member, added to and removed from a group of 50,000, costs what it costs in a group of ten', async () => {
  const user = await client.user('ann')
  // Once unmeasured: the source's token and the apps are read, and remembered.
  await changes(`/Groups/${small}`, user)()
  const ofSmall = await cost(changes(`/Groups/${small}`, user))
  const ofHuge = await cost(changes(`/Groups/${huge}`, user))
  expect(ofSmall?.['written']).toBeGreaterThanOrEqual(8)
  // What a timer does meanwhile is not the size of the group: 50,000 members would show in thousands.
  for (const counted of ['operations', 'documents', 'keys', 'written']) {
    expect(Math.abs(ofHuge?.[counted] - ofSmall?.[counted]), counted).toBeLessThanOrEqual(3)
  }
  expect(ofHuge?.['documents']).toBeLessThan(60)
})

/** A large request, and how many small ones of others were answered while it was under way. */
async function beside(
  method: string,
  path: string,
  body?: Buffer,
): Promise<{ others: number; status: number; text: string }> {
  let underWay = true
  let others = 0
  const neighbour = (async () => {
    while (underWay) {
      const answer = await fetch(`${client.base}/ServiceProviderConfig`, {
        headers: { authorization: `Bearer ${client.token}` },
      })
      await answer.arrayBuffer()
      if (underWay && answer.ok) others++
    }
  })()
  const { status, chunks } = await new Promise<{ status: number; chunks: Buffer[] }>(
    (resolve, reject) => {
      const sent = request(
        `${client.base}${path}`,
        {
          method,
          headers: {
            authorization: `Bearer ${client.token}`,
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/scim+json', 'content-length': body.length }),
          },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => resolve({ status: response.statusCode ?? 0, chunks }))
          response.on('error', reject)
        },
      )
      sent.on('error', reject)
      sent.end(body)
    },
  )
  underWay = false
  await neighbour
  return { others, status, text: Buffer.concat(chunks).toString() }
}

test('a group of 50,000 members, read and replaced whole, blocks nobody else', async () => {
  const get = await beside('GET', `/Groups/${huge}`)
  const { members } = JSON.parse(get.text)
  expect(members).toHaveLength(MEMBERS)
  expect(members[7]).toEqual({
    value: memberId(7),
    $ref: `${client.base}/Users/${memberId(7)}`,
    type: 'User',
  })

  // Every second one stays, as many are new; each with all that providers send of a member.
  const body = Buffer.from(
    JSON.stringify({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      displayName: 'Everyone',
      members: Array.from({ length: MEMBERS }, (_, n) => ({
        value: memberId(2 * n),
        $ref: `${client.base}/Users/${memberId(2 * n)}`,
        type: 'User',
        display: `Person number ${n}`,
      })),
    }),
  )
  const put = await beside('PUT', `/Groups/${huge}?excludedAttributes=members`, body)
  expect(put.status).toBe(200)
  const rows = db.collection('memberships')
  expect(await rows.countDocuments({ groupId: huge })).toBe(MEMBERS)
  expect(await rows.countDocuments({ groupId: huge, memberId: memberId(2 * MEMBERS - 2) })).toBe(1)
  expect(await rows.countDocuments({ groupId: huge, memberId: memberId(1) })).toBe(0)

  const clear = await beside(
    'PATCH',
    `/Groups/${huge}`,
    Buffer.from(
      JSON.stringify({
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: 'members', value: [{ value: memberId(3) }] }],
      }),
    ),
  )
  expect(await rows.countDocuments({ groupId: huge })).toBe(1)
  expect(Math.min(get.others, put.others, clear.others)).toBeGreaterThan(OTHERS)
}, 120_000)
