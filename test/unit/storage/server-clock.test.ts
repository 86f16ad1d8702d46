import { expect, test } from 'vitest'
import {
  type ClockReading,
  narrowed,
  type OffsetBounds,
} from '../../../src/storage/server-clock.ts'

/** The server's clock is ahead of the monotonic one by this. */
const AHEAD = 1_000_000
const offset = ({ least, most }: OffsetBounds): number => (least + most) / 2
/** Answered at `server`, a time of the monotonic clock, by a server with that clock. */
const reading = (sent: number, server: number, received: number, ahead = AHEAD): ClockReading => ({
  sent,
  server: server + ahead,
  received,
})

test('server clock, an answer of a server that was frozen for nine seconds, is hardly moved', () => {
  const exact = narrowed(undefined, reading(0, 1, 2))
  const after = narrowed(exact, reading(10_000, 18_999, 19_000))
  expect(Math.abs(offset(after) - AHEAD)).toBeLessThan(25)
})

test('server clock, an answer that a frozen process reads 24 seconds later, is hardly moved', () => {
  const exact = narrowed(undefined, reading(0, 1, 2))
  const after = narrowed(exact, reading(10_000, 10_001, 34_000))
  expect(Math.abs(offset(after) - AHEAD)).toBeLessThan(40)
})

test('server clock, an exact answer after a slow first one, is believed', () => {
  const slow = narrowed(undefined, reading(0, 4_000, 4_001))
  expect(Math.abs(offset(slow) - AHEAD)).toBeGreaterThan(1_000)
  const after = narrowed(slow, reading(5_000, 5_001, 5_002))
  expect(Math.abs(offset(after) - AHEAD)).toBeLessThan(2)
})

test('server clock, another server whose clock is set otherwise, is followed', () => {
  const exact = narrowed(undefined, reading(0, 1, 2))
  const after = narrowed(exact, reading(10_000, 10_001, 10_002, AHEAD + 60_000))
  expect(Math.abs(offset(after) - AHEAD - 60_000)).toBeLessThan(2)
})

test('server clock, slow answers for ten minutes, drifts no further than two clocks do', () => {
  let bounds = narrowed(undefined, reading(0, 1, 2))
  for (let at = 10_000; at <= 600_000; at += 10_000) {
    bounds = narrowed(bounds, reading(at, at + 8_999, at + 9_000))
  }
  expect(Math.abs(offset(bounds) - AHEAD)).toBeLessThan(610)
})
