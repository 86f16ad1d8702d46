import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { SECOND } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { eventually } from '../support/eventually.ts'
import { takeFailPoint } from '../support/fail-point.ts'
import { owed } from './api-cases.ts'
import { startApi } from './api-harness.ts'

/** As many as the hub lets listen at once. */
const MOST_LISTENERS = 100

let ahead = 0
const api = await startApi(
  { clock: { now: () => Date.now() + ahead }, keepAliveMs: 200 },
  { ADMIN_SOURCE: 'staff' },
)
afterAll(() => api.close())
await api.api('POST', '/sources', { id: 'staff', name: 'Staff', dialect: 'okta' })
const db = api.connection.getClient().db(api.database.dbName)

const tokenOf = async (more: object): Promise<{ id: string; token: string }> =>
  (await api.api('POST', '/tokens', { name: 'listens', ...more })).json

/** What a listener hears, until it hangs up or the hub ends it. */
async function listen(token: string) {
  const stop = new AbortController()
  const { status, body } = await fetch(`${api.origin}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stop.signal,
  })
  const heard = { status, text: '', ended: false, stop: () => stop.abort() }
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const piece of body ?? []) heard.text += decoder.decode(piece as Uint8Array)
    heard.ended = true
  }
  read().catch(() => {
    // It hung up.
  })
  return heard
}

/** The same, once it is known to hear what happens: a stream begins a moment after its answer. */
async function listening(token: string) {
  const heard = await listen(token)
  await eventually('a first event', async () => {
    await owed(api)
    return heard.text.includes('event: revocation')
  })
  return heard
}

async function employed(name: string): Promise<string> {
  const id = newId()
  await api.stores.directory.insertUser({
    id,
    sourceId: 'staff',
    resource: { userName: name },
    active: true,
    version: 1,
    generation: 1,
    created: 1,
    lastModified: 1,
  })
  return id
}

/** Looks for tokens take this long, so that requests wait in their authentication. */
const slowTokens = () => ({
  failCommands: ['find'],
  blockConnection: true,
  blockTimeMS: 1_000,
  namespace: `${api.database.dbName}.api_tokens`,
})

/** Asks for events and resets the connection as soon as the hub has read the request. */
async function askAndReset(token: string): Promise<void> {
  const socket = connect(Number(new URL(api.origin).port), '127.0.0.1')
  socket.write(
    `GET /api/v1/events HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer ${token}\r\nExpect: 100-continue\r\n\r\n`,
  )
  await once(socket, 'data')
  socket.resetAndDestroy()
}

test('events, connections that are reset while their authentication waits, leave room for others', async () => {
  const { token } = await tokenOf({ role: 'viewer' })
  const failPoint = await takeFailPoint(api.connection)
  try {
    await failPoint.set('alwaysOn', slowTokens())
    await Promise.all(Array.from({ length: MOST_LISTENERS }, () => askAndReset(token)))
    await eventually('the hub has seen all of them go', () => {
      return api.lines.filter((line) => line.includes('"status":499')).length >= MOST_LISTENERS
    })
    // It waits behind the others, so that all of these are authenticated when it is answered.
    const next = await listen(token)
    next.stop()
    expect(next.status).toBe(200)
  } finally {
    await failPoint.giveBack()
  }
})

interface Listener {
  tokenId: string
  userId: string
}
const endings: [string, (listener: Listener) => Promise<unknown>][] = [
  ['a deleted token', ({ tokenId }) => api.api('DELETE', `/tokens/${tokenId}`)],
  [
    'a deactivated person',
    ({ userId }) => db.collection('users').updateOne({ id: userId }, { $set: { active: false } }),
  ],
  [
    'another role',
    ({ tokenId }) =>
      db
        .collection('api_tokens')
        .updateOne({ _id: tokenId as never }, { $set: { role: 'auditor' } }),
  ],
]

test.each(endings)('events, the stream of %s, ends without the next event', async (_, end) => {
  const person = `${newId()}@example.com`
  const userId = await employed(person)
  const { id, token } = await tokenOf({ role: 'operator', person })
  const heard = await listening(token)
  await end({ tokenId: id, userId })
  ahead += SECOND
  const next = await owed(api)
  await eventually('the end, or the event', () => heard.ended || heard.text.includes(next.id))
  expect(heard.text).not.toContain(next.id)
  expect(heard.ended).toBe(true)
})

test('events, a silent stream of a deleted token, ends at the next sign of life', async () => {
  const { id, token } = await tokenOf({ role: 'viewer' })
  const heard = await listen(token)
  const signs = (): number => heard.text.split('still here').length - 1
  await eventually('a sign of life', () => signs() > 0)
  await api.api('DELETE', `/tokens/${id}`)
  ahead += SECOND
  const before = signs()
  await eventually('the end, or more signs of life', () => heard.ended || signs() > before + 3)
  expect(heard.ended).toBe(true)
})

test('events, a burst of them, is heard whole and is no burst of looks at the token', async () => {
  const { token } = await tokenOf({ role: 'viewer' })
  const heard = await listening(token)
  const first = await owed(api)
  await eventually('the last one before', () => heard.text.includes(first.id))
  const rows = Array.from({ length: 200 }, (_, i) => ({ _id: `burst-${i}` as never }))
  await db.setProfilingLevel('all')
  await db.collection('alerts').insertMany(rows)
  await eventually('all of them', () => heard.text.includes('burst-199'))
  await db.setProfilingLevel('off')
  const looks = db
    .collection('system.profile')
    .countDocuments({ ns: `${db.databaseName}.api_tokens` })
  heard.stop()
  expect(heard.text.match(/"burst-/g)).toHaveLength(rows.length)
  expect(await looks).toBeLessThan(20)
})
