import { describe, expect, test } from 'vitest'
import { exitCode } from '../../../src/cli/verify-file.ts'
import { describeVerification } from '../../../src/cli/verify-text.ts'
import { commit } from '../../../src/ledger/commitment.ts'
import {
  type EntryBody,
  type EntryType,
  type ExpectedItem,
  entryBody,
} from '../../../src/ledger/entries.ts'
import { idOfBody } from '../../../src/ledger/entry-id.ts'
import { expectedSet } from '../../../src/ledger/expected-set.ts'
import { parseVkey } from '../../../src/ledger/note.ts'
import { logOnlyPolicy } from '../../../src/ledger/policy.ts'
import { type Verification, verifyCertificate } from '../../../src/ledger/verify.ts'
import {
  CASE,
  caseKey,
  certificateOf,
  closedBody,
  EXPECTED,
  logVkey,
  ORIGIN,
  openedBody,
  verifiedBody,
  writer,
} from './case.ts'

type Amended = Extract<EntryBody, { type: 'offboarding.amended' }>

const pinned = logOnlyPolicy([parseVkey(logVkey)!])
const ERP = { app: 'erp', facet: 'account', revocation: 'r4' }
const HR = { app: 'hr', facet: 'account', revocation: 'r5' }
const BOTH = [...EXPECTED, ERP, HR]

function amended(before: readonly ExpectedItem[], item: ExpectedItem, more: object = {}): Amended {
  const body: Amended = {
    v: 1,
    log: ORIGIN,
    at: '2026-11-22T03:00:00.000Z',
    type: 'offboarding.amended',
    added: 1,
    app: item.app,
    expected: expectedSet([...before, item]),
    offboarding: CASE,
    previous: expectedSet(before).root,
    reason: '',
    ...more,
  }
  const reason = commit(caseKey, idOfBody(body), 'reason', Buffer.from('registered late'))
  return { ...body, reason }
}

const [ADD_ERP, ADD_HR] = [amended(EXPECTED, ERP), amended([...EXPECTED, ERP], HR)]
const proofs = [1, 2, 3].map((n) => verifiedBody(n))
const ofErp = verifiedBody(1, ERP)
const ofHr = verifiedBody(1, HR)
const closedOver = (bodies: EntryBody[]) => closedBody(bodies.map((body) => writer.write(body)))
const ALL = [...proofs, ofErp, ofHr]

const verified = async (bodies: EntryBody[], expected: ExpectedItem[]): Promise<Verification> =>
  await verifyCertificate(
    await certificateOf({ bodies, noise: 3, change: (material) => ({ ...material, expected }) }),
    pinned,
  )
const reasonOf = (result: Verification): string =>
  result.kind === 'refused' ? `${result.step}: ${result.reason}` : result.completeness

describe('a case that was amended twice', () => {
  test('closed, everything in its certificate, is complete and says what was added', async () => {
    const bodies = [openedBody(), ...proofs, ADD_ERP, ofErp, ADD_HR, ofHr, closedOver(ALL)]
    const result = await verified(bodies, BOTH)
    if (result.kind === 'refused') throw new Error(reasonOf(result))
    expect(result.completeness).toBe('complete')
    expect(result.amended.map(({ app, added }) => [app, added])).toEqual([
      ['erp', 1],
      ['hr', 1],
    ])
    expect(exitCode(result)).toBe(0)
    const text = describeVerification(result)
    expect(text).toContain('amended     erp, 1 added at 2026-11-22T03:00:00.000Z')
    expect(text).toContain('when the case was last amended')
    expect(text).not.toContain('no application was added since')
  })

  test('sealed in another order, is judged alike: sizes order amendments', async () => {
    const bodies = [ADD_HR, ADD_ERP, openedBody(), ...ALL, closedOver(ALL)]
    expect(reasonOf(await verified(bodies, BOTH))).toBe('complete')
  })

  test('still open, owes what was added, and says that more may have been added', async () => {
    const result = await verified([openedBody(), ...proofs, ADD_ERP], [...EXPECTED, ERP])
    if (result.kind === 'refused') throw new Error(reasonOf(result))
    expect(result.completeness).toBe('open')
    expect(result.items.filter(({ ending }) => ending === undefined)).toHaveLength(1)
    expect(exitCode(result)).toBe(2)
    expect(describeVerification(result)).toContain('That no application was added since')
  })

  const list = 'completeness: the list of expected revocations is not the one the case was'
  test.each<[string, EntryBody[], ExpectedItem[], string]>([
    [
      'both amendments hidden, the list whole',
      [openedBody(), ...ALL, closedOver(ALL)],
      BOTH,
      `${list} opened with`,
    ],
    [
      'the last one hidden, the list whole',
      [openedBody(), ADD_ERP, ...ALL, closedOver(ALL)],
      BOTH,
      `${list} amended to`,
    ],
    [
      'the first one hidden',
      [openedBody(), ADD_HR, ...ALL, closedOver(ALL)],
      BOTH,
      'completeness: an amendment does not follow the entry before it',
    ],
    [
      'amendments and all that they added hidden',
      [openedBody(), ...proofs, closedOver(ALL)],
      EXPECTED,
      'completeness: the closing entry names other outcomes than the entries show',
    ],
    [
      'what was added hidden, and taken off the list',
      [openedBody(), ADD_ERP, ...proofs, closedOver(proofs)],
      EXPECTED,
      `${list} amended to`,
    ],
    [
      'what was added not proved, and closed without it',
      [openedBody(), ADD_ERP, ...proofs, closedOver(proofs)],
      [...EXPECTED, ERP],
      'completeness: the case is closed, but entries of it are not in this certificate',
    ],
    [
      'forged so as to take an item away',
      [openedBody(), amended(EXPECTED.slice(1), ERP, { previous: openedBody().expected.root })],
      [...EXPECTED.slice(1), ERP],
      `${list} opened with`,
    ],
    [
      'forged so as to replace an item',
      [openedBody(), amended(EXPECTED.slice(1), { ...ERP, app: 'crm' }, { added: 3 })],
      [...EXPECTED.slice(1), { ...ERP, app: 'crm' }],
      'completeness: an amendment does not follow the entry before it',
    ],
    [
      'more added than it says',
      [
        openedBody(),
        amended([...EXPECTED, { ...HR, app: 'erp' }], ERP, {
          previous: openedBody().expected.root,
        }),
      ],
      [...EXPECTED, { ...HR, app: 'erp' }, ERP],
      'completeness: an amendment added another number of revocations than it says',
    ],
    [
      'another case',
      [openedBody(), { ...ADD_ERP, offboarding: 'o2' }],
      [...EXPECTED, ERP],
      'completeness: entry',
    ],
  ])('%s, is refused', async (_, bodies, expected, reason) => {
    expect(reasonOf(await verified(bodies, expected))).toContain(reason)
  })
})

test.each<[string, object]>([
  ['nothing added', { added: 0 }],
  ['the reason in words', { reason: 'registered late' }],
  ['a field of no schema', { note: 'x' }],
  ['without the set before', { previous: undefined }],
])('the schema of an amendment, %s, refuses it', (_, more) => {
  expect(entryBody.safeParse(ADD_ERP).success).toBe(true)
  expect(entryBody.safeParse({ ...ADD_ERP, ...more }).success).toBe(false)
})

test('the id of an amendment, of two of one case, differs by the size of the set', () => {
  const type: EntryType = 'offboarding.amended'
  expect(idOfBody(ADD_ERP)).toBe(`${type}:o1/4`)
  expect(idOfBody(ADD_HR)).toBe(`${type}:o1/5`)
})
