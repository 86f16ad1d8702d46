import { expect, test } from 'vitest'
import { createTotals } from '../../src/storage/directory-totals.ts'

test('totals, of a short list, are counted each time', async () => {
  const totals = createTotals(() => 0)
  expect(await totals('a', async () => 5)).toBe(5)
  expect(await totals('a', async () => 6)).toBe(6)
})

test('totals, of a long list, are remembered for ten seconds and for that list alone', async () => {
  let now = 0
  const totals = createTotals(() => now)
  expect(await totals('a', async () => 10_000)).toBe(10_000)
  now = 9_999
  expect(await totals('a', async () => 20_000)).toBe(10_000)
  expect(await totals('b', async () => 30_000)).toBe(30_000)
  now = 10_000
  expect(await totals('a', async () => 20_000)).toBe(20_000)
})

test('totals, whose counting fails, fail and remember nothing', async () => {
  const totals = createTotals(() => 0)
  const away = async (): Promise<number> => {
    throw new Error('away')
  }
  await expect(totals('a', away)).rejects.toThrow('away')
  expect(await totals('a', async () => 10_000)).toBe(10_000)
})
