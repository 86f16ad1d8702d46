import { strict as assert } from 'node:assert'
import { isConnectorError, type Match, type Page } from '../contract.ts'
import { faultOf, type KitSession, type KitWork } from './session.ts'
import type { Tricks } from './world.ts'

/** Name → what must hold. Cases about saying what is true of the right person. */
export const truthCases: Record<string, KitWork> = {
  'correlate, a person with one account, finds that one': async ({ connector, world, witness }) => {
    const matches = await connector.correlate(world.subject, witness)
    assert.deepEqual(ids(matches), [world.accountId])
    assert.equal(matches[0]?.strength, 'exact')
  },

  'correlate, a stranger, finds nobody': async ({ connector, world, witness }) => {
    if (world.cannot.ask !== undefined) return world.cannot.ask
    assert.deepEqual(await connector.correlate(world.stranger, witness), [])
  },

  'correlate, two accounts, reports both': async ({ connector, world, witness }) => {
    if (world.cannot.ask !== undefined) return world.cannot.ask
    assert.equal(new Set(ids(await connector.correlate(world.twins, witness))).size, 2)
  },

  'observe, an account never touched, is live': async (session) => {
    if (observable(session).length === 0) return UNREADABLE
    for (const spec of observable(session)) {
      const seen = await session.connector.observe(session.handle(spec), session.witness)
      assert.equal(seen.state, 'live', spec.facet)
    }
  },

  'observe, a stranger, is absent or unknown': async (session) => {
    if (observable(session).length === 0) return UNREADABLE
    for (const { facet } of observable(session)) {
      const handle = { facet, id: session.world.strangerId }
      try {
        const { state } = await session.connector.observe(handle, session.witness)
        assert.ok(state === 'absent' || state === 'unknown', `${facet} is ${state}`)
      } catch (error) {
        assert.ok(isConnectorError(error))
      }
    }
  },

  'revoke, an account, is dead to the witness and in truth': async (session) => {
    const { connector, world, doer, witness } = session
    for (const spec of session.facets) {
      await connector.revoke(session.handle(spec), doer)
      assert.equal(await world.isLive(spec.facet), false, spec.facet)
      if (spec.observe === 'none') continue
      const seen = await connector.observe(session.handle(spec), witness)
      assert.notEqual(seen.state, 'live', spec.facet)
    }
    assert.equal(await world.bystandersHit(), 0)
  },

  'revoke, twice, means the same twice': async (session) => {
    const { connector, world, doer } = session
    for (const spec of session.facets) {
      const first = await connector.revoke(session.handle(spec), doer)
      assert.ok(first.kind === 'done' || first.kind === 'accepted', first.kind)
      try {
        await connector.revoke(session.handle(spec), doer)
      } catch (error) {
        // Where revoking deletes, the second time there is nobody.
        assert.ok(isConnectorError(error) && error.fault === 'gone')
      }
      assert.equal(await world.isLive(spec.facet), false, spec.facet)
    }
  },

  'revoke, a stranger, is gone and hits nobody': async ({ connector, world, doer, facets }) => {
    if (world.cannot.ask !== undefined) return world.cannot.ask
    for (const { facet } of facets) {
      const error = await faultOf(connector.revoke({ facet, id: world.strangerId }, doer))
      assert.equal(error.fault, 'gone')
      assert.equal(error.effect, 'none')
    }
    assert.equal(await world.bystandersHit(), 0)
  },

  'revoke, a preview, writes nothing': async (session) => {
    const { connector, world, preview } = session
    for (const spec of session.facets) {
      await connector.revoke(session.handle(spec), preview)
      assert.equal(await world.isLive(spec.facet), true, spec.facet)
    }
    const { wire } = world
    assert.equal(wire?.seen.filter((asked) => wire.isWrite(asked)).length ?? 0, 0)
  },

  'restore, what was taken, is live again': async (session) => {
    const { connector, world, doer } = session
    const specs = session.facets.filter(({ reversible }) => reversible)
    if (specs.length === 0) return FOR_GOOD
    for (const spec of specs) {
      const { undo } = await connector.revoke(session.handle(spec), doer)
      assert.ok(undo, `${spec.facet} is reversible, but leaves nothing to undo it with`)
      assert.ok(connector.restore, 'reversible, but there is no restore')
      await connector.restore(session.handle(spec), undo, doer)
      assert.equal(await world.isLive(spec.facet), true, spec.facet)
    }
  },

  'restore, the answer of the revoke was lost, is live again or asks for the facts': async (
    session,
  ) => {
    const { connector, world, doer } = session
    const specs = session.facets.filter(({ reversible }) => reversible)
    if (specs.length === 0) return FOR_GOOD
    for (const spec of specs) {
      await connector.revoke(session.handle(spec), doer)
      assert.ok(connector.restore, 'reversible, but there is no restore')
      if (spec.undoNeeds === 'facts') {
        assert.notEqual(spec.facet, 'account', 'who came back must get in: no account needs facts')
        const error = await faultOf(connector.restore(session.handle(spec), {}, doer))
        assert.deepEqual([error.fault, error.effect], ['unsupported', 'none'], spec.facet)
      } else {
        await connector.restore(session.handle(spec), {}, doer)
      }
      assert.equal(await world.isLive(spec.facet), spec.undoNeeds === undefined, spec.facet)
    }
  },

  'test, writes nothing and speaks of each facet': async ({ connector, world, doer, facets }) => {
    const lines = await connector.test(doer)
    const { wire } = world
    assert.equal(wire?.seen.filter((asked) => wire.isWrite(asked)).length ?? 0, 0)
    for (const { facet } of facets) {
      assert.ok(
        lines.some(({ name }) => name.startsWith(`${facet}.`)),
        facet,
      )
      assert.equal(await world.isLive(facet), true)
    }
    assert.deepEqual(
      lines.filter(({ ok }) => !ok),
      [],
    )
  },

  'list, everyone, shows each account once with its keys': async (session) => {
    if (session.facets.every(({ enumerate }) => enumerate !== 'complete')) {
      return 'the application cannot list everyone'
    }
    for (const { facet, enumerate } of session.facets) {
      if (enumerate !== 'complete') continue
      const seen: string[] = []
      for await (const page of pages(session, facet)) {
        assert.equal(page.complete, true)
        assert.ok(page.items.every(({ keys }) => keys !== undefined))
        seen.push(...page.items.map(({ handle }) => handle.id))
      }
      assert.equal(new Set(seen).size, seen.length)
      assert.ok(seen.includes(session.world.accountId))
    }
  },
}

