import { expect, test } from 'vitest'
import {
  bulkWantsDeactivation,
  isRefusal,
  ownId,
  wantsDeactivation,
} from '../../../src/scim/leaving.ts'

const URN = 'urn:ietf:params:scim:schemas:core:2.0:User'
const patch = (...Operations: object[]) => ({ Operations }) as never

test.each([
  ['DELETE', undefined, true],
  ['PUT', { active: false }, true],
  ['PUT', { Active: 'FALSE' }, true],
  ['PUT', { active: 'gone' }, true],
  ['PUT', { [`${URN}:active`]: 0 }, true],
  ['PUT', { active: 'True' }, false],
  ['PUT', { active: null }, false],
  ['PUT', { userName: 'x' }, false],
  ['PATCH', patch({ op: 'replace', value: { active: false } }), true],
  ['PATCH', patch({ op: 'Replace', path: 'active', value: 'False' }), true],
  ['PATCH', patch({ op: 'replace', Path: `${URN}:Active`, Value: [false] }), true],
  ['PATCH', patch({ op: 'remove', path: 'active' }), true],
  ['PATCH', patch({ op: 'replace', path: 'active', value: 'nope' }), true],
  ['PATCH', patch({ op: 'replace', path: 'active', value: [{ value: 'true' }] }), false],
  ['PATCH', patch({ op: 'replace', path: 'title', value: 'active' }), false],
  ['PATCH', patch({ op: 'replace', path: 'emails[primary eq true].active', value: false }), false],
  ['PATCH', patch({ op: 'replace', path: '', value: { active: false } }), true],
  ['PATCH', patch({ op: 'replace', path: URN, value: { active: false } }), true],
  ['PATCH', patch({ op: 'replace', value: { [URN]: { active: false } } }), true],
  ['PATCH', patch({ op: 'replace', value: [{ active: false }] }), true],
  ['PATCH', patch({ op: 'replace', value: '{"active": false}' }), true],
  ['PATCH', patch({ op: 'replace', value: '{"active": "true"}' }), false],
  ['PATCH', patch({ op: 'replace', path: 'urn:scim:schemas:core:1.0:active', value: false }), true],
  ['PATCH', { active: false }, true],
  ['PATCH', { schemas: [], active: 'true' }, false],
  ['PUT', { [URN]: { active: 'False' } }, true],
  ['PATCH', 'nonsense', false],
  ['POST', { active: false }, false],
  ['GET', undefined, false],
])('%s %j, asked whether it wants a deactivation, says %s', (method, body, expected) => {
  expect(wantsDeactivation(method, body as never)).toBe(expected)
})

test.each([
  [{ Operations: [{ method: 'delete', path: '/Users/1' }] }, true],
  [{ operations: [{ method: 'PUT', path: '/Users/1', data: { active: false } }] }, true],
  [{ Operations: [{ method: 'PUT', path: '/Groups/1', data: { active: false } }] }, false],
  [{ Operations: 'x' }, false],
  [undefined, false],
])('bulk request %j, asked whether it wants a deactivation, says %s', (body, expected) => {
  expect(bulkWantsDeactivation(body as never)).toBe(expected)
})

test('refusals, of all answers, are those after which nobody tries again soon', () => {
  const statuses = [200, 204, 304, 400, 401, 403, 404, 409, 412, 413, 415, 429, 500, 501, 503]
  expect(statuses.filter(isRefusal)).toEqual([400, 403, 409, 413, 415, 500, 501])
})

test('ids of others, an address above all, are not passed on', () => {
  expect(ownId('0198c8a2-0000-7000-8000-000000000001')).toBeDefined()
  for (const foreign of ['ann@example.com', '', undefined, '1']) {
    expect(ownId(foreign)).toBeUndefined()
  }
})
