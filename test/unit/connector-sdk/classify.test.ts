import { expect, test } from 'vitest'
import { jsonObject, refusal } from '../../../src/connector-sdk/classify.ts'
import { ConnectorError, type HttpResponse } from '../../../src/connector-sdk/contract.ts'

const response = (status: number, headers = {}, body = ''): HttpResponse => ({
  status,
  headers,
  body,
  evidence: { method: 'PATCH', target: 'app/Users/1', status, at: 0, body },
})
const write = { what: 'disable', isRead: false, now: 0 }

test.each<[number, Record<string, string>, string, string]>([
  [400, {}, 'invalid', 'none'],
  [401, {}, 'credential', 'none'],
  [403, {}, 'forbidden', 'none'],
  [403, { 'x-ratelimit-remaining': '0' }, 'throttled', 'none'],
  [404, {}, 'gone', 'none'],
  [405, {}, 'unsupported', 'none'],
  [408, {}, 'transient', 'unknown'],
  [409, {}, 'conflict', 'none'],
  [410, {}, 'gone', 'none'],
  [412, {}, 'conflict', 'none'],
  [413, {}, 'invalid', 'none'],
  [422, {}, 'invalid', 'none'],
  [429, {}, 'throttled', 'none'],
  [500, {}, 'transient', 'unknown'],
  [501, {}, 'unsupported', 'none'],
  [502, {}, 'transient', 'unknown'],
  [503, {}, 'transient', 'none'],
  [503, { 'retry-after': '3' }, 'throttled', 'none'],
  [504, {}, 'transient', 'unknown'],
])('refusal, status %i with %j, is %s with effect %s', (status, headers, fault, effect) => {
  expect(refusal(response(status, headers), write)).toMatchObject({ fault, effect })
  expect(refusal(response(status, headers), { ...write, isRead: true }).effect).toBe('none')
})

test('refusal, 429 with Retry-After, says how long', () => {
  expect(refusal(response(429, { 'retry-after': '3' }), write).retryAfterMs).toBe(3_000)
})

test.each([
  ['a login page', 'text/html', '<html>sign in</html>', 'invalid'],
  ['broken JSON', 'application/scim+json', '{"active":', 'transient'],
  ['nothing', 'application/json', '', 'transient'],
  ['an array', 'application/json', '[]', 'invalid'],
])('jsonObject, 200 with %s, is no answer', (_, type, body, fault) => {
  const read = (): unknown => jsonObject(response(200, { 'content-type': type }, body), write)
  expect(read).toThrow(ConnectorError)
  expect(read).toThrow(expect.objectContaining({ fault, effect: 'unknown' }))
})
