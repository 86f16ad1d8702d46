import { expect, test } from 'vitest'
import { decodeText } from '../../../src/scim/decode-text.ts'

test('text, decoded in slices of any length, is the text of one go', async () => {
  const text = 'Zoë Œuvre — 李雷 🎉 plain'
  const bytes = Buffer.from(text)
  for (let slice = 1; slice <= bytes.length; slice += 1) {
    expect(await decodeText(bytes, slice)).toBe(text)
  }
})

test('bytes that are no UTF-8, also at the end of a slice, become replacement characters as in one go', async () => {
  const bytes = Buffer.from([0x61, 0xff, 0x62, 0xe2, 0x82])
  for (const slice of [1, 2, 3, 4, 5]) {
    expect(await decodeText(bytes, slice)).toBe(bytes.toString('utf8'))
  }
})