/** Cases that need the application to misbehave. */
export const trickCases = {
  lie: {
    'observe, after a 200 that changed nothing, is live': async (session) => {
      if (observable(session).length === 0) return UNREADABLE
      for (const spec of observable(session)) {
        const ack = await session.connector.revoke(session.handle(spec), session.doer)
        assert.ok(['done', 'accepted', 'already'].includes(ack.kind))
        const seen = await session.connector.observe(session.handle(spec), session.witness)
        assert.equal(seen.state, 'live', spec.facet)
      }
    },
  },
  ignoreFilter: {
    'correlate, a server that ignores the filter, never names the wrong person': async ({
      connector,
      world,
      witness,
    }) => {
      assert.deepEqual(ids(await connector.correlate(world.subject, witness)), [world.accountId])
      assert.deepEqual(await connector.correlate(world.stranger, witness), [])
    },
  },
  repeatPages: {
    'list, a server that repeats its page, ends in an error': async (session) => {
      const error = await faultOf(drain(session))
      assert.ok(['unsupported', 'invalid', 'bug'].includes(error.fault), error.fault)
    },
  },
  hideRows: {
    'list, a server that shows fewer than it counts, is not complete': async (session) => {
      let isComplete = true
      for await (const page of pages(session, 'account')) isComplete &&= page.complete
      assert.equal(isComplete, false)
    },
  },
} satisfies Partial<Record<keyof Tricks, Record<string, KitWork>>>

const UNREADABLE = 'nothing can be read back'
const FOR_GOOD = 'nothing can be put back'

const observable = ({ facets }: KitSession): KitSession['facets'] =>
  facets.filter(({ observe }) => observe !== 'none')

const ids = (matches: readonly Match[]): string[] => matches.map(({ handle }) => handle.id)

async function drain(session: KitSession): Promise<void> {
  for await (const _ of pages(session, 'account'));
}

async function* pages(
  { connector, witness }: KitSession,
  facet: KitSession['facets'][number]['facet'],
): AsyncGenerator<Page<Awaited<ReturnType<typeof connector.observe>>>> {
  let cursor: string | undefined
  for (let n = 0; n < 1_000; n += 1) {
    const page = await connector.list(facet, 'everyone', cursor, witness)
    yield page
    if (page.next === undefined) return
    cursor = page.next
  }
  assert.fail('the listing does not end')
}
