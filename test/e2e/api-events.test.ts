import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startApi } from './api-harness.ts'

/** As many as the hub lets listen at once. */
const MOST_LISTENERS = 100

const api = await startApi()
afterAll(() => api.close())

const tokenOf = async (more: object): Promise<{ id: string; token: string }> =>
  (await api.api('POST', '/tokens', { name: 'listens', ...more })).json

/** A listener; `stop` hangs up. */
async function listen(token: string) {
  const stop = new AbortController()
  const response = await fetch(`${api.origin}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stop.signal,
  })
  return { status: response.status, response, stop: () => stop.abort() }
}

/** Looks for tokens take this long, so that requests wait in their authentication. */
const slowTokens = (mode: 'alwaysOn' | 'off') =>
  api.connection
    .getClient()
    .db('admin')
    .command({
      configureFailPoint: 'failCommand',
      mode,
      data: {
        failCommands: ['find'],
        blockConnection: true,
        blockTimeMS: 1_000,
        namespace: `${api.database.dbName}.api_tokens`,
      },
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
  await slowTokens('alwaysOn')
  try {
    await Promise.all(Array.from({ length: MOST_LISTENERS }, () => askAndReset(token)))
    await eventually('the hub has seen all of them go', () => {
      return api.lines.filter((line) => line.includes('"status":499')).length >= MOST_LISTENERS
    })
    // It waits behind the others, so that all of these are authenticated when it is answered.
    const next = await listen(token)
    next.stop()
    expect(next.status).toBe(200)
  } finally {
    await slowTokens('off')
  }
})
