import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  type Ack,
  type CallContext,
  type Connector,
  ConnectorError,
  type Evidence,
  type Handle,
} from '../../../src/connector-sdk/contract.ts'
import { guardConnector } from '../../../src/connector-sdk/guard-connector.ts'
import { createRedactor } from '../../../src/connector-sdk/redact.ts'

const handle: Handle = { facet: 'account', id: 'u1' }
const evidence: Evidence = { method: 'LDAP', target: 'cn=hunter2-x', at: 1, body: 'bind hunter2-x' }
const never = (): Promise<never> => new Promise(() => {})

function guarded(parts: Partial<Connector>, signal = new AbortController().signal) {
  const connector: Connector = {
    manifest: {
      id: 'x',
      version: '1',
      title: 'X',
      configSchema: z.unknown(),
      secrets: {},
      facets: [],
      limits: { concurrency: 1, timeoutMs: 1 },
      quarantineMs: 0,
      absenceIs: 'suspect',
    },
    test: async () => [],
    correlate: async () => [],
    list: async () => ({ items: [], complete: true }),
    revoke: never,
    observe: never,
    ...parts,
  }
  const call = { signal } as CallContext
  return { connector: guardConnector(connector, {}, createRedactor(['hunter2-x'])), call }
}

test('guard, a TypeError, is a bug that may have had an effect and tells nothing else', async () => {
  const { connector, call } = guarded({
    revoke: () => {
      throw new TypeError('cannot read hunter2-x of undefined')
    },
  })
  const error = await connector.revoke(handle, call).catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    name: 'ConnectorError',
    fault: 'bug',
    effect: 'unknown',
    message: 'the connector threw TypeError',
  })
  expect(inspect(error)).not.toContain('hunter2-x')
})

test('guard, an error of another copy of the class, keeps its fault', async () => {
  const foreign = Object.assign(new Error('slow down'), {
    name: 'ConnectorError',
    fault: 'throttled',
    effect: 'none',
    retryAfterMs: 7,
  })
  const { connector, call } = guarded({ revoke: () => Promise.reject(foreign) })
  await expect(connector.revoke(handle, call)).rejects.toMatchObject({
    fault: 'throttled',
    retryAfterMs: 7,
  })
})

test('guard, an observation about somebody else, is a bug', async () => {
  const { connector, call } = guarded({
    observe: async () => ({ handle: { ...handle, id: 'u2' }, state: 'dead', at: 1, evidence }),
  })
  await expect(connector.observe(handle, call)).rejects.toMatchObject({ fault: 'bug' })
})

test('guard, a connector that ignores the abort, is left after a second', async () => {
  const controller = new AbortController()
  const { connector, call } = guarded({}, controller.signal)
  const began = performance.now()
  const revoking = connector.revoke(handle, call)
  controller.abort()
  await expect(revoking).rejects.toMatchObject({ fault: 'transient', effect: 'unknown' })
  expect(performance.now() - began).toBeLessThan(1_500)
})

test('guard, aborted before, does not call the connector', async () => {
  const controller = new AbortController()
  controller.abort()
  const { connector, call } = guarded({}, controller.signal)
  await expect(connector.revoke(handle, call)).rejects.toMatchObject({ effect: 'none' })
})

test('guard, evidence with a secret, comes out redacted, from answers, rows and errors', async () => {
  const ack: Ack = { kind: 'done', evidence }
  const row = { handle, state: 'live' as const, at: 1, evidence }
  const { connector, call } = guarded({
    revoke: async () => ack,
    observe: () => Promise.reject(new ConnectorError('invalid', 'no hunter2-x', { evidence })),
    list: async () => ({ items: [row, row], complete: true }),
  })
  const clean = { target: 'cn=[redacted]', body: 'bind [redacted]' }
  expect(await connector.revoke(handle, call)).toMatchObject({ evidence: clean })
  const { items } = await connector.list('account', 'everyone', undefined, call)
  expect(items).toMatchObject([{ evidence: clean }, { evidence: clean }])
  await expect(connector.observe(handle, call)).rejects.toMatchObject({
    message: 'no [redacted]',
    evidence: clean,
  })
})

test('guard, a listing that gives back the cursor it got, is a bug', async () => {
  const { connector, call } = guarded({
    list: async () => ({ items: [], complete: true, next: 'same' }),
  })
  await expect(connector.list('account', 'everyone', 'same', call)).rejects.toMatchObject({
    fault: 'bug',
  })
})
