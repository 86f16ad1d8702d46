import { expect, test } from 'vitest'
import { createRedactor } from '../../../src/connector-sdk/redact.ts'

const secret = 'tök"en/+ with\nlines & 100%'

test.each([
  ['as it is', secret],
  ['JSON-escaped', JSON.stringify({ a: secret })],
  ['URL-encoded', `?a=${encodeURIComponent(secret)}`],
  ['form-encoded', new URLSearchParams({ a: secret }).toString().replaceAll('%26', '%26')],
  ['base64', Buffer.from(secret).toString('base64')],
  ['base64url', Buffer.from(secret).toString('base64url')],
  ['hex', Buffer.from(secret).toString('hex')],
  ['inside Basic, offset 1', Buffer.from(`abc:${secret}`).toString('base64')],
  ['inside Basic, offset 2', Buffer.from(`abcd:${secret}:`).toString('base64')],
  ['inside Basic, offset 0', Buffer.from(`ab:${secret}zz`).toString('base64')],
])('redactor, a secret %s, is taken out', (_, text) => {
  const redacted = createRedactor([secret]).redact(`before ${text} after`)
  expect(redacted).toContain('[redacted]')
  expect(redacted).toMatch(/^before .* after$/s)
  expect(redacted).not.toContain('lines')
  expect(redacted).not.toContain(Buffer.from(secret).toString('base64').slice(8, 20))
})

test('redactor, a secret added later, is taken out from then on', () => {
  const redactor = createRedactor()
  expect(redactor.redact('token-12345')).toBe('token-12345')
  redactor.add('token-12345')
  expect(redactor.redact('a token-12345 b')).toBe('a [redacted] b')
})

test('redactor, the key behind a whsec_ prefix, is taken out', () => {
  const key = Buffer.from('a key of 24 bytes, about').toString('base64')
  expect(createRedactor([`whsec_${key}`]).redact(`key ${key}`)).toBe('key [redacted]')
})

test('redactor, a secret of three characters, leaves the text readable', () => {
  expect(createRedactor(['tru']).redact('true')).toBe('true')
})
