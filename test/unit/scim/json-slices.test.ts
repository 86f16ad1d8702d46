import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseInSlices } from '../../../src/scim/json-slices.ts'

/** What a parser makes of a text: the value, or that it is none. */
async function outcome(parse: () => unknown): Promise<unknown> {
  try {
    return { value: await parse() }
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError)
    return 'refused'
  }
}
const same = async (text: string, sliceLength: number): Promise<void> => {
  expect(await outcome(() => parseInSlices(Buffer.from(text), 1_000, sliceLength))).toEqual(
    await outcome(() => JSON.parse(text)),
  )
}
const anyLength = fc.integer({ min: 0, max: 40 })

test('any JSON, parsed in slices of any length, is what JSON.parse makes of it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      anyLength,
      fc.constantFrom(0, 1, 3),
      async (value, slice, indent) => same(JSON.stringify(value, null, indent), slice),
    ),
    { numRuns: 1_500 },
  )
})

test('broken JSON, parsed in slices of any length, is refused when JSON.parse refuses it', async () => {
  const bit = fc.constantFrom(...'[]{},:"\\ 1ae-', 'null', '"a"', '"a":', '{}', '[1', '],', '"\\""')
  await fc.assert(
    fc.asyncProperty(fc.array(bit, { maxLength: 14 }), anyLength, async (bits, slice) =>
      same(bits.join(''), slice),
    ),
    { numRuns: 6_000 },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      fc.nat(),
      bit,
      anyLength,
      async (value, where, wrong, slice) => {
        const text = JSON.stringify(value)
        const at = where % (text.length + 1)
        await same(text.slice(0, at) + wrong + text.slice(at + (where % 3)), slice)
      },
    ),
    { numRuns: 3_000 },
  )
})

test('a text nested deeper than allowed, of many brackets, is refused without a deep stack', async () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  await expect(parseInSlices(Buffer.from(deep), 32, 10)).rejects.toMatchObject({
    code: 'ERR_SYNTAX',
  })
})

test('text in every script, parsed in slices of any length, keeps its characters whole', async () => {
  const value = ['Zoë', 'Œuvre —', '李雷', '🎉', 'a\u00a0b', { ключ: ['ß', '"\\"'] }]
  const text = JSON.stringify(value)
  for (let slice = 0; slice <= Buffer.byteLength(text); slice += 1) await same(text, slice)
})

test('bytes that are no UTF-8, parsed in slices, become replacement characters as in one go', async () => {
  const bytes = Buffer.concat([
    Buffer.from('["a'),
    Buffer.from([0xff, 0xe2, 0x82]),
    Buffer.from('","b"]'),
  ])
  for (const slice of [0, 2, 5, 40]) {
    expect(await parseInSlices(bytes, 32, slice)).toEqual(JSON.parse(bytes.toString('utf8')))
  }
})
