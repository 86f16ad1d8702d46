import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { closing } from '../../../src/ledger/closing.ts'
import { commit, commitWith, fieldKey, opens } from '../../../src/ledger/commitment.ts'
import type { EntryBody, OutcomeItem } from '../../../src/ledger/entries.ts'
import { expectedSet } from '../../../src/ledger/expected-set.ts'
import { createEntryWriter, leafSignedBy, readLeaf } from '../../../src/ledger/leaf.ts'
import { leafHash, nodeHash } from '../../../src/ledger/tree.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const origin = 'ledger.example.com/q'
const writer = createEntryWriter({ origin, kid: 'worker-1', privateKey })
const genesis: EntryBody = {
  at: '2026-11-22T02:00:00.000Z',
  log: origin,
  v: 1,
  type: 'log.genesis',
  software: 'quittance@0.1.0',
}

describe('an entry', () => {
  test('a written leaf, read back, is the same body under a good signature', async () => {
    const entry = writer.write(genesis)
    expect(entry.eid).toBe(`log.genesis:${origin}`)
    const read = readLeaf(entry.leaf)
    if (read.kind !== 'leaf') throw new Error(read.reason)
    expect(read.leaf.body).toEqual(genesis)
    expect(await leafSignedBy(read.leaf, publicKey)).toBe(true)
    const other = generateKeyPairSync('ed25519').publicKey
    expect(await leafSignedBy(read.leaf, other)).toBe(false)
  })

  test('a body, of another log or against its schema, is not written', () => {
    expect(() => writer.write({ ...genesis, log: 'other.example/x' })).toThrow('other.example')
    expect(() => writer.write({ ...genesis, software: 'q@\u00e9' })).toThrow('schema')
    expect(() => writer.write({ ...genesis, extra: 1 } as never)).toThrow('schema')
  })

  const good = writer.write(genesis).leaf.toString()
  test.each([
    ['not-json', 'x'],
    ['unknown-shape', '{}'],
    ['unknown-shape', '[]'],
    ['unknown-shape', good.replace('"kid"', '"kid2"')],
    ['unknown-shape', good.replace('"sig":"', '"sig":"=')],
    ['bad-schema', good.replace('"v":1', '"v":2')],
    ['bad-schema', good.replace('"v":1', '"v":1,"x":0')],
    ['bad-schema', good.replace('"v":1', '"__proto__":1,"v":1')],
    ['bad-schema', good.replace('"v":1', `"v":${'['.repeat(20_000)}1${']'.repeat(20_000)}`)],
    ['not-canonical', good.replace('"v":1', '"v":1.0')],
    ['not-canonical', good.replace('"v":1', '"v":1,"v":1')],
    ['not-canonical', good.replace('log.genesis', 'log\\u002egenesis')],
    ['not-canonical', `${good} `],
    ['not-canonical', good.replace('{"body"', '{"kid":"worker-1","body"')],
    ['too-long', ' '.repeat(65_536)],
  ])('a leaf, %s, is refused by that name', (reason, text) => {
    expect(readLeaf(Buffer.from(text))).toEqual({ kind: 'refused', reason })
  })

  test('any change of one byte, anywhere, is refused or fails the signature', async () => {
    const bytes = Buffer.from(good)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, xor) => {
          const changed = Buffer.from(bytes)
          changed[at] = (changed[at] as number) ^ xor
          const read = readLeaf(changed)
          if (read.kind === 'refused' || read.leaf.kid !== 'worker-1') return
          expect(await leafSignedBy(read.leaf, publicKey)).toBe(false)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('a commitment', () => {
  const caseKey = Buffer.alloc(32, 7)
  test('the known input, under HKDF and HMAC, gives the known commitment', () => {
    // Computed with Python: hkdf(sha256, key, salt=b"", info) then hmac.
    expect(commit(caseKey, 'revocation.verified:r1', 'after.c', Buffer.from('{}'))).toBe(
      'jJD7Jhx-wfMDlj8YexCPaqJ5Zg_4qzH9qLYeXkeRR1Y',
    )
  })

  test('a disclosed field, opens with its key, and with no other key, path, entry or bytes', () => {
    const bytes = Buffer.from('alice@example.com')
    const c = commit(caseKey, 'offboarding.opened:o1', 'subject', bytes)
    expect(c).toHaveLength(43)
    const key = fieldKey(caseKey, 'offboarding.opened:o1', 'subject')
    expect(opens(c, key, bytes)).toBe(true)
    expect(opens(c, key, Buffer.from('bob@example.com'))).toBe(false)
    expect(commitWith(fieldKey(caseKey, 'offboarding.opened:o1', 'x'), bytes)).not.toBe(c)
    expect(commitWith(fieldKey(caseKey, 'offboarding.opened:o2', 'subject'), bytes)).not.toBe(c)
    expect(() => commit(caseKey, 'a|b', 'c', bytes)).toThrow(RangeError)
    expect(() => commit(caseKey.subarray(1), 'a', 'c', bytes)).toThrow(RangeError)
  })
})

describe('the expected set', () => {
  const item = (n: number) => ({ revocation: `r${n}`, app: 'crm', facet: 'account' })

  test('two items, in any order, give one root over their canonical JSON', () => {
    const leaf = (n: number) =>
      leafHash(Buffer.from(`{"app":"crm","facet":"account","revocation":"r${n}"}`))
    const root = nodeHash(leaf(1), leaf(2)).toString('hex')
    expect(expectedSet([item(1), item(2)])).toEqual({ count: 2, root })
    expect(expectedSet([item(2), item(1)])).toEqual({ count: 2, root })
  })

  test('a missing, an added and a doubled item are each noticed', () => {
    const whole = expectedSet([item(1), item(2), item(3)])
    expect(expectedSet([item(1), item(2)]).root).not.toBe(whole.root)
    expect(expectedSet([item(1), item(2), item(4)]).root).not.toBe(whole.root)
    expect(() => expectedSet([item(1), item(1)])).toThrow(RangeError)
  })
})

describe('closing', () => {
  const outcome = (n: number, o: OutcomeItem['outcome']): OutcomeItem => ({
    revocation: `r${String(n).padStart(4, '0')}`,
    app: 'crm',
    facet: 'account',
    entry: '0'.repeat(64),
    outcome: o,
  })

  test('few items are listed, thousands are committed to and still fit', () => {
    const few = closing([outcome(2, 'proven'), outcome(1, 'waived')])
    expect(few).toMatchObject({ outcome: 'complete' })
    expect('items' in few && few.items.map((i) => i.revocation)).toEqual(['r0001', 'r0002'])
    const many = closing(Array.from({ length: 5_000 }, (_, i) => outcome(i, 'proven')))
    expect(many).toMatchObject({ outcome: 'complete', outcomes: { count: 5_000 } })
    for (const end of [
      few,
      many,
      closing(Array.from({ length: 200 }, (_, i) => outcome(i, 'superseded'))),
    ]) {
      const body = {
        at: genesis.at,
        log: origin,
        v: 1,
        type: 'offboarding.closed',
        offboarding: 'o1',
        ...end,
      }
      expect(writer.write(body as EntryBody).leaf.length).toBeLessThan(65_536)
    }
  })

  test('outcome, some superseded, is mixed; all superseded, is superseded', () => {
    expect(closing([outcome(1, 'proven'), outcome(2, 'superseded')]).outcome).toBe('mixed')
    expect(closing([outcome(1, 'superseded')]).outcome).toBe('superseded')
    expect(closing([]).outcome).toBe('complete')
  })
})
