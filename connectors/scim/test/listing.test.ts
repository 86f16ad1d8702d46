import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type {
  CallContext,
  Connector,
  Observation,
  Page,
} from '../../../src/connector-sdk/contract.ts'
import { type ConnectorRunner, createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import scim from '../index.ts'

/** Servers whose count cannot be believed. Sixty users everywhere; the one who is looked for is the last. */
const EVERYBODY = Array.from({ length: 60 }, (_, n) => ({ id: `u${n}`, userName: `user${n}` }))
const LAST = { sourceId: 's', userId: 'u', userName: 'user59', emails: [] }
const NOBODY = { ...LAST, userName: 'user60' }

type Row = (typeof EVERYBODY)[number]
/** What a server shows from a start index on: the users, its count, or a refusal. */
type Shows = (
  startIndex: number,
  count: number,
) => { users: readonly Row[]; total: number } | number

/** Shows 50 at once, and counts no more than that. */
const countsItsPage: Shows = (from) => ({ users: EVERYBODY.slice(from - 1, from + 49), total: 50 })
/** The same, and it counts page by page. */
const countsEachPage: Shows = (from) => {
  const users = EVERYBODY.slice(from - 1, from + 49)
  return { users, total: users.length }
}
/** An index behind its count is answered with its first page, as scimmy does. */
const wraps: Shows = (from) => ({ users: EVERYBODY.slice(from > 60 ? 0 : from - 1), total: 60 })
/** An index behind its count is refused. */
const refuses: Shows = (from, count) => (from > 60 ? 400 : wraps(from, count))
/** Knows no pages: shows and counts its first fifty, whatever it is asked for. */
const repeats: Shows = () => ({ users: EVERYBODY.slice(0, 50), total: 50 })
/** Shows nobody when it is asked for the last user again: somebody was deleted meanwhile. */
const shrinks: Shows = (from) => ({ users: from === 1 ? EVERYBODY.slice(0, 50) : [], total: 50 })
/** Counts more than it shows, and forgets its count at the end. */
const hides: Shows = (from) =>
  from > 50 ? { users: [], total: 0 } : { users: EVERYBODY.slice(from - 1, 50), total: 60 }

let server: Server
let runner: ConnectorRunner
let asked: string[]
let shows: Shows

beforeEach(async () => {
  asked = []
  server = createServer(({ url = '' }, res) => {
    asked.push(url)
    const query = new URL(url, 'http://x').searchParams
    const name = /^userName eq "(.*)"$/.exec(query.get('filter') ?? '')?.[1]
    const found = EVERYBODY.filter(({ userName }) => userName === name)
    const shown =
      name === undefined
        ? shows(Number(query.get('startIndex')), Number(query.get('count')))
        : { users: found, total: found.length }
    res.writeHead(typeof shown === 'number' ? shown : 200, { 'content-type': 'application/json' })
    res.end(
      typeof shown === 'number'
        ? '{}'
        : JSON.stringify({ totalResults: shown.total, Resources: shown.users }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  runner = createConnectorRunner({
    connectors: new Map<string, Connector>([['scim', scim]]),
    secretsOf: async () => ({ token: 'bearer-token-1' }),
    clock: systemClock,
  })
})
afterEach(async () => {
  await runner.close()
  server.closeAllConnections()
  server.close()
})

const open = async (config: object = {}): Promise<{ connector: Connector; call: CallContext }> => {
  const { port } = server.address() as AddressInfo
  const { connector, call } = await runner.open({
    id: 'app',
    connectorId: 'scim',
    config: { baseUrl: `http://127.0.0.1:${port}`, search: 'list', ...config },
    allowNetworks: ['127.0.0.0/8'],
  })
  const { signal } = new AbortController()
  return { connector, call: call({ credential: 'doer', idempotencyKey: 'k', signal }) }
}

async function everybody(config: object = {}): Promise<{ ids: string[]; complete: boolean }> {
  const { connector, call } = await open(config)
  const pages: Page<Observation>[] = []
  do {
    pages.push(await connector.list('account', 'everyone', pages.at(-1)?.next, call))
  } while (pages.at(-1)?.next !== undefined)
  return {
    ids: pages.flatMap(({ items }) => items.map(({ handle }) => handle.id)),
    complete: pages.every(({ complete }) => complete),
  }
}

describe('a server that counts no more than it shows at once', () => {
  test.each([
    ['its first page', countsItsPage],
    ['each page', countsEachPage],
  ])('list, it counts %s, shows all and is complete', async (_, server) => {
    shows = server
    const { ids, complete } = await everybody()
    expect(ids).toEqual(EVERYBODY.map(({ id }) => id))
    expect(complete).toBe(true)
  })

  test('list, pages of one user, shows all', async () => {
    shows = (from, count) => ({ users: EVERYBODY.slice(from - 1, from - 1 + count), total: 3 })
    const { ids } = await everybody({ pageSize: 1 })
    expect(ids).toEqual(EVERYBODY.map(({ id }) => id))
  })

  test('correlate, a person behind its count, is found', async () => {
    shows = countsItsPage
    const { connector, call } = await open()
    const matches = await connector.correlate(LAST, call)
    expect(matches).toMatchObject([{ handle: { id: 'u59' }, strength: 'exact' }])
  })
})

test.each([
  ['shows its first page again', wraps],
  ['refuses', refuses],
])('list, to an index behind its count the server %s, is complete', async (_, server) => {
  shows = server
  const { ids, complete } = await everybody()
  expect(ids).toEqual(EVERYBODY.map(({ id }) => id))
  expect(complete).toBe(true)
})

test.each([
  ['everybody', repeats],
  ['nobody', shrinks],
])('list, asked from the last user on the server shows %s, is not complete', async (_, server) => {
  shows = server
  const { ids, complete } = await everybody()
  expect(ids).toEqual(EVERYBODY.slice(0, 50).map(({ id }) => id))
  expect(complete).toBe(false)
  const { connector, call } = await open()
  const own = await connector.list('account', NOBODY, undefined, call)
  expect(own).toMatchObject({ items: [], complete: false })
})

test('list, a server that forgets its larger count, is not complete', async () => {
  shows = hides
  expect(await everybody()).toMatchObject({ complete: false })
  const { connector, call } = await open()
  await expect(connector.correlate(NOBODY, call)).rejects.toMatchObject({ fault: 'transient' })
})

test('correlate, a refusal before the count is reached, is an error', async () => {
  shows = (from) => (from > 1 ? 400 : { users: EVERYBODY.slice(0, 50), total: 60 })
  const { connector, call } = await open()
  await expect(connector.correlate(NOBODY, call)).rejects.toMatchObject({ fault: 'invalid' })
})

test('correlate by filter, one user who is counted as one, asks once', async () => {
  const { connector, call } = await open({ search: 'filter' })
  expect(await connector.correlate(LAST, call)).toHaveLength(1)
  expect(asked).toHaveLength(1)
})
