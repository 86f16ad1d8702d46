import { expect, test } from 'vitest'
import { deadlineAt, effectiveClass } from '../../../src/revocation/deadlines.ts'
import { HOUR, MINUTE } from '../../../src/shared/clock.ts'

test.each([
  [0, 'account', 5 * MINUTE],
  [0, 'signing_key', 24 * HOUR],
  [1, 'session', 15 * MINUTE],
  [2, 'oauth_grant', 4 * HOUR],
  [3, 'shared_secret', 7 * 24 * HOUR],
] as const)('deadline, class %i %s, is counted from the given instant', (c, facet, expected) => {
  expect(deadlineAt(c, facet, 1_000)).toBe(1_000 + expected)
})

test('class, departure for cause, moves up by one and never above the top', () => {
  expect([0, 1, 2, 3].map((c) => effectiveClass(c as 0, true))).toEqual([0, 0, 1, 2])
  expect(effectiveClass(3, false)).toBe(3)
})
