import { test as base, describe } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { freshDatabase } from '../support/database.ts'
import { engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, targetConnector } from '../support/targets.ts'
import { startWorkerProcess } from '../support/worker-process.ts'

const LEASE_MS = 2_500

/** A target, an engine and a worker process, on a database of their own: the tests run side by side. */
async function startWorld() {
  const database = await freshDatabase()
  const target = await startTarget({ a1: { userName: 'ann@example.com', active: true } })
  const engine = await engineOn(database.connection, {
    connectors: new Map([['target', targetConnector() as Connector]]),
    leaseMs: LEASE_MS,
  })
  await engine.register(target)
  // The first heads of the log must be there before a second process reads them.
  await eventually('genesis', async () => (await engine.ledger.store.head()).edge.size > 0)
  const child = await startWorkerProcess({
    uri: database.uri,
    dbName: database.dbName,
    masterKey: engine.ledger.masterKey,
    directory: engine.ledger.directory,
    leaseMs: LEASE_MS,
  })
  return {
    target,
    engine,
    child,
    laneOf: async (userId: string) => (await engine.lanes.ofUsers('okta', [userId]))[0],
    proven: (userId: string) =>
      eventually('proof', async () => {
        const [revocation] = await engine.of(userId)
        return revocation?.state === 'proven' ? revocation : undefined
      }),
    entriesOf: async () =>
      (await database.connection.db!.collection('ledger_entries').find().toArray())
        .map((entry) => String(entry['eid']))
        .filter((eid) => eid.startsWith('revocation.')),
    close: async () => {
      child.signal('SIGKILL')
      await child.ended
      await engine.close()
      await target.close()
      await database.dispose()
    },
  }
}

const test = base.extend<{ world: Awaited<ReturnType<typeof startWorld>> }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of what a fixture needs from its pattern
  world: async ({}, use) => {
    const world = await startWorld()
    await use(world)
    await world.close()
  },
})

describe.concurrent('worker process', () => {
  test('worker, killed between claim and effect, loses nothing: another one takes over', async ({
    expect,
    world,
  }) => {
    const { child, engine, target, laneOf, proven } = world
    target.mood = 'hangs'
    const ann = await engine.hire('ann@example.com')
    await engine.setActive(ann, false)
    await eventually('a lease', async () => (await laneOf(ann))?.lease !== undefined)
    child.signal('SIGKILL')
    await child.ended
    expect((await laneOf(ann))?.lease?.holder).toBe(`process ${child.pid}`)
    target.mood = 'well'
    engine.startWorker()
    await proven(ann)
    expect((await laneOf(ann))?.fence).toBeGreaterThanOrEqual(3)
    expect(target.accounts.get('a1')?.active).toBe(false)
  })

  test('worker, killed after the app did it and before it was stored, proves without doing it twice', async ({
    expect,
    world,
  }) => {
    const { child, engine, target, entriesOf, proven } = world
    target.delayMs = 400
    const ann = await engine.hire('ann@example.com')
    await engine.setActive(ann, false)
    await eventually('the write', () => target.writes.length === 1)
    child.signal('SIGKILL')
    await child.ended
    target.delayMs = 0
    engine.startWorker()
    await proven(ann)
    expect(target.writes).toHaveLength(1)
    expect(await entriesOf()).toHaveLength(1)
  })

  test('worker, frozen for longer than its lease, can neither act nor store when it wakes', async ({
    expect,
    world,
  }) => {
    const { child, engine, target, entriesOf, laneOf, proven } = world
    target.delayMs = 300
    const ann = await engine.hire('ann@example.com')
    await engine.setActive(ann, false)
    await eventually('a lease', async () => (await laneOf(ann))?.lease !== undefined)
    child.signal('SIGSTOP')
    target.delayMs = 0
    engine.startWorker()
    const first = await proven(ann)
    const writes = target.writes.length
    child.signal('SIGCONT')
    const bob = await engine.hire('bob@example.com')
    target.accounts.set('b1', { userName: 'bob@example.com', active: true })
    await engine.setActive(bob, false)
    await proven(bob)
    expect((await engine.of(ann))[0]).toEqual(first)
    expect(target.writes.filter((write) => write.id === 'a1')).toHaveLength(writes)
    expect(await entriesOf()).toHaveLength(2)
  })

  test('worker, told to stop while an app hangs, hands its lanes back within eight seconds', async ({
    expect,
    world,
  }) => {
    const { child, engine, target, laneOf } = world
    target.mood = 'hangs'
    const ann = await engine.hire('ann@example.com')
    await engine.setActive(ann, false)
    await eventually('a lease', async () => (await laneOf(ann))?.lease !== undefined)
    const began = Date.now()
    child.signal('SIGTERM')
    expect(await child.ended).toBe(0)
    expect(Date.now() - began).toBeLessThan(8_000)
    const lane = await laneOf(ann)
    expect(lane?.lease).toBeUndefined()
    expect(lane?.state).toBe('ready')
  })
})
