import { expect, test } from 'vitest'
import { type Lane, laneId } from '../../../src/revocation/lane.ts'
import { nextStep } from '../../../src/revocation/next-step.ts'
import { transition } from '../../../src/revocation/transition.ts'

const key = { sourceId: 's', userId: 'u', appId: 'a' }
const unit = (facet: 'account' | 'api_token', heldBy?: string) => ({
  revocationId: facet,
  facet,
  deadlineAt: 1_000,
  ...(heldBy === undefined ? {} : { heldBy }),
})
const wanted = (...units: ReturnType<typeof unit>[]): Lane =>
  transition(
    undefined,
    {
      kind: 'wanted',
      key: { id: laneId(key), ...key },
      priority: 1,
      intent: { generation: 1, op: 'revoke', offboardingId: 'o', units, class: 1, wantedAt: 0 },
    },
    0,
  )

test('a lane, whose first unit is held, does the second one at once', () => {
  const lane = wanted(unit('api_token', 'storm'), unit('account'))
  expect(nextStep(lane, 0)).toMatchObject({ kind: 'unit', unit: { facet: 'account' } })
})

test('a lane, all of it held, rests until the storm goes on, whoever nudges it', () => {
  const lane = wanted(unit('api_token', 'storm'))
  expect(lane).toMatchObject({ state: 'idle' })
  expect(transition(lane, { kind: 'nudged' }, 5)).toMatchObject({ state: 'idle' })
  expect(transition(lane, { kind: 'unheld', storm: 'another' }, 5)).toBe(lane)
  const freed = transition(lane, { kind: 'unheld', storm: 'storm' }, 5)
  expect(freed).toMatchObject({ state: 'ready', dueAt: 5 })
  expect(freed.work[0]).not.toHaveProperty('heldBy')
  expect(freed.want).toBe(freed.current)
})

test('a held lane, whose person comes back, is superseded', () => {
  const lane = wanted(unit('api_token', 'storm'))
  const back = transition(
    lane,
    {
      kind: 'wanted',
      key: { id: laneId(key), ...key },
      priority: 1,
      intent: { generation: 2, op: 'restore', units: [], class: 1, wantedAt: 5 },
    },
    5,
  )
  expect(back.outbox).toMatchObject([{ kind: 'superseded', reason: 'returned' }])
})
