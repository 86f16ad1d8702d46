import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { createLaneDesk } from '../../src/revocation/lane-desk.ts'
import { entriesOf } from '../../src/storage/ledger-collections.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, TARGET_ACCOUNT, type Target, targetConnector } from '../support/targets.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let target: Target
let ann: string

const start = async (connector = targetConnector()): Promise<void> => {
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', connector as Connector]]),
  })
  await engine.register(target)
  ann = await engine.hire('ann@example.com')
}

beforeEach(async () => {
  database = await freshDatabase()
  target = await startTarget({
    a1: { userName: 'ann@example.com', active: true },
    b1: { userName: 'bob@example.com', active: true },
  })
})

afterEach(async () => {
  await engine.close()
  await target.close()
  await database.dispose()
})

const leave = async (): Promise<void> => {
  engine.startWorker()
  await engine.setActive(ann, false)
}

const inState = (state: string, reason?: string) =>
  eventually(`${state} ${reason ?? ''}`, async () => {
    const [revocation] = await engine.of(ann)
    return revocation?.state === state && revocation.reason === reason ? revocation : undefined
  })

test('worker, an app that answers 200 and changes nothing, ends as contradicted with grade F', async () => {
  await start()
  target.mood = 'lies'
  await leave()
  const revocation = await eventually('contradicted', async () => {
    const [found] = await engine.of(ann)
    return found?.verdict?.kind === 'contradicted' ? found : undefined
  })
  expect(revocation.verdict).toMatchObject({ grade: 'F' })
  expect(revocation.state).not.toBe('proven')
  expect(revocation.entry).toBeUndefined()
})

test('worker, an answer that never came, looks before it writes again and proves', async () => {
  await start()
  target.mood = 'drops-answer'
  await leave()
  const proven = await inState('proven')
  expect(proven.attempts).toBe(1)
  expect(target.writes).toHaveLength(1)
})

test('worker, a write that was refused for want of a permission, asks a person at once', async () => {
  await start()
  target.mood = 'forbidden'
  await leave()
  const revocation = await inState('human', 'forbidden')
  expect(revocation.fault).toBe('forbidden')
})

test.each([
  ['refuses', 'forbidden', []],
  // Each write was answered, and any of them may turn out to be the one that did it.
  ['lies to', 'lies', Array(5).fill('request')],
] as const)(
  'worker, an app that %s it again and again, keeps no more evidence than a proof may name',
  async (_name, mood, more) => {
    await start()
    target.mood = mood
    await leave()
    const { lanes, clock } = engine
    const desk = createLaneDesk({ lanes, clock, onChanged: () => {} })
    for (let tries = 1; tries <= 6; tries += 1) {
      const lane = await eventually('a write that came to nothing', async () => {
        const [found] = await lanes.ofUsers('okta', [ann])
        const [unit] = found?.work ?? []
        const isOver = unit?.state === 'human' || unit?.state === 'due'
        return found?.state === 'ready' && isOver && unit.attempts === tries ? found : undefined
      })
      if (tries === 6) target.mood = 'well'
      await desk.retry(lane)
    }
    const { offboardingId } = await inState('proven')
    const roles = (await engine.evidence.ofOffboarding(offboardingId)).map((e) => e.record.role)
    expect(roles.sort()).toEqual(['after', 'before', 'request', 'request', ...more])
  },
)

test('worker, a throttled app, waits as told and then proves', async () => {
  await start()
  target.mood = 'throttled'
  await leave()
  await eventually('a refusal', async () => (await engine.of(ann))[0]?.fault === 'throttled')
  target.mood = 'well'
  await inState('proven')
})

test('worker, a refused credential, holds the lane and charges no attempt until the app is released', async () => {
  await start()
  target.mood = 'refuses-credential'
  await leave()
  const lane = await eventually('held', async () => {
    const [found] = await engine.lanes.ofUsers('okta', [ann])
    return found?.state === 'held' ? found : undefined
  })
  expect(lane.work[0]).toMatchObject({ attempts: 0, fault: 'credential' })
  target.mood = 'well'
  const { lanes, clock } = engine
  const desk = createLaneDesk({ lanes, clock, onChanged: () => {} })
  expect(await desk.release(lane.appId)).toBe(1)
  await inState('proven')
})

test('worker, an app whose not-found is proof and nobody of this name, proves absence', async () => {
  target.accounts.delete('a1')
  await start()
  await leave()
  const proven = await inState('proven')
  expect(proven.verdict).toMatchObject({ grade: 'B', kind: 'absent' })
  expect(target.writes).toEqual([])
})

test('worker, nobody of this name in an empty listing, asks a person', async () => {
  target.accounts.clear()
  await start()
  await leave()
  await inState('human', 'no-account-found')
})

test('worker, nobody of this name where absence is suspect, asks a person', async () => {
  target.accounts.delete('a1')
  await start(targetConnector({ manifest: { absenceIs: 'suspect' } }))
  await leave()
  await inState('human', 'no-account-found')
})

test('worker, two accounts of one name, touches neither', async () => {
  target.accounts.set('a2', { userName: 'ANN@example.com', active: true })
  await start()
  await leave()
  await inState('human', 'ambiguous-match')
  expect(target.writes).toEqual([])
})

test('worker, an app without read-back, stays open with grade C', async () => {
  await start(targetConnector({ facets: [{ ...TARGET_ACCOUNT, observe: 'none' }] }))
  await leave()
  const revocation = await inState('human', 'unobservable')
  expect(revocation.verdict).toMatchObject({ grade: 'C', kind: 'unobservable' })
  expect(target.accounts.get('a1')?.active).toBe(false)
  // The ledger says that there is no proof, and ends nothing by it.
  const eid = `revocation.unverifiable:${revocation.id}`
  const { leaf } = await eventually(
    'the entry',
    async () => (await entriesOf(database.connection).findOne({ eid })) ?? undefined,
  )
  const { body } = JSON.parse(leaf.toString())
  expect(body).toMatchObject({ app: revocation.appId, grade: 'C', attempts: { count: 1 } })
  await inState('human', 'unobservable')
})

test('worker, an account that was dead already, proves it without a write', async () => {
  target.accounts.set('a1', { userName: 'ann@example.com', active: false })
  await start()
  await leave()
  const proven = await inState('proven')
  expect(proven.attempts).toBe(0)
  expect(target.writes).toEqual([])
})

test('worker, an app that settles late, waits the settle time before it believes', async () => {
  await start(targetConnector({ facets: [{ ...TARGET_ACCOUNT, settleMs: 700 }] }))
  await leave()
  const proven = await inState('proven')
  expect(proven.verdict!.at - target.writes[0]!.at).toBeGreaterThanOrEqual(690)
})

test('worker, a paused app, claims nothing while the clock runs', async () => {
  await start()
  const [app] = await engine.apps.all()
  await engine.apps.replace({ ...app!, state: 'paused', version: 2 }, 1)
  engine.apps.invalidate()
  await leave()
  const [revocation] = await engine.of(ann)
  expect(revocation).toMatchObject({ state: 'due', deadlineAt: expect.any(Number) })
  expect(target.reads).toBe(0)
  await engine.apps.replace({ ...app!, version: 3 }, 2)
  engine.apps.invalidate()
  await inState('proven')
})
