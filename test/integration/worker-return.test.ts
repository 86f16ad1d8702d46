import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Finding } from '../../src/alerts/alert.ts'
import { restoreLook } from '../../src/alerts/restore-look.ts'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { createLaneDesk } from '../../src/revocation/lane-desk.ts'
import type { AppRecord } from '../../src/revocation/types.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { aCall } from '../support/intake.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let target: Target
let app: AppRecord
/** How often the app was asked whose an account is. */
let correlations: number

beforeEach(async () => {
  database = await freshDatabase()
  target = await startTarget({ a1: { userName: 'ann@example.com', active: true } })
  correlations = 0
  const connector = targetConnector() as Connector
  const correlate: Connector['correlate'] = (subject, call) => {
    correlations += 1
    return connector.correlate(subject, call)
  }
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', { ...connector, correlate }]]),
    leaseMs: 4_000,
  })
  app = await engine.register(target)
})

afterEach(async () => {
  await engine.close()
  await target.close()
  await database.dispose()
})

const settled = (userId: string, count: number) =>
  eventually('an end of every revocation', async () => {
    const all = await engine.of(userId)
    const done = all.length === count && all.every((r) => r.entry !== undefined)
    return done ? all.sort((a, b) => a.generation - b.generation) : undefined
  })

test('worker, a person who came back before anything was done, supersedes and writes nothing', async () => {
  const ann = await engine.hire('ann@example.com')
  await engine.setActive(ann, false)
  await engine.setActive(ann, true)
  engine.startWorker()
  const [revocation] = await settled(ann, 1)
  expect(revocation?.state).toBe('superseded')
  expect(target.writes).toEqual([])
  const closed = await eventually('closing', async () => {
    const found = await engine.revocations.offboarding(revocation!.offboardingId)
    return found?.state === 'closed'
  })
  expect(closed).toBe(true)
})

test('worker, a person who came back after the proof, gets back what was taken', async () => {
  const ann = await engine.hire('ann@example.com')
  engine.startWorker()
  await engine.setActive(ann, false)
  await settled(ann, 1)
  expect(target.accounts.get('a1')?.active).toBe(false)
  await engine.setActive(ann, true)
  await eventually('restored', () => target.accounts.get('a1')?.active === true)
})

test('worker, a person who came back in one source, stays out of an account that another source took away', async () => {
  const contractors = aCall('contractors')
  const ann = await engine.hire('ann@example.com')
  const other = await engine.directory.createUser(contractors, {
    userName: 'ann@example.com',
    active: true,
  })
  const setOther = (active: boolean) =>
    engine.directory.changeUser(contractors, other.id, ({ resource }) => ({ ...resource, active }))
  engine.startWorker()
  await setOther(false)
  await eventually('the proof', async () => {
    const { items } = await engine.revocations.list({ userId: other.id }, { limit: 1 })
    return items[0]?.state === 'proven'
  })
  await engine.setActive(ann, false)
  await settled(ann, 1)
  await setOther(true)
  const [stuck] = await eventually('the refusal', async () => {
    const lanes = await engine.lanes.stuck(10)
    return lanes.length === 0 ? undefined : lanes
  })
  expect(stuck).toMatchObject({ userId: other.id, undo: [{ stuck: 'ambiguous' }] })
  expect(target.accounts.get('a1')?.active).toBe(false)
})

test('worker, an app that says that it put back and did not, is told again until the person is in', async () => {
  const ann = await engine.hire('ann@example.com')
  engine.startWorker()
  await engine.setActive(ann, false)
  await settled(ann, 1)
  target.mood = 'lies'
  await engine.setActive(ann, true)
  const lane = await eventually('the lie is seen', async () => {
    const [found] = await engine.lanes.ofUsers('okta', [ann])
    return found?.undo.some(({ contradictions }) => contradictions === 1) && found
  })
  expect(lane.undo).toHaveLength(1)
  target.mood = 'well'
  await eventually('restored', () => target.accounts.get('a1')?.active === true)
  await eventually('nothing is owed any more', async () => {
    const [found] = await engine.lanes.ofUsers('okta', [ann])
    return found?.state === 'idle' && found.undo.length === 0
  })
})

test('worker, an app that refuses once to put somebody back, is told about, and puts them back when it is asked again', async () => {
  const look = restoreLook({ stuck: engine.lanes.stuck, apps: engine.apps.all })
  const told = async (): Promise<Finding[]> => {
    const found: Finding[] = []
    for await (const finding of look.findings()) found.push(finding)
    return found
  }
  const ann = await engine.hire('ann@example.com')
  const worker = engine.startWorker()
  await engine.setActive(ann, false)
  const [revocation] = await settled(ann, 1)
  target.mood = 'forbidden'
  await engine.setActive(ann, true)
  const [finding] = await eventually('the refusal is told', async () => {
    const found = await told()
    return found.length > 0 && found
  })
  const { id: appId } = app
  expect(finding).toMatchObject({
    rule: 'restore-stuck',
    about: { sourceId: 'okta', userId: ann, appId },
    facts: { facet: 'account', fault: 'forbidden' },
  })
  await eventually('it is due again', async () => {
    const [lane] = await engine.lanes.ofUsers('okta', [ann])
    return lane?.state === 'ready'
  })
  target.mood = 'well'
  const desk = createLaneDesk({
    lanes: engine.lanes,
    clock: engine.clock,
    onChanged: () => worker.poke(),
  })
  expect(await desk.isStuck(revocation!)).toBe(true)
  await desk.retry(revocation!)
  await eventually('restored', () => target.accounts.get('a1')?.active === true)
  await eventually('nothing is told any more', async () => (await told()).length === 0)
  expect(await desk.isStuck(revocation!)).toBe(false)
})

