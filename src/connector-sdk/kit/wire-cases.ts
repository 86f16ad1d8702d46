import { strict as assert } from 'node:assert'
import { inspect } from 'node:util'
import type { Effect, Fault } from '../contract.ts'
import { LONGEST_WAIT_MS } from '../retry-after.ts'
import { faultOf, type KitSession, type KitWork } from './session.ts'
import type { Wire, WireFault } from './world.ts'

type Expected = {
  fault: readonly Fault[]
  effect: Effect
  retryAfterMs?: [min: number, max: number]
}

const answer = (status: number, headers: Record<string, string> = {}, body = ''): WireFault => ({
  kind: 'answer',
  status,
  headers,
  body,
})
/** Nothing but a time limit ends it. */
const endless = ({ kind }: WireFault): boolean => kind === 'silence' || kind === 'drip'
const inOneMinute = (): string => new Date(Date.now() + 60_000).toUTCString()

/** What goes wrong with a write → how it must be classified. */
const writeFaults: Record<string, () => [WireFault, Expected]> = {
  '400': () => [answer(400), { fault: ['invalid'], effect: 'none' }],
  '401': () => [answer(401), { fault: ['credential'], effect: 'none' }],
  '403': () => [answer(403), { fault: ['forbidden'], effect: 'none' }],
  '404': () => [answer(404), { fault: ['gone'], effect: 'none' }],
  '409': () => [answer(409), { fault: ['conflict'], effect: 'none' }],
  '412': () => [answer(412), { fault: ['conflict'], effect: 'none' }],
  '429 without a time': () => [answer(429), { fault: ['throttled'], effect: 'none' }],
  '429 with seconds': () => [
    answer(429, { 'retry-after': '7' }),
    { fault: ['throttled'], effect: 'none', retryAfterMs: [7_000, 7_000] },
  ],
  '429 with a date': () => [
    answer(429, { 'retry-after': inOneMinute() }),
    { fault: ['throttled'], effect: 'none', retryAfterMs: [50_000, 60_000] },
  ],
  '429 with an absurd time': () => [
    answer(429, { 'retry-after': '1000000000' }),
    { fault: ['throttled'], effect: 'none', retryAfterMs: [0, LONGEST_WAIT_MS] },
  ],
  '500': () => [answer(500), { fault: ['transient'], effect: 'unknown' }],
  '503 with seconds': () => [
    answer(503, { 'retry-after': '7' }),
    { fault: ['throttled', 'transient'], effect: 'none', retryAfterMs: [7_000, 7_000] },
  ],
  'a redirect': () => [
    answer(307, { location: 'https://elsewhere.example/' }),
    { fault: ['invalid'], effect: 'unknown' },
  ],
  'a login page with 200': () => [
    answer(200, { 'content-type': 'text/html' }, '<html><title>Sign in</title></html>'),
    { fault: ['invalid'], effect: 'unknown' },
  ],
  'no answer in time': () => [{ kind: 'silence' }, { fault: ['transient'], effect: 'unknown' }],
  'a dripping answer': () => [{ kind: 'drip' }, { fault: ['transient'], effect: 'unknown' }],
  'a reset after the deed': () => [
    { kind: 'reset-after' },
    { fault: ['transient'], effect: 'unknown' },
  ],
  'half an answer': () => [{ kind: 'truncate' }, { fault: ['transient'], effect: 'unknown' }],
}

/** Name → what must hold. Cases about a network and an application that fail. */
export const wireCases: Record<string, KitWork> = {
  ...Object.fromEntries(
    Object.entries(writeFaults).map(([what, make]) => [
      `revoke, ${what}, is classified`,
      async (session: KitSession) => {
        const { connector, facets } = session
        const wire = wireOf(session)
        const [fault, expected] = make()
        const doer = endless(fault) ? await session.hurried('doer') : session.doer
        const [spec] = facets
        assert.ok(spec)
        wire.inject(fault, (asked) => wire.isWrite(asked))
        const error = await faultOf(connector.revoke(session.handle(spec), doer))
        const isExpected =
          expected.fault.includes(error.fault) ||
          (what === '404' && session.world.cannot.ask !== undefined && error.fault === 'invalid')
        assert.ok(isExpected, `${error.fault}: ${error.message}`)
        assert.equal(error.effect, expected.effect)
        const { retryAfterMs } = error
        const [min, max] = expected.retryAfterMs ?? []
        if (min === undefined || max === undefined) assert.equal(retryAfterMs, undefined)
        else assert.ok(retryAfterMs !== undefined && retryAfterMs >= min && retryAfterMs <= max)
      },
    ]),
  ),

  'observe, an application in trouble, is an error without effect': async (session) => {
    const { connector, facets } = session
    const wire = wireOf(session)
    const spec = facets.find(({ observe }) => observe !== 'none')
    if (spec === undefined) return 'nothing can be read back'
    const faults = [answer(401), answer(403), answer(429), answer(500), answer(503)]
    const more: WireFault[] = [{ kind: 'silence' }, { kind: 'reset-before' }, { kind: 'truncate' }]
    for (const fault of [...faults, ...more, answer(200, {}, '<html>')]) {
      wire.inject(fault)
      const witness = endless(fault) ? await session.hurried('witness') : session.witness
      const error = await faultOf(connector.observe(session.handle(spec), witness))
      assert.equal(error.effect, 'none', error.message)
      assert.notEqual(error.fault, 'gone', error.message)
    }
  },

  'correlate, an application in trouble, never says that nobody is there': async (session) => {
    const { connector, witness, world } = session
    const wire = wireOf(session)
    if (world.cannot.ask !== undefined) return world.cannot.ask
    for (const fault of [answer(404), answer(500), answer(200, {}, '<html>'), answer(401)]) {
      wire.inject(fault)
      await faultOf(connector.correlate(world.subject, witness))
    }
  },

  'an abort, in the middle of a call, ends it within a second': async (session) => {
    const { connector, doer, facets } = session
    const wire = wireOf(session)
    const [spec] = facets
    assert.ok(spec)
    wire.inject({ kind: 'drip' })
    const began = performance.now()
    const ending = faultOf(connector.revoke(session.handle(spec), doer))
    session.abort()
    assert.equal((await ending).fault, 'transient')
    assert.ok(performance.now() - began < 1_000)
  },

  'secrets, echoed by the application, are in no evidence and no error': async (session) => {
    const { connector, doer, world, facets } = session
    const wire = wireOf(session)
    const [spec] = facets
    assert.ok(spec)
    const echo = (): string => {
      const { headers, body } = wire.seen.at(-1) ?? {}
      const texts = Object.values(world.secrets).flatMap((secret) => [
        secret,
        Buffer.from(secret).toString('base64'),
        encodeURIComponent(secret),
      ])
      return JSON.stringify({ headers, body, texts })
    }
    const collected: unknown[] = []
    for (const status of [200, 400, 401, 500]) {
      wire.inject({ kind: 'answer', status, body: echo() })
      collected.push(
        await connector.revoke(session.handle(spec), doer).catch((error: unknown) => error),
        await connector.observe(session.handle(spec), doer).catch((error: unknown) => error),
        await connector.correlate(world.subject, doer).catch((error: unknown) => error),
        await connector.test(doer),
      )
    }
    const text = inspect(collected, { depth: 12, maxStringLength: null, maxArrayLength: null })
    for (const secret of Object.values(world.secrets)) {
      for (const form of [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')]) {
        assert.ok(!text.includes(form), 'a secret is in an error or in evidence')
      }
    }
  },
}

function wireOf({ world }: KitSession): Wire {
  assert.ok(world.wire)
  return world.wire
}
