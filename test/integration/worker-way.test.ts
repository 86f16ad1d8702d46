import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let target: Target

const start = async (connector = targetConnector()): Promise<void> => {
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', connector as Connector]]),
    secrets: { token: 'doer', witnessToken: 'witness' },
  })
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

const proven = (userId: string) =>
  eventually('proof', async () => {
    const all = await engine.of(userId)
    return all.length > 0 && all.every((r) => r.state === 'proven') ? all : undefined
  })

test('worker, a leaver with a live account, disables it and proves it in under five seconds', async () => {
  await start()
  await engine.register(target)
  const ann = await engine.hire('ann@example.com')
  engine.startWorker()
  const began = Date.now()
  await engine.setActive(ann, false)
  const [revocation] = await proven(ann)
  expect(Date.now() - began).toBeLessThan(5_000)
  expect(target.accounts.get('a1')?.active).toBe(false)
  expect(target.accounts.get('b1')?.active).toBe(true)
  expect(target.writes).toHaveLength(1)
  expect([...target.credentials].sort()).toEqual(['doer', 'witness'])
  expect(revocation).toMatchObject({
    state: 'proven',
    attempts: 1,
    verdict: { grade: 'B', kind: 'dead' },
    entry: { leafHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    provenAt: expect.any(Number),
  })
  const closed = await eventually('closing', async () => {
    const found = await engine.revocations.offboarding(revocation!.offboardingId)
    return found?.state === 'closed' ? found : undefined
  })
  expect(closed.closedAt).toBeGreaterThan(0)
  const roles = (await engine.evidence.ofOffboarding(closed.id)).map((e) => e.record.role)
  expect(roles).toEqual(['before', 'request', 'after'])
  expect(engine.lines.filter((line) => line.level !== 'info')).toEqual([])
})
