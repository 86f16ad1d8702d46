import { afterAll, expect, test } from 'vitest'
import { reopenDrifted } from '../../src/intake/drift.ts'
import { openByHand } from '../../src/intake/open-by-hand.ts'
import { reopen } from '../../src/intake/reopen.ts'
import type { Revocation } from '../../src/revocation/types.ts'
import { newId } from '../../src/shared/ids.ts'
import { intakeOf } from '../../src/storage/ledger-collections.ts'
import { offboardingsOf } from '../../src/storage/revocation-models.ts'
import { freshDatabase } from '../support/database.ts'
import { aCall, intakeOn } from '../support/intake.ts'

const database = await freshDatabase()
const intake = await intakeOn(database.connection)
await intake.register('everywhere')
afterAll(() => database.dispose())

const deps = { ...intake.deps, offboarding: intake.revocations.offboarding }
const revocationsOf = async (userId: string): Promise<Revocation[]> =>
  (await intake.revocations.list({ sourceId: 's', userId }, { limit: 10 })).items

/** Somebody who left; returns the revocation that was owed. */
async function leaver(how: 'deactivated' | 'deleted'): Promise<Revocation> {
  const { id } = await intake.directory.createUser(aCall('s'), {
    userName: `${newId()}@example.com`,
    active: true,
  })
  if (how === 'deleted') await intake.directory.deleteUser(aCall('s'), id)
  else {
    await intake.directory.changeUser(aCall('s'), id, (u) => ({ ...u.resource, active: false }))
  }
  const [revocation] = await revocationsOf(id)
  if (revocation === undefined) throw new Error('nothing was owed')
  return revocation
}

test.each(['deactivated', 'deleted'] as const)(
  'access of a %s person that lives again, told twice, opens one new case of a higher generation',
  async (how) => {
    const revocation = await leaver(how)
    await reopen(deps, revocation)
    await reopen(deps, revocation)
    const all = await revocationsOf(revocation.userId)
    expect(all.map((r) => r.generation).sort()).toEqual([1, 2])
    const lane = await intake.lanes.lane(`s/${revocation.userId}/${revocation.appId}`)
    expect(lane?.want).toMatchObject({ op: 'revoke', generation: 2 })
    const again = all.find((r) => r.generation === 2)
    const offboarding = await intake.revocations.offboarding(again?.offboardingId ?? '')
    expect(offboarding).toMatchObject({ cause: { kind: 'reobservation' } })
    expect(offboarding?.subject.userName).toMatch(/@example\.com$/)
  },
)

test('access that lives again, told twice, is a drift in the ledger, once, with its new case', async () => {
  const revocation = await leaver('deactivated')
  await reopenDrifted(deps, revocation)
  await reopenDrifted(deps, revocation)
  const rows = await intakeOf(database.connection).find({ type: 'drift.detected' }).toArray()
  expect(rows.map((row) => row._id)).toEqual([`drift.detected:${revocation.id}`])
  const { body } = JSON.parse(rows[0]?.leaf.toString() ?? '')
  const again = (await revocationsOf(revocation.userId)).find((r) => r.generation === 2)
  expect(body).toMatchObject({
    offboarding: revocation.offboardingId,
    reopened: again?.offboardingId,
    app: revocation.appId,
    generation: 1,
  })
})

/** Somebody whom the directory still has as active; returns the revocation that was owed. */
async function activeOne(how: 'opened by hand' | 'moved'): Promise<Revocation> {
  const group = await intake.directory.createGroup(aCall('s'), { displayName: newId() }, [])
  const scope = { kind: 'groups', groups: [{ sourceId: 's', groupId: group.id }] } as const
  const appId = await intake.register(`of ${group.id}`, scope)
  const { id } = await intake.directory.createUser(aCall('s'), {
    userName: `${newId()}@example.com`,
    active: true,
  })
  const change = (add: string[], remove: string[]) =>
    intake.directory.changeGroup(aCall('s'), group.id, ({ resource }) => ({
      resource,
      members: { base: 'keep', add: add.map((value) => ({ value })), remove },
    }))
  await change([id], [])
  if (how === 'moved') await change([], [id])
  else await openByHand(deps, { sourceId: 's', userId: id, forCause: true, requestId: newId() })
  const revocation = (await revocationsOf(id)).find((r) => r.appId === appId)
  if (revocation === undefined) throw new Error('nothing was owed')
  return revocation
}

test.each([
  ['opened by hand', 'leaver'],
  ['moved', 'mover'],
] as const)(
  'access of an active person who was %s, seen alive twice, is owed again once, in a case of a %s',
  async (how, kind) => {
    const revocation = await activeOne(how)
    await reopenDrifted(deps, revocation)
    await reopenDrifted(deps, revocation)
    const all = await revocationsOf(revocation.userId)
    const own = all.filter((r) => r.appId === revocation.appId)
    expect(own.map((r) => r.generation).sort()).toEqual([1, 2])
    const again = own.find((r) => r.generation === 2)
    const offboarding = await intake.revocations.offboarding(again?.offboardingId ?? '')
    expect(offboarding).toMatchObject({ kind, cause: { kind: 'reobservation' } })
  },
)

test('access of a person who is employed again, seen alive, is left alone', async () => {
  const revocation = await leaver('deactivated')
  await intake.directory.changeUser(aCall('s'), revocation.userId, (u) => ({
    ...u.resource,
    active: true,
  }))
  const drifts = () => intakeOf(database.connection).countDocuments({ type: 'drift.detected' })
  const before = await drifts()
  await reopenDrifted(deps, revocation)
  expect(await revocationsOf(revocation.userId)).toHaveLength(1)
  expect(await drifts()).toBe(before)
})

test('access of a deleted person whose case was erased, seen alive, opens no case and says that nobody knows whose it is', async () => {
  const revocation = await leaver('deleted')
  await offboardingsOf(database.connection).updateOne(
    { _id: revocation.offboardingId },
    { $unset: { subject: '' } },
  )
  expect(await reopenDrifted(deps, revocation)).toBe('erased')
  expect(await revocationsOf(revocation.userId)).toHaveLength(1)
})