test('worker, a return while a write without an answer may still land, waits it out and then restores', async () => {
  const ann = await engine.hire('ann@example.com')
  target.mood = { late: 700 }
  engine.startWorker()
  await engine.setActive(ann, false)
  await eventually('sent', async () => {
    const [lane] = await engine.lanes.ofUsers('okta', [ann])
    return lane?.quarantine !== undefined
  })
  target.mood = 'well'
  await engine.setActive(ann, true)
  await eventually('restored', () => target.writes.at(-1)?.active === true)
  expect(target.writes.map((w) => w.active)).toEqual([false, true])
  expect(target.accounts.get('a1')?.active).toBe(true)
})

test('worker, out, in and out again at random moments, ends with the last word and one record each', async () => {
  target.delayMs = 15
  for (let round = 0; round < 5; round += 1) {
    target.accounts.set(`r${round}`, { userName: `r${round}@example.com`, active: true })
  }
  engine.startWorker()
  engine.startWorker()
  await Promise.all(
    [0, 1, 2, 3, 4].map(async (round) => {
      const user = await engine.hire(`r${round}@example.com`)
      for (const active of [false, true, false]) {
        await engine.setActive(user, active)
        await eventually('some time', () => Math.random() < 0.3)
      }
      const [first, second] = await settled(user, 2)
      expect(['proven', 'superseded']).toContain(first?.state)
      expect(second?.state).toBe('proven')
      expect(target.accounts.get(`r${round}`)?.active).toBe(false)
    }),
  )
  const eids = (await database.connection.db!.collection('ledger_entries').find().toArray()).map(
    (entry) => String(entry['eid']),
  )
  expect(new Set(eids).size).toBe(eids.length)
  expect(eids.filter((eid) => eid.startsWith('revocation.'))).toHaveLength(10)
})

/** Ann left once and is back; what happened to her account is up to the test. */
async function backAgain(meanwhile: () => void = () => {}): Promise<string> {
  const ann = await engine.hire('ann@example.com')
  engine.startWorker()
  await engine.setActive(ann, false)
  await settled(ann, 1)
  meanwhile()
  await engine.setActive(ann, true)
  await eventually('what can be put back is', async () => {
    const [lane] = await engine.lanes.ofUsers('okta', [ann])
    const isDone = lane?.state === 'idle' || lane?.undo.some(({ stuck }) => stuck !== undefined)
    return lane?.current?.op === 'restore' && isDone
  })
  return ann
}

/** The newest revocation, once a person is asked or it is proven. */
const latest = (userId: string) =>
  eventually('a proof or a person', async () => {
    const found = (await engine.of(userId)).find(({ generation }) => generation === 3)
    return found !== undefined && ['proven', 'human'].includes(found.state) && found
  })

test('worker, hired again with a new account, takes that one and not the one that is gone', async () => {
  const ann = await backAgain(() => target.accounts.delete('a1'))
  target.accounts.set('a2', { userName: 'ann@example.com', active: true })
  await engine.setActive(ann, false)
  expect((await latest(ann)).state).toBe('proven')
  expect(target.accounts.get('a2')?.active).toBe(false)
  const [lane] = await engine.lanes.ofUsers('okta', [ann])
  expect(lane?.links).toEqual([{ facet: 'account', handleId: 'a2', seenLive: true }])
})

test('worker, hired again beside the old account, asks a person which one it is', async () => {
  const ann = await backAgain()
  target.accounts.set('a1', { userName: 'ann@example.com', active: false })
  target.accounts.set('a2', { userName: 'ann@example.com', active: true })
  await engine.setActive(ann, false)
  expect(await latest(ann)).toMatchObject({ state: 'human', reason: 'ambiguous-match' })
})

test('worker, an old account of another name that lives beside the new one, asks a person until it is dead', async () => {
  const ann = await backAgain()
  target.accounts.set('a1', { userName: 'old-ann@example.com', active: true })
  target.accounts.set('a2', { userName: 'ann@example.com', active: true })
  await engine.setActive(ann, false)
  const asked = await latest(ann)
  expect(asked).toMatchObject({ state: 'human', reason: 'ambiguous-match' })
  target.accounts.set('a1', { userName: 'old-ann@example.com', active: false })
  const desk = createLaneDesk({ lanes: engine.lanes, clock: engine.clock, onChanged: () => {} })
  await desk.retry(asked)
  await eventually('a proof', async () => {
    return (await engine.of(ann)).every(({ state }) => state === 'proven')
  })
  expect(target.accounts.get('a2')?.active).toBe(false)
})

test('worker, a revocation that is tried again, asks once whose the account is', async () => {
  const ann = await backAgain()
  const before = correlations
  target.mood = 'lies'
  await engine.setActive(ann, false)
  await eventually('tried twice', async () => {
    const [lane] = await engine.lanes.ofUsers('okta', [ann])
    return (lane?.work[0]?.attempts ?? 0) >= 2
  })
  expect(correlations).toBe(before + 1)
})
