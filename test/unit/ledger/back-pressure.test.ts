import { expect, test } from 'vitest'
import { backPressureMs } from '../../../src/ledger/back-pressure.ts'

test.each([
  [null, 0],
  [0, 0],
  [2_000, 0],
  [2_001, 1_000.5],
  [6_000, 3_000],
  [3_600_000, 5_000],
])('back-pressure, the oldest row %s ms old, rests %s ms', (ageMs, restMs) => {
  expect(backPressureMs(ageMs)).toBe(restMs)
})
