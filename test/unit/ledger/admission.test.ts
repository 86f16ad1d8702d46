import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { admit } from '../../../src/ledger/admission.ts'
import type { PendingEntry } from '../../../src/ledger/intake.ts'
import { workerKey } from '../../../src/ledger/keys.ts'
import { createEntryWriter } from '../../../src/ledger/leaf.ts'
import { verifiedEntry } from '../../support/ledger.ts'

const origin = 'ledger.example.com/q'
const known = workerKey(randomBytes(32))
const ring = new Map([[known.kid, known]])
const writer = createEntryWriter({ origin, ...known })
const good = verifiedEntry(writer, 'r1')

/** The same row with a signature that does not verify: it passes only where nobody looks at the signature. */
function withBadSignature(entry: PendingEntry): PendingEntry {
  const leaf = Buffer.from(entry.leaf)
  leaf.write(
    leaf.toString('latin1', leaf.length - 20, leaf.length - 19) === 'A' ? 'B' : 'A',
    leaf.length - 20,
  )
  return { ...entry, leaf }
}

describe('a row of the intake', () => {
  test('of this hub, as it was made, is admitted with what it is about', async () => {
    expect(await admit(good, origin, ring, known)).toEqual({ kind: 'admitted', entry: good })
    expect(good.references).toEqual({ offboardingId: 'o1', revocationId: 'r1' })
  })

  test('without a mac, with a good signature, is admitted too', async () => {
    const { mac: _, ...bare } = good
    expect((await admit(bare, origin, ring, known)).kind).toBe('admitted')
    expect((await admit(good, origin, ring)).kind).toBe('admitted')
  })

  const other = workerKey(randomBytes(32))
  test.each([
    ['another leaf', withBadSignature(good), 'bad-signature'],
    ['another revocation', { ...good, references: { revocationId: 'victim' } }, 'wrong-references'],
    ['another id', { ...good, eid: 'revocation.verified:x' }, 'wrong-id'],
    ['another type', { ...good, type: 'revocation.waived' }, 'wrong-id'],
    [
      'a mac of 31 bytes',
      { ...withBadSignature(good), mac: good.mac?.subarray(1) },
      'bad-signature',
    ],
    [
      'a key nobody announced',
      verifiedEntry(createEntryWriter({ origin, ...other }), 'r1'),
      'unknown-key',
    ],
    [
      'the mac of another log',
      verifiedEntry(createEntryWriter({ origin: 'other.example/log', ...known }), 'r1'),
      'wrong-log',
    ],
  ] as [string, PendingEntry, string][])(
    'with %s under a mac, is refused by name',
    async (_, row, reason) => {
      expect(row.mac).toBeDefined()
      expect(await admit(row, origin, ring, known)).toMatchObject({ kind: 'refused', reason })
    },
  )

  test('of a worker, about the log itself, is refused in spite of its mac', async () => {
    const genesis = writer.write({
      type: 'log.genesis',
      v: 1,
      log: origin,
      at: '2026-11-22T02:00:00.000Z',
      software: 'quittance@0.0.0',
    })
    expect(genesis.mac).toBeDefined()
    expect(await admit(genesis, origin, ring, known)).toMatchObject({ reason: 'wrong-role' })
  })

  test('of this hub, while the log knows no such key, is not admitted by its mac', async () => {
    expect(await admit(good, origin, new Map(), known)).toMatchObject({ reason: 'unknown-key' })
  })
})
