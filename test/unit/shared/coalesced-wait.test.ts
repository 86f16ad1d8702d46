import { expect, test } from 'vitest'
import { coalescedWait } from '../../../src/shared/coalesced-wait.ts'

test('wait, shorter than five seconds, is as long as asked for', () => {
  for (const ms of [0, 250, 4_999]) expect(coalescedWait(ms, 12_345)).toBe(ms)
})

test('wait, five seconds and more, ends at a multiple of five seconds and never late', () => {
  for (const nowMs of [0, 1, 4_999.9, 5_000, 12_345.678]) {
    for (const ms of [5_000, 7_300, 10_000, 30_000]) {
      const wait = coalescedWait(ms, nowMs)
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(ms)
      expect(wait).toBeGreaterThan(ms - 5_000)
      expect((nowMs + wait) / 5_000).toBeCloseTo(Math.round((nowMs + wait) / 5_000), 6)
    }
  }
})

test('waits, begun at different moments of a process, end together', () => {
  expect(1_000 + coalescedWait(10_000, 1_000)).toBe(4_000 + coalescedWait(10_000, 4_000))
})
