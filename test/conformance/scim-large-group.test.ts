import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MembershipRow } from '../../src/storage/directory-models.ts'
import { membershipRow } from '../../src/storage/directory-rows.ts'
import { freshDatabase } from '../support/database.ts'
import { longestTurn } from '../support/longest-turn.ts'
import { type Client, scimServer } from './scim-server.ts'

const MEMBERS = 50_000
/** Answers to others while one of the large requests is under way; a blocked process gives none. */
const OTHERS = 5
/** How long the others think between two requests: without it they, not the large request, would be the load. */
const PAUSE_MS = 20
/** Longest turn of the event loop. */
const MAX_TURN_MS = 50
/** Many times what it takes on a quiet machine: how busy this one is says nothing about the hub. */
const PATIENCE_MS = 300_000

const scratch = await mkdtemp(join(tmpdir(), 'quittance-large-'))
const database = await freshDatabase()
const server = await scimServer(database.connection, { budgetMs: PATIENCE_MS })
const db = database.connection.getClient().db(database.dbName)
let client: Client
let huge = ''
let small = ''

const memberId = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
async function fill(groupId: string, count: number): Promise<void> {
  for (let from = 0; from < count; from += 5_000) {
    const rows = Array.from({ length: Math.min(5_000, count - from) }, (_, i) =>
      membershipRow({
        sourceId: 'large',
        groupId,
        memberId: memberId(from + i),
        type: 'User',
      }),
    )
    await db.collection<MembershipRow>('memberships').insertMany(rows, { ordered: false })
  }
}

beforeAll(async () => {
  client = await server.source('large')
  huge = await client.group('Everyone')
  small = await client.group('Ten')
  await fill(huge, MEMBERS)
  await fill(small, 10)
}, PATIENCE_MS)
afterAll(async () => {
  await server.close()
  await database.dispose()
  await rm(scratch, { recursive: true })
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

/** A client in a process of its own, as in life: it reads as fast as it can, and its work is not the hub's. */
const CLIENT = `
const { readFileSync } = require('node:fs')
const { request } = require('node:http')
const [, method, url, token, file] = process.argv
const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/scim+json' }
const sent = request(url, { method, headers }, (response) => {
  const chunks = []
  response.on('data', (chunk) => chunks.push(chunk))
  response.on('end', () => {
    const text = Buffer.concat(chunks).toString()
    const { members = [] } = text === '' ? {} : JSON.parse(text)
    const said = { status: response.statusCode, members: members.length, eighth: members[7] }
    process.stdout.write(JSON.stringify(said))
  })
})
sent.end(file === undefined ? undefined : readFileSync(file))
`

interface Said {
  status: number
  /** How many there are in the answer, and one of them. */
  members: number
  eighth?: unknown
}

async function fromOutside(method: string, path: string, files: string[]): Promise<Said> {
  const args = [method, `${client.base}${path}`, client.token, ...files]
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', CLIENT, ...args])
  return JSON.parse(stdout)
}

async function fileOf(body: object): Promise<string> {
  const file = join(scratch, 'body.json')
  await writeFile(file, JSON.stringify(body))
  return file
}

/** A large request, how many small ones of others were answered while it was under way, and the longest turn. */
async function beside(
  method: string,
  path: string,
  body?: object,
): Promise<Said & { others: number; longestMs: number }> {
  const files = body === undefined ? [] : [await fileOf(body)]
  let underWay = true
  let others = 0
  const neighbour = async (): Promise<void> => {
    while (underWay) {
      const answer = await fetch(`${client.base}/ServiceProviderConfig`, {
        headers: { authorization: `Bearer ${client.token}` },
      })
      await answer.arrayBuffer()
      if (underWay && answer.ok) others++
      await pause(PAUSE_MS)
    }
  }
  const large = longestTurn(() => fromOutside(method, path, files)).finally(() => {
    underWay = false
  })
  const [{ result, ms }] = await Promise.all([large, neighbour()])
  return { ...result, others, longestMs: ms }
}

test(
  'a group of 50,000 members, read and replaced whole, blocks nobody else',
  async () => {
    const get = await beside('GET', `/Groups/${huge}`)
    expect(get.members).toBe(MEMBERS)
    expect(get.eighth).toEqual({
      value: memberId(7),
      $ref: `${client.base}/Users/${memberId(7)}`,
      type: 'User',
    })

    // Every second one stays, as many are new; each with all that providers send of a member.
    const body = {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      displayName: 'Everyone',
      members: Array.from({ length: MEMBERS }, (_, n) => ({
        value: memberId(2 * n),
        $ref: `${client.base}/Users/${memberId(2 * n)}`,
        type: 'User',
        display: `Person number ${n}`,
      })),
    }
    const put = await beside('PUT', `/Groups/${huge}`, body)
    expect(put.status).toBe(200)
    expect(put.members).toBe(MEMBERS)
    const rows = db.collection('memberships')
    expect(await rows.countDocuments({ groupId: huge })).toBe(MEMBERS)
    expect(await rows.countDocuments({ groupId: huge, memberId: memberId(2 * MEMBERS - 2) })).toBe(
      1,
    )
    expect(await rows.countDocuments({ groupId: huge, memberId: memberId(1) })).toBe(0)

    const patch = (operation: object) => ({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [operation],
    })
    const byName = { op: 'remove', path: 'members[display ew "number 40077"]' }
    const named = await beside('PATCH', `/Groups/${huge}`, patch(byName))
    expect(await rows.countDocuments({ groupId: huge })).toBe(MEMBERS - 1)
    const one = { op: 'replace', path: 'members', value: [{ value: memberId(3) }] }
    const clear = await beside('PATCH', `/Groups/${huge}`, patch(one))
    expect(await rows.countDocuments({ groupId: huge })).toBe(1)
    const all = { get, put, named, clear }
    for (const [name, { others, longestMs }] of Object.entries(all)) {
      expect(others, name).toBeGreaterThan(OTHERS)
      expect(longestMs, name).toBeLessThan(MAX_TURN_MS)
    }
  },
  PATIENCE_MS,
)
