import { expect, test } from 'vitest'
import { addressList, isNetwork } from '../../../src/auth/address-list.ts'

const inside = addressList(['192.0.2.0/24', '2001:db8::/32', '203.0.113.7/32'])

test.each([
  ['192.0.2.1', true],
  ['::ffff:192.0.2.1', true],
  ['192.0.3.1', false],
  ['203.0.113.7', true],
  ['203.0.113.8', false],
  ['2001:db8::9', true],
  ['2001:db9::9', false],
  ['', false],
  ['not an address', false],
])('address list, asked for "%s", says %s', (address, expected) => {
  expect(inside(address)).toBe(expected)
})

test.each([
  ['10.0.0.0/8', true],
  ['::/0', true],
  ['10.0.0.0', false],
  ['10.0.0.0/33', false],
  ['10.0.0.0/8/8', false],
  ['10.0.0.0/', false],
  ['10.0.0.0/-1', false],
  ['example.com/8', false],
])('network, %s, is CIDR: %s', (text, expected) => {
  expect(isNetwork(text)).toBe(expected)
  if (!expected) expect(() => addressList([text])).toThrow(TypeError)
})
