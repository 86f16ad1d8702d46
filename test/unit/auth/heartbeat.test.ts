import { expect, test } from 'vitest'
import { type Beat, type Heartbeat, heard, joined, lastDay } from '../../../src/auth/heartbeat.ts'
import { DAY, HOUR, MINUTE } from '../../../src/shared/clock.ts'

const beat = (at: number, more: Partial<Beat> = {}): Beat => ({
  sourceId: 's',
  firstAt: at,
  lastAt: at,
  calls: 1,
  changes: 0,
  errors: 0,
  tolerated: {},
  ...more,
})
/** Beats at these instants, one after the other. */
const after = (...times: number[]): Heartbeat =>
  times.reduce<Heartbeat | null>((before, at) => heard(before, beat(at)), null) as Heartbeat

test('heartbeat, calls within one burst, teach no interval', () => {
  expect(after(0, 1_000, 2 * MINUTE).intervalMs).toBeUndefined()
})

test('heartbeat, bursts every 40 minutes, teach that, however many calls a burst has', () => {
  const times = Array.from({ length: 20 }, (_, i) => i * 40 * MINUTE).flatMap((at) => [
    at,
    at + 1_000,
    at + 2_000,
  ])
  const { intervalMs = 0 } = after(...times)
  expect(Math.abs(intervalMs - 40 * MINUTE)).toBeLessThan(MINUTE)
})

test('heartbeat, a weekend, is learned at once and forgotten slowly, within bounds', () => {
  const friday = after(0, HOUR, 2 * HOUR)
  const monday = heard(friday, beat(2 * HOUR + 60 * HOUR))
  expect(monday.intervalMs).toBe(30.5 * HOUR)
  const later = heard(monday, beat(monday.lastCallAt + HOUR))
  expect(later.intervalMs).toBeGreaterThan(27 * HOUR)
  expect(heard(after(0), beat(400 * DAY)).intervalMs).toBe(7 * DAY)
})

test('heartbeat, a beat that comes late from another process, sets nothing back', () => {
  const now = after(0, HOUR)
  const late = heard(now, beat(30 * MINUTE, { errors: 1, lastChangeAt: 30 * MINUTE }))
  expect(late).toMatchObject({ lastCallAt: HOUR, lastChangeAt: 30 * MINUTE, intervalMs: HOUR })
  expect(heard(late, beat(HOUR, { lastChangeAt: 10 })).lastChangeAt).toBe(30 * MINUTE)
})

test('heartbeat, hours of calls, are summed over a day and bounded', () => {
  let now: Heartbeat | null = null
  for (let hour = 0; hour < 40; hour++) {
    now = heard(now, beat(hour * HOUR, { changes: 1, tolerated: { stringBooleans: 1 } }))
  }
  expect(now?.hours).toHaveLength(24)
  expect(lastDay(now as Heartbeat, 39 * HOUR)).toEqual({ calls: 24, changes: 24, errors: 0 })
  expect(lastDay(now as Heartbeat, 60 * HOUR)).toEqual({ calls: 3, changes: 3, errors: 0 })
  expect(now?.tolerated).toEqual({ stringBooleans: 40 })
})

test('beats, joined, are one that says the same', () => {
  const [a, b] = [beat(5, { errors: 1 }), beat(3, { changes: 1, lastChangeAt: 3 })]
  expect(joined(a, b)).toEqual({
    ...a,
    firstAt: 3,
    calls: 2,
    changes: 1,
    errors: 1,
    lastChangeAt: 3,
  })
})
