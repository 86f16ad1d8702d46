import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { HEED_MS } from '../../src/revocation/projector.ts'
import { intakeOf } from '../../src/storage/ledger-collections.ts'
import { freshDatabase } from '../support/database.ts'
import { type Engine, engineOn } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { startTarget, type Target, targetConnector } from '../support/targets.ts'

let database: Awaited<ReturnType<typeof freshDatabase>>
let engine: Engine
let target: Target

beforeEach(async () => {
  database = await freshDatabase()
  target = await startTarget({
    a1: { userName: 'ann@example.com', active: true },
    b1: { userName: 'bob@example.com', active: true },
  })
  engine = await engineOn(database.connection, {
    connectors: new Map([['target', targetConnector() as Connector]]),
  })
  await engine.register(target)
})
afterEach(async () => {
  await engine.close()
  await target.close()
  await database.dispose()
})

const waiting = (type: string): Promise<number> =>
  intakeOf(database.connection).countDocuments({ type })

test('workers, beside a sequencer that stands still, accept and revoke at once and ask for seals more slowly', async () => {
  const ann = await engine.hire('ann@example.com')
  const bob = await engine.hire('bob@example.com')
  await engine.ledger.ledger.stop()
  engine.startWorker()
  await engine.setActive(ann, false)
  await eventually('the proof of ann', async () => (await waiting('revocation.verified')) === 1)
  // As after four seconds in which nothing was sealed.
  await intakeOf(database.connection).updateMany({}, { $inc: { at: -4_000 } })
  expect((await engine.ledger.store.waiting()).ageMs).toBeGreaterThanOrEqual(4_000)
  const due = performance.now() + HEED_MS
  await eventually('its next look at the intake', () => performance.now() > due)

  const began = performance.now()
  await engine.setActive(bob, false)
  expect(await waiting('offboarding.opened')).toBe(2)
  await eventually('bob is revoked', () => target.accounts.get('b1')?.active === false)
  await eventually('the proof of bob', async () => (await waiting('revocation.verified')) === 2)
  expect(performance.now() - began).toBeGreaterThan(2_000)
  const slowed = ({ message }: { message: string }) => message.startsWith('the ledger does not')
  expect(engine.lines.filter(slowed)).toHaveLength(1)

  // It is sealed again, the closing entries too: back to full speed, and nothing is lost.
  await eventually('the good news', async () => {
    await engine.ledger.ledger.tick()
    return engine.lines.some(({ message }) => message === 'the ledger keeps up again')
  })
  expect(await waiting('revocation.verified')).toBe(0)
})
