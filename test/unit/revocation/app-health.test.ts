import { expect, test } from 'vitest'
import { createAppHealth } from '../../../src/revocation/app-health.ts'
import type { CallFault } from '../../../src/revocation/call-fault.ts'

const fault = (kind: CallFault['fault'], retryAfterMs?: number): CallFault => ({
  fault: kind,
  effect: 'none',
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
})

test('app health, throttled, is quiet as long as told and comes back with half the budget', () => {
  const health = createAppHealth(8)
  health.report(fault('throttled', 5_000), 0)
  expect([0, 4_999, 5_000].map((now) => health.concurrency(now))).toEqual([0, 0, 4])
  health.report(undefined, 6_000)
  expect(health.concurrency(6_000)).toBe(5)
})

test('app health, asked to be quiet for a day, tries again after a minute', () => {
  const health = createAppHealth(8)
  health.report(fault('throttled', 86_400_000), 0)
  expect(health.quietUntil()).toBe(60_000)
})

test('app health, five failures in a row, goes on with one lane until an answer comes', () => {
  const health = createAppHealth(8)
  for (let n = 0; n < 4; n += 1) health.report(fault('transient'), 0)
  expect(health.concurrency(0)).toBe(8)
  health.report(fault('transient'), 0)
  expect(health.concurrency(0)).toBe(1)
  health.report(fault('forbidden'), 0)
  expect(health.concurrency(0)).toBe(8)
})

test('app health, a refused credential, takes up nothing for a while', () => {
  const health = createAppHealth(8)
  health.report(fault('credential'), 0)
  expect([4_999, 5_000].map((now) => health.concurrency(now))).toEqual([0, 8])
})
