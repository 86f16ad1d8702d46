import { expect, test } from 'vitest'
import { type Feed, feedFindings } from '../../../src/alerts/feed-findings.ts'
import { DAY, HOUR, MINUTE } from '../../../src/shared/clock.ts'

const found = (feed: Partial<Feed>, now: number) =>
  feedFindings({ sourceId: 's', credentials: [], ...feed }, now).map(({ rule, key }) => [rule, key])
const silent = [['feed-silent', 's']]

test.each<[string, Partial<Feed>, number, unknown]>([
  ['never heard', {}, 90 * DAY, []],
  ['heard once, after 23 h', { lastCallAt: 0 }, 23 * HOUR, []],
  ['heard once, after 24 h', { lastCallAt: 0 }, 24 * HOUR, silent],
  ['every 40 min, after 119 min', { lastCallAt: 0, intervalMs: 39 * MINUTE }, 119 * MINUTE, []],
  ['every 40 min, after 2 h', { lastCallAt: 0, intervalMs: 39 * MINUTE }, 2 * HOUR, silent],
  ['once a day, after 2 d', { lastCallAt: 0, intervalMs: DAY }, 2 * DAY, []],
  ['once a day, after 3 d', { lastCallAt: 0, intervalMs: DAY }, 3 * DAY, silent],
  [
    'set to 30 min, after 30 min',
    { lastCallAt: 0, silentAfterMs: 30 * MINUTE },
    30 * MINUTE,
    silent,
  ],
  [
    'set to a week, after 3 d',
    { lastCallAt: 0, intervalMs: 1, silentAfterMs: 7 * DAY },
    3 * DAY,
    [],
  ],
])('a feed, %s, is judged', (_, feed, now, expected) => {
  expect(found(feed, now)).toEqual(expected)
})

const END = 365 * DAY
test.each([
  [31, []],
  [30, [['source-token-expiring', 's/t/30']]],
  [14, [['source-token-expiring', 's/t/14']]],
  [7, [['source-token-expiring', 's/t/7']]],
  [1, [['source-token-expiring', 's/t/1']]],
  [0, [['source-token-expiring', 's/t/0']]],
  [-9, [['source-token-expiring', 's/t/0']]],
])('a token, %i days before its end, is told of at each step anew', (days, expected) => {
  const credentials = [{ id: 't', createdAt: 0, expiresAt: END, lastUsedAt: 1 }]
  expect(found({ credentials }, END - days * DAY)).toEqual(expected)
})

test('a token, once the provider uses a newer one that lasts longer, may end in silence', () => {
  const old = { id: 't', createdAt: 0, expiresAt: END, lastUsedAt: 5 }
  const now = END - DAY
  expect(found({ credentials: [old, { id: 'n', createdAt: 1 }] }, now)).toHaveLength(1)
  expect(found({ credentials: [old, { id: 'n', createdAt: 1, lastUsedAt: 6 }] }, now)).toEqual([])
  const shorter = { id: 'n', createdAt: 1, lastUsedAt: 6, expiresAt: END - 1 }
  expect(found({ credentials: [old, shorter] }, now)).toHaveLength(2)
  expect(found({ credentials: [{ id: 'x', createdAt: 0 }] }, now)).toEqual([])
})
