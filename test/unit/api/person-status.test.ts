import { expect, test } from 'vitest'
import { currentAccess, personStatus } from '../../../src/api/person-status.ts'
import type { Revocation, RevocationState } from '../../../src/revocation/types.ts'

const unit = (state: RevocationState, more: Partial<Revocation> = {}): Revocation => ({
  id: 'r',
  offboardingId: 'o',
  sourceId: 's',
  userId: 'u',
  appId: 'a',
  facet: 'account',
  generation: 1,
  class: 1,
  state,
  attempts: 0,
  openedAt: 0,
  deadlineAt: 10,
  updatedAt: 0,
  ...more,
})
const residual = { verdict: { grade: 'B', kind: 'dead', at: 0, residualUntil: 100 } } as const
const leaver = { id: 'o', kind: 'leaver', generation: 1 } as const
const mover = { id: 'o', kind: 'mover', generation: 1 } as const

test.each([
  ['active without a case', true, [], [], 'employed'],
  ['inactive, nothing in scope', false, [leaver], [], 'nothing-owed'],
  ['inactive, one unit due', false, [leaver], [unit('proven'), unit('due')], 'open'],
  ['inactive, one unit waits for a person', false, [leaver], [unit('human')], 'open'],
  ['inactive, verified but not sealed', false, [leaver], [unit('verified')], 'open'],
  ['inactive, all proven', false, [leaver], [unit('proven')], 'gone'],
  ['inactive, proven, a token lives on', false, [leaver], [unit('proven', residual)], 'residual'],
  ['inactive, one waived', false, [leaver], [unit('proven'), unit('waived')], 'waived'],
  ['active again, all superseded', true, [leaver], [unit('superseded')], 'employed'],
  ['active, let go by hand, all proven', true, [leaver], [unit('proven')], 'gone'],
  ['active, moved, something due', true, [mover], [unit('due')], 'open'],
  ['active, moved, all proven', true, [mover], [unit('proven')], 'employed'],
] as const)('person status, %s, is told', (_, active, offboardings, revocations, status) => {
  expect(personStatus({ active, offboardings, revocations }, 50)).toBe(status)
})

test('current access, several generations of one facet, shows the newest', () => {
  const old = unit('superseded', { id: 'old' })
  const newer = unit('due', { id: 'new', generation: 3 })
  const other = unit('proven', { id: 'other', facet: 'session' })
  expect(currentAccess([newer, old, other]).map((r) => r.id)).toEqual(['new', 'other'])
})
