import { expect, test } from 'vitest'
import { coalescedWait } from '../../../src/shared/coalesced-wait.ts'

test('wait, shorter than five seconds, is as long as asked for', () => {
  for (const ms of [0, 250, 4_999]) expect(coalescedWait(ms, 12_345)).toBe(ms)
})

test('wait, five seconds and more, ends just behind a multiple of five seconds and hardly ever late', () => {
  for (const nowMs of [0, 1, 4_999.9, 5_000, 12_345.678]) {
    for (const ms of [5_000, 7_300, 10_000, 30_000]) {
      const wait = coalescedWait(ms, nowMs)
      expect(wait).toBeGreaterThan(ms - 5_000)
      expect(wait).toBeLessThanOrEqual(ms + 5)
      expect((nowMs + wait) % 5_000).toBeCloseTo(5, 6)
    }
  }
})

test('waits, begun at different moments of a process, end together', () => {
  expect(1_000 + coalescedWait(10_000, 1_000)).toBe(4_000 + coalescedWait(10_000, 4_000))
})

test('wait, whose timer rings a moment early, is followed by one of full length', () => {
  const first = coalescedWait(5_000, 100)
  const rang = 100 + first - 1.7
  expect(coalescedWait(5_000, rang)).toBeGreaterThan(4_990)
})
