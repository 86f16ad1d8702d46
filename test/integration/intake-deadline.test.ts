import { afterAll, expect, test } from 'vitest'
import { openByHand } from '../../src/intake/open-by-hand.ts'
import { escalationLevel } from '../../src/revocation/escalation.ts'
import type { Revocation } from '../../src/revocation/types.ts'
import { HOUR, MINUTE } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import { revocationsOf } from '../../src/storage/revocation-models.ts'
import { freshDatabase } from '../support/database.ts'
import { aCall, intakeOn } from '../support/intake.ts'

const database = await freshDatabase()
const intake = await intakeOn(database.connection)
await intake.register('everywhere')
afterAll(() => database.dispose())

const hired = async (): Promise<string> => {
  const resource = { userName: `${newId()}@example.com`, active: true }
  return (await intake.directory.createUser(aCall('s'), resource)).id
}
const owedOf = async (userId: string): Promise<Revocation> => {
  const [revocation] = (await intake.revocations.list({ sourceId: 's', userId }, { limit: 2 }))
    .items
  if (revocation === undefined) throw new Error('nothing is owed')
  return revocation
}

test('deadline, of a request that was received by a clock an hour ahead, is no later than of others', async () => {
  const userId = await hired()
  const requestId = newId()
  const cause = { kind: 'scim.patch', requestId, receivedAt: Date.now() + HOUR } as const
  await intake.directory.changeUser(aCall('s', { cause }), userId, (user) => ({
    ...user.resource,
    active: false,
  }))
  const { openedAt, deadlineAt } = await owedOf(userId)
  expect(deadlineAt - openedAt).toBe(HOUR)
})

test('levels, of a leave that was opened late, count from its time, as its deadline does', async () => {
  const userId = await hired()
  const effectiveAt = Date.now() - 45 * MINUTE
  const known = { receivedAt: effectiveAt - HOUR, effectiveAt }
  const leave = { sourceId: 's', userId, forCause: false, requestId: newId(), ...known }
  await openByHand(intake.deps, leave)
  const revocation = await owedOf(userId)
  expect(revocation.deadlineAt).toBe(effectiveAt + HOUR)
  expect(escalationLevel(revocation, effectiveAt + 49 * MINUTE)).toBe(80)
  const row = await revocationsOf(database.connection).findOne({ _id: revocation.id })
  expect(row?.escalateAt).toBe(effectiveAt + 30 * MINUTE)
})
