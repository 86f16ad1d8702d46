import { expect, test } from 'vitest'
import { bulkOrder } from '../../../src/scim/bulk-order.ts'
import type { BulkOperation } from '../../../src/scim/bulk-request.ts'

const post = (bulkId: string, ...refers: string[]): BulkOperation => ({
  method: 'POST',
  endpoint: 'Groups',
  bulkId,
  data: { members: refers.map((id) => ({ value: `bulkId:${id}` })) },
})
const patch = (of: string, ...refers: string[]): BulkOperation => ({
  ...post('', ...refers),
  method: 'PATCH',
  id: `bulkId:${of}`,
})
const order = (operations: BulkOperation[]) =>
  [...bulkOrder(operations)].map(({ operation, open }) => [
    operations.indexOf(operation as BulkOperation),
    ...[...open].sort(),
  ])

test.each<[string, BulkOperation[], (number | string)[][]]>([
  ['independent, run as sent', [post('a'), post('b'), patch('a')], [[0], [1], [2]]],
  ['that refer to later ones, wait', [patch('b'), post('a', 'b'), post('b')], [[2], [0], [1]]],
  ['that refer to what nobody makes, run', [post('a', 'x'), post('b')], [[0], [1]]],
  [
    'in a circle, begin at the first POST',
    [patch('a'), post('a', 'b'), post('b', 'a')],
    [[1, 'b'], [0], [2]],
  ],
  ['that refer to themselves, run and are completed', [post('a', 'a')], [[0, 'a']]],
])('bulk operations %s', (_, operations, expected) => {
  expect(order(operations)).toEqual(expected)
})

test('a thousand bulk operations, each waiting for the one behind it, are ordered from the end, and read once', () => {
  let read = 0
  const operations = Array.from({ length: 1_000 }, (_, n): BulkOperation => {
    const { data, ...one } = post(`g${n}`, `g${n + 1}`)
    return Object.defineProperty(one, 'data', {
      enumerable: true,
      get: () => {
        read++
        return data
      },
    }) as BulkOperation
  })
  expect(order(operations)).toEqual(operations.map((_, n) => [999 - n]))
  expect(read).toBe(1_000)
})
