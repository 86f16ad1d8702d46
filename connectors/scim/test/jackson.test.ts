import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type {
  CallContext,
  Connector,
  Handle,
  Observation,
  Page,
} from '../../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import { testKit } from '../../../test/support/kit.ts'
import {
  hasJackson,
  type JacksonServer,
  startJackson,
} from '../../../test/support/servers/jackson.ts'
import scim from '../index.ts'
import { addUser, CANNOT, type JacksonWorld, jacksonWorld } from './jackson-world.ts'

/** A busy machine may take its time: nothing here is about time. */
const timeoutMs = 20_000

const STYLE_MATTERS =
  /^(revoke, (an account|twice|a stranger|a preview)|restore, (what was taken|the answer))/

describe.runIf(hasJackson())('scim, on a real SAML Jackson', () => {
  let server: JacksonServer
  beforeAll(async () => {
    server = await startJackson()
  })
  afterAll(() => server.stop())

  describe.each(['patch', 'patch-pathless', 'put', 'delete'])('disable by %s', (disable) => {
    // Its filter knows one key in one spelling, see below.
    const start = () => jacksonWorld(server, { disable, search: 'list' })
    // Reading is the same in all styles of disabling: those cases once.
    const only = disable === 'patch' ? /^/ : STYLE_MATTERS
    testKit({ connector: scim, start, timeoutMs, cannot: CANNOT }, 'SAML Jackson', only)
  })

  interface Opened {
    world: JacksonWorld
    connector: Connector
    call: CallContext
    jane: Handle
  }
  const opened = async (config: object, work: (opened: Opened) => Promise<void>): Promise<void> => {
    const world = await jacksonWorld(server, config)
    const runner = createConnectorRunner({
      connectors: new Map([['scim', scim as Connector]]),
      secretsOf: async () => world.secrets,
      clock: systemClock,
      limits: { timeoutMs },
    })
    try {
      const { connector, call } = await runner.open(world.app)
      const signal = new AbortController().signal
      await work({
        world,
        connector,
        call: call({ credential: 'doer', signal, idempotencyKey: 'test' }),
        jane: { facet: 'account', id: world.accountId },
      })
    } finally {
      await runner.close()
    }
  }

  test.each([
    ['patch', 'user.updated', false],
    ['patch-pathless', 'user.updated', false],
    ['put', 'user.updated', false],
    ['delete', 'user.deleted', true],
  ])('revoke by %s, is told to the application behind the server', (disable, event, active) =>
    opened({ disable }, async ({ world, connector, call, jane }) => {
      await connector.revoke(jane, call)
      const { told } = await world.directory.inside()
      expect(told.at(-1)).toMatchObject({ event, data: { id: jane.id, active } })
    }),
  )

  test('revoke by patch-string, is kept as text, the application is told text, and it proves nothing', () =>
    opened({ disable: 'patch-string' }, async ({ world, connector, call, jane }) => {
      await connector.revoke(jane, call)
      const { told } = await world.directory.inside()
      expect(told.at(-1)).toMatchObject({ data: { id: jane.id, active: 'False' } })
      expect((await connector.observe(jane, call)).state).toBe('unknown')
    }))

  test.each(['patch', 'put'])('revoke and restore by %s, leave all else as it was', (disable) =>
    opened({ disable }, async ({ world, connector, call, jane }) => {
      const before = await world.directory.scim('GET', `/Users/${jane.id}`)
      const { undo } = await connector.revoke(jane, call)
      expect(await world.directory.scim('GET', `/Users/${jane.id}`)).toEqual({
        ...before,
        active: false,
      })
      await connector.restore?.(jane, undo ?? {}, call)
      expect(await world.directory.scim('GET', `/Users/${jane.id}`)).toEqual(before)
    }),
  )

  test('revoke, a member of a group, is still its member', () =>
    opened({}, async ({ world, connector, call, jane }) => {
      const group = await world.directory.scim('POST', '/Groups', { displayName: 'Engineering' })
      await world.directory.scim('PATCH', `/Groups/${group['id']}`, {
        Operations: [{ op: 'add', path: 'members', value: [{ value: jane.id }] }],
      })
      await connector.revoke(jane, call)
      const { members } = await world.directory.inside()
      expect(members).toEqual([{ user_id: jane.id }])
    }))

  test('list, pages of two, show each once and end with the last one', () =>
    opened({}, async ({ world, connector, call }) => {
      const pages = await read(connector, call)
      expect(pages.map(({ items }) => items.length).filter((n) => n > 0)).toEqual([2, 2, 1])
      const ids = pages.flatMap(({ items }) => items.map(({ handle }) => handle.id))
      expect(ids.toSorted()).toEqual([...world.ids.values()].toSorted())
    }))

  test('list, ten users more than the server counts, shows them all', () =>
    opened({ pageSize: 100 }, async ({ world, connector, call }) => {
      const more = Array.from({ length: 55 }, (_, n) => ({
        userName: `more${n}@example.com`,
        externalId: `more-${n}`,
      }))
      await Promise.all(more.map((one) => addUser(world.directory, one)))
      const { totalResults } = await world.directory.scim('GET', '/Users?startIndex=1&count=100')
      expect(totalResults).toBe(50)
      const pages = await read(connector, call)
      const ids = new Set(pages.flatMap(({ items }) => items.map(({ handle }) => handle.id)))
      expect(ids.size).toBe(60)
      expect(pages.every(({ complete }) => complete)).toBe(true)
    }))

  test('correlate by filter, the userName as it is spelled there, finds that one', () =>
    opened({}, async ({ world, connector, call, jane }) => {
      const subject = { ...world.subject, userName: 'jane@example.com' }
      const matches = await connector.correlate(subject, call)
      expect(matches).toMatchObject([{ handle: jane, matchedOn: 'userName', strength: 'exact' }])
    }))

  test.each([
    [
      {},
      false,
      'unsupported: the server finds a userName in one spelling only: set search to list',
    ],
    [
      { correlateBy: ['externalId'] },
      false,
      'unsupported: the server does not find by externalId whom it lists: set search to list',
    ],
    [{ correlateBy: ['emails'] }, true, 'the filter was honoured'],
    [{ search: 'list' }, true, 'not asked for: users are found by listing'],
  ])('test with %j, of a filter that knows one key in one spelling, is %s', (config, ok, message) =>
    opened(config, async ({ connector, call }) => {
      const lines = await connector.test(call)
      const line = lines.find(({ name }) => name === 'account.correlate')
      expect(line).toMatchObject({ ok, detail: message })
    }),
  )

  test('a directory that is switched off, answers 200 to all, is never "nobody" and never "done"', () =>
    opened({}, async ({ world, connector, call, jane }) => {
      await world.directory.deactivate()
      const { subject } = world
      const nothing = { effect: 'none' }
      await expect(connector.correlate(subject, call)).rejects.toMatchObject(nothing)
      await expect(connector.observe(jane, call)).rejects.toMatchObject(nothing)
      await expect(connector.revoke(jane, call)).rejects.toMatchObject(nothing)
      const [page] = await read(connector, call)
      expect(page?.complete).toBe(false)
    }))

  test('a wrong token, is a credential fault', () =>
    opened({}, async ({ connector, call, jane }) => {
      const wrong = { ...call, secrets: { token: 'canary-wrong' } }
      const error = connector.revoke(jane, wrong)
      await expect(error).rejects.toMatchObject({ fault: 'credential', effect: 'none' })
    }))
})

async function read(connector: Connector, call: CallContext): Promise<Page<Observation>[]> {
  const pages: Page<Observation>[] = []
  do {
    pages.push(await connector.list('account', 'everyone', pages.at(-1)?.next, call))
  } while (pages.at(-1)?.next !== undefined)
  return pages
}
