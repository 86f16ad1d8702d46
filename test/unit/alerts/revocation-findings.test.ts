import { expect, test } from 'vitest'
import { revocationFindings } from '../../../src/alerts/revocation-findings.ts'
import type { Revocation } from '../../../src/revocation/types.ts'

const unit = (more: Partial<Revocation> = {}): Revocation => ({
  id: 'r1',
  offboardingId: 'o1',
  sourceId: 's',
  userId: 'u',
  appId: 'a',
  facet: 'account',
  generation: 1,
  class: 1,
  owners: ['owner@example.com'],
  state: 'due',
  attempts: 0,
  openedAt: 0,
  deadlineAt: 1_000_000,
  updatedAt: 0,
  ...more,
})
const found = (revocation: Revocation, now: number) =>
  revocationFindings(revocation, now).map(({ rule, facts }) => [rule, facts['share']])

test.each([
  [499_999, []],
  [500_000, [['revocation-late', 50]]],
  [800_000, [['revocation-late', 80]]],
  [1_000_000, [['revocation-overdue', undefined]]],
])('an open revocation, after %i of 1,000,000 ms, raises %j', (now, expected) => {
  expect(found(unit(), now)).toEqual(expected)
})

test('a contradicted revocation, waiting for a person, raises the contradiction only', () => {
  const contradicted = unit({
    state: 'human',
    reason: 'contradicted',
    verdict: { grade: 'F', kind: 'contradicted', at: 0 },
  })
  expect(found(contradicted, 0)).toEqual([['contradicted', undefined]])
})

test.each(['proven', 'waived', 'superseded', 'verified'] as const)(
  'a %s revocation, long past its deadline, raises nothing',
  (state) => {
    expect(found(unit({ state }), 9_000_000)).toEqual([])
  },
)
