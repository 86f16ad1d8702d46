import { afterAll, afterEach, expect, test } from 'vitest'
import { createLeaveOpener, openLeave } from '../../src/intake/leave-opener.ts'
import {
  cancelLeave,
  parseInstant,
  type ScheduledLeave,
  scheduleLeave,
} from '../../src/intake/scheduled-leave.ts'
import type { Loop } from '../../src/revocation/loop.ts'
import { HOUR, iso } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import {
  createLeaveStore,
  prepareScheduledLeaves,
} from '../../src/storage/scheduled-leave-store.ts'
import { freshDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { aCall, intakeOn } from '../support/intake.ts'

const database = await freshDatabase()
const intake = await intakeOn(database.connection)
await prepareScheduledLeaves(database.connection)
await intake.register('everywhere')
const leaves = createLeaveStore(database.connection)
const log = { info: () => {}, warn: () => {}, error: () => {} }
const deps = { ...intake.deps, leaves, log, everyMs: 20 }
const openers: Loop[] = []

afterEach(async () => {
  await Promise.all(openers.splice(0).map((opener) => opener.stop()))
})
afterAll(() => database.dispose())

const startOpener = (clock = deps.clock): void => {
  const opener = createLeaveOpener({ ...deps, clock })
  openers.push(opener)
  opener.start()
}

async function person(active = true): Promise<string> {
  const resource = { userName: `${newId()}@example.com`, active }
  return (await intake.directory.createUser(aCall('s'), resource)).id
}

const schedule = (userId: string, at: number, forCause = false): Promise<ScheduledLeave> =>
  scheduleLeave(deps, {
    ...{ sourceId: 's', userId, effectiveAt: iso(at), forCause },
    ...{ requestId: 'request-1', principalId: 'admin-1' },
  })

const casesOf = async (userId: string) =>
  (await intake.revocations.offboardings({ sourceId: 's', userId }, { limit: 10 })).items
const owedBy = async (userId: string) =>
  (await intake.revocations.list({ sourceId: 's', userId }, { limit: 10 })).items
const ended = (id: string) =>
  eventually('the end of the leave', async () => {
    const leave = await leaves.leave(id)
    return leave?.state === 'scheduled' ? undefined : leave
  })

test('leave, scheduled, is durable and visible and opens nothing before its time', async () => {
  const userId = await person()
  startOpener()
  const leave = await schedule(userId, Date.now() + HOUR, true)
  expect(await leaves.leave(leave.id)).toEqual(leave)
  expect((await leaves.list({ sourceId: 's', userId }, { limit: 5 })).items).toEqual([leave])
  expect(await leaves.due(Date.now(), 10)).toEqual([])
  expect(await casesOf(userId)).toEqual([])
})

test('leave, its time comes while five processes run, opens exactly one case', async () => {
  const userId = await person()
  for (let n = 0; n < 5; n += 1) startOpener()
  const at = Date.now() + 150
  const { id } = await schedule(userId, at)
  const leave = await ended(id)
  const [only, ...more] = await casesOf(userId)
  expect(more).toEqual([])
  expect(leave).toMatchObject({ state: 'opened', offboardingId: only?.id })
  expect(only?.openedAt).toBeGreaterThanOrEqual(at)
  expect(only?.cause).toMatchObject({ kind: 'admin', requestId: 'request-1' })
  expect(await openLeave(deps, leave as ScheduledLeave)).toBe('settled before')
  expect(await casesOf(userId)).toHaveLength(1)
})

test('leave, opened late because no process ran, counts its deadlines from its time', async () => {
  const userId = await person()
  const at = Date.now() + 1_000
  const { id } = await schedule(userId, at)
  // Two hours go by.
  startOpener({ now: () => Date.now() + 2 * HOUR })
  await ended(id)
  const [revocation] = await owedBy(userId)
  // Class 2: an account has one hour.
  expect(revocation?.deadlineAt).toBe(at + HOUR)
})

test('leave, effective before it was told, counts its deadlines from when it was told', async () => {
  const userId = await person()
  const { id, receivedAt } = await schedule(userId, Date.now() - HOUR)
  startOpener()
  await ended(id)
  const [revocation] = await owedBy(userId)
  expect(revocation?.deadlineAt).toBe(receivedAt + HOUR)
})

test('leave, cancelled before its time, opens nothing', async () => {
  const userId = await person()
  const { id } = await schedule(userId, Date.now() + 60_000)
  const cancelled = await cancelLeave(deps, { id, principalId: 'admin-2' })
  expect(cancelled).toMatchObject({ state: 'cancelled', cancelledBy: 'admin-2' })
  startOpener({ now: () => Date.now() + HOUR })
  await expect(cancelLeave(deps, { id, principalId: 'admin-2' })).rejects.toMatchObject({
    code: 'ERR_CONFLICT',
  })
  expect(await openLeave(deps, { ...cancelled, state: 'scheduled' })).toBe('settled before')
  expect(await casesOf(userId)).toEqual([])
  // The plan is free again.
  await schedule(userId, Date.now() + 60_000)
})

test('leave, cancelled and opened at the same time twenty times, is one or the other', async () => {
  for (let round = 0; round < 20; round += 1) {
    const userId = await person()
    const leave = await schedule(userId, Date.now() - 1)
    const [opened, cancelled] = await Promise.all([
      openLeave(deps, leave),
      cancelLeave(deps, { id: leave.id, principalId: 'admin-2' }).then(
        () => true,
        () => false,
      ),
    ])
    expect(opened === 'opened').toBe(!cancelled)
    expect(await casesOf(userId)).toHaveLength(cancelled ? 0 : 1)
  }
})

test('leave of a person who was deactivated or deleted before, at its time, is void', async () => {
  const deactivated = await person()
  const deleted = await person()
  const both = [
    await schedule(deactivated, Date.now() + 200),
    await schedule(deleted, Date.now() + 200),
  ]
  await intake.directory.changeUser(aCall('s'), deactivated, (user) => ({
    ...user.resource,
    active: false,
  }))
  await intake.directory.deleteUser(aCall('s'), deleted)
  startOpener()
  for (const { id } of both) expect(await ended(id)).toMatchObject({ state: 'void' })
  expect(await casesOf(deactivated)).toHaveLength(1)
  expect(await casesOf(deleted)).toHaveLength(1)
})

test('leave, a second one for the same person, is refused', async () => {
  const userId = await person()
  await schedule(userId, Date.now() + HOUR)
  await expect(schedule(userId, Date.now() + 2 * HOUR)).rejects.toMatchObject({
    code: 'ERR_UNIQUENESS',
  })
})

test.each(['2026-12-31', '2026-12-31T18:00:00', '2026-02-31T18:00:00Z', '31.12.2026 18:00 +01:00'])(
  'instant, %s, is refused',
  (text) => {
    expect(() => parseInstant(text)).toThrow('with its zone')
  },
)

test('instant, with an offset, is the same moment everywhere', () => {
  expect(parseInstant('2026-12-31T18:00:00+01:00')).toBe(Date.UTC(2026, 11, 31, 17))
})
