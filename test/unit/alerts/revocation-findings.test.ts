import { expect, test } from 'vitest'
import { lateFinding } from '../../../src/alerts/late-look.ts'
import { revocationFindings } from '../../../src/alerts/revocation-findings.ts'
import { ESCALATION_AUDIENCE } from '../../../src/revocation/escalation.ts'
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
  state: 'due',
  attempts: 0,
  openedAt: 0,
  deadlineAt: 1_000_000,
  updatedAt: 0,
  ...more,
})
const found = (revocation: Revocation) =>
  revocationFindings(revocation).map(({ rule, facts }) => [rule, facts['reason']])

test('a revocation, waiting for a person, says why', () => {
  expect(found(unit({ state: 'human', reason: 'manual-app' }))).toEqual([
    ['human-waiting', 'manual-app'],
  ])
})

test.each([
  [50, 'revocation-late', 'r1/50'],
  [80, 'revocation-late', 'r1/80'],
  [100, 'revocation-overdue', 'r1'],
] as const)('an escalation, at %i percent, is %s with a key of its own', (level, rule, key) => {
  const audience = ESCALATION_AUDIENCE[level]
  const finding = lateFinding({ revocation: unit(), level, audience })
  expect(finding).toMatchObject({ rule, key, facts: { audience } })
})

test('a contradicted revocation, waiting for a person, raises the contradiction only', () => {
  const contradicted = unit({
    state: 'human',
    reason: 'contradicted',
    verdict: { grade: 'F', kind: 'contradicted', at: 0 },
  })
  expect(found(contradicted)).toEqual([['contradicted', undefined]])
})

test.each(['proven', 'waived', 'superseded', 'verified'] as const)(
  'a %s revocation, long past its deadline, raises nothing',
  (state) => {
    expect(found(unit({ state }))).toEqual([])
  },
)
