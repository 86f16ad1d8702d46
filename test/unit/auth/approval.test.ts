import { expect, test } from 'vitest'
import { type Approval, digestOf, partyOf, refusalOf } from '../../../src/auth/approval.ts'
import type { Principal } from '../../../src/auth/principal.ts'

const ALICE = { sourceId: 'staff', userId: 'u-alice' }
const BOB = { sourceId: 'staff', userId: 'u-bob' }
const admin = (id: string, more: Partial<Principal>): Principal => ({ id, role: 'admin', ...more })

function proposedBy(principal: Principal): Approval {
  const party = partyOf(principal)
  if (party === undefined) throw new Error('a program proposes nothing')
  const draft = {
    id: 'a1',
    kind: 'hold' as const,
    payload: { sourceId: 'staff', userId: 'u-gone' },
    about: 'u-gone',
    reason: 'a court asks',
    proposedBy: party,
    proposedAt: 1_000,
    expiresAt: 2_000,
    state: 'proposed' as const,
  }
  return { ...draft, digest: digestOf(draft) }
}

const refusal = (proposer: Principal, decider: Principal) => {
  const approval = proposedBy(proposer)
  return refusalOf(approval, decider, { shown: approval.digest, names: [], now: 1_500 })
}

test.each<[string, Partial<Principal>, Partial<Principal>, string | undefined]>([
  ['one name', { person: 'asmith' }, { person: 'asmith' }, 'same-person'],
  ['two names', { person: 'asmith' }, { person: 'bob' }, undefined],
  [
    'two names of one directory user',
    { person: 'asmith', linked: ALICE },
    { person: 'alice.smith@corp.example', linked: ALICE },
    'same-person',
  ],
  [
    'two names of two directory users',
    { person: 'asmith', linked: ALICE },
    { person: 'bob', linked: BOB },
    undefined,
  ],
  [
    'two names of users with one id in two sources',
    { person: 'asmith', linked: ALICE },
    { person: 'bob', linked: { ...ALICE, sourceId: 'other' } },
    undefined,
  ],
  [
    'one name, of two directory users',
    { person: 'asmith', linked: ALICE },
    { person: 'asmith', linked: BOB },
    'same-person',
  ],
  [
    'two names, one of them known to the directory',
    { person: 'asmith', linked: ALICE },
    { person: 'bob' },
    undefined,
  ],
  [
    'a token and who made it',
    { person: 'asmith', linked: ALICE },
    { person: 'bob', madeBy: 'asmith', linked: BOB },
    'made-by-the-other',
  ],
])('four eyes, %s, are one person or two', (_, first, second, expected) => {
  expect(refusal(admin('t1', first), admin('t2', second))).toBe(expected)
  expect(refusal(admin('t2', second), admin('t1', first))).toBe(expected)
})

test('four eyes, one principal that is called another name by now, is one person', () => {
  expect(refusal(admin('t1', { person: 'asmith' }), admin('t1', { person: 'amiller' }))).toBe(
    'same-person',
  )
})
