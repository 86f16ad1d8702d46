import { expect, test } from 'vitest'
import { LONGEST_WAIT_MS, retryAfterMs } from '../../../src/connector-sdk/retry-after.ts'

const now = Date.parse('2026-11-20T10:00:00.000Z')

test.each<[string, Record<string, string>, number | undefined]>([
  ['seconds', { 'retry-after': '7' }, 7_000],
  ['an HTTP date', { 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT' }, 30_000],
  ['a date gone by', { 'retry-after': 'Fri, 20 Nov 2026 09:59:30 GMT' }, 0],
  ['nonsense', { 'retry-after': 'soon' }, undefined],
  ['an absurd number', { 'retry-after': '1000000000' }, LONGEST_WAIT_MS],
  ['a negative number', { 'retry-after': '-5' }, 0],
  ['nothing', {}, undefined],
  ['GitHub reset, epoch seconds', { 'x-ratelimit-reset': `${now / 1000 + 60}` }, 60_000],
  ['Okta reset, epoch seconds', { 'x-rate-limit-reset': `${now / 1000 + 12}` }, 12_000],
  ['RateLimit-Reset, seconds', { 'ratelimit-reset': '9' }, 9_000],
])('retryAfterMs, %s, is understood', (_, headers, expected) => {
  expect(retryAfterMs(headers, now)).toBe(expected)
})
