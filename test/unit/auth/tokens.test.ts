import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFailureLimiter } from '../../../src/auth/failure-limiter.ts'
import { bearerToken, hashToken, isTokenOf, newToken, sameHash } from '../../../src/auth/tokens.ts'
import { MINUTE } from '../../../src/shared/clock.ts'

test('token, a new one, has its form and hash and a prefix that gives nothing away', () => {
  const { token, hash, prefix } = newToken('scim')
  expect(token).toMatch(/^qtc_scim_[A-Za-z0-9_-]{43}$/)
  expect(hash).toBe(hashToken(token))
  expect(prefix).toBe(token.slice(0, 13))
  expect(isTokenOf('scim', token)).toBe(true)
  expect(isTokenOf('api', token)).toBe(false)
  expect(newToken('scim').token).not.toBe(token)
})

test('hash comparison, anything but the same hash, is false and throws nothing', () => {
  const hash = hashToken('x')
  expect(sameHash(hash, hash)).toBe(true)
  fc.assert(fc.property(fc.string(), (text) => !sameHash(text, hash) && !sameHash(hash, text)))
  expect(sameHash('', '')).toBe(false)
})

test.each([
  ['Bearer abc', 'abc'],
  ['bearer  abc=', 'abc='],
  ['Bearer', undefined],
  ['Bearer ', undefined],
  ['Bearer a b', undefined],
  ['Basic abc', undefined],
  [`Bearer ${'a'.repeat(8_193)}`, undefined],
  [undefined, undefined],
])('bearer token, %s, is read as RFC 6750 says', (header, token) => {
  expect(bearerToken(header)).toBe(token)
})

test('bearer token, any header of any length, is read in linear time', () => {
  const begun = performance.now()
  bearerToken(`Bearer${' '.repeat(1_000_000)}x y`)
  bearerToken(`Bearer ${'='.repeat(1_000_000)}x`)
  expect(performance.now() - begun).toBeLessThan(500)
})

test('failure limiter, a key at its limit, is blocked until its minute is over', () => {
  let now = 0
  const limiter = createFailureLimiter({ now: () => now }, 2, 2)
  limiter.failed('a')
  expect(limiter.blockedFor('a')).toBeUndefined()
  limiter.failed('a')
  expect(limiter.blockedFor('a')).toBe(60)
  expect(limiter.blockedFor('b')).toBeUndefined()
  now = MINUTE
  expect(limiter.blockedFor('a')).toBeUndefined()
})

test('failure limiter, more keys than it may hold, forgets the oldest', () => {
  const limiter = createFailureLimiter({ now: () => 0 }, 1, 2)
  for (const key of ['a', 'b', 'c']) limiter.failed(key)
  expect(['a', 'b', 'c'].map((key) => limiter.blockedFor(key))).toEqual([undefined, 60, 60])
})
