import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FacetSpec, Match, Observation, Subject } from '../../../src/connector-sdk/contract.ts'
import { backoff, LONGEST_WAIT } from '../../../src/revocation/backoff.ts'
import { decideAgain, decideMatch, searchListing } from '../../../src/revocation/correlate.ts'
import { escalationLevel, nextEscalation } from '../../../src/revocation/escalation.ts'
import type { Named } from '../../../src/revocation/lane.ts'
import { nextReobservation } from '../../../src/revocation/reobservation.ts'
import { type Findings, judge } from '../../../src/revocation/verdict.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/shared/clock.ts'

const SPEC: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 1_000,
  residualMs: 0,
  reversible: true,
}
const AT = 50_000
const evidence = { method: 'GET', target: '/', at: AT, body: '' }
const seen = (state: Observation['state'], more: Partial<Observation> = {}): Observation => ({
  handle: { facet: 'account', id: 'h' },
  state,
  at: AT,
  evidence,
  ...more,
})
const findings = (state: Observation['state'], more: Partial<Findings> = {}): Findings => ({
  spec: SPEC,
  absenceIs: 'suspect',
  observation: seen(state),
  seenLive: false,
  ...more,
})

test.each<[string, Findings, object]>([
  ['dead', findings('dead'), { kind: 'verified', verdict: { grade: 'B', kind: 'dead' } }],
  ['dead and refused in use', findings('dead', { probe: 'dead' }), { verdict: { grade: 'A' } }],
  [
    'dead, yet it works in use',
    findings('dead', { probe: 'live', ackedAt: AT - 5_000 }),
    { kind: 'contradicted', verdict: { grade: 'F' } },
  ],
  [
    'dead, on the word of a person alone',
    findings('dead', { isHearsay: true }),
    { kind: 'human', reason: 'ambiguous-match' },
  ],
  [
    'absent, on the word of a person alone',
    findings('absent', { isHearsay: true, absenceIs: 'proof' }),
    { kind: 'human', reason: 'no-account-found' },
  ],
  ['live, nothing written', findings('live'), { kind: 'write' }],
  ['live while settling', findings('live', { ackedAt: AT - 400 }), { kind: 'wait', afterMs: 600 }],
  ['live after settling', findings('live', { ackedAt: AT - 1_000 }), { kind: 'contradicted' }],
  ['unknown, nothing written', findings('unknown'), { kind: 'write' }],
  ['unknown after a write', findings('unknown', { ackedAt: AT - 5_000 }), { kind: 'wait' }],
  ['a read from before the answer', findings('dead', { ackedAt: AT + 1 }), { kind: 'wait' }],
  [
    'absent, seen live before',
    findings('absent', { seenLive: true }),
    { verdict: { kind: 'absent' } },
  ],
  ['absent stranger', findings('absent'), { kind: 'human', reason: 'no-account-found' }],
  [
    'absent stranger, absence is proof',
    findings('absent', { absenceIs: 'proof' }),
    { kind: 'enumerate' },
  ],
  [
    'absent stranger, nobody in a complete listing',
    findings('absent', { absenceIs: 'proof', enumeration: { kind: 'nobody', accounts: 3 } }),
    { kind: 'verified', verdict: { kind: 'absent', grade: 'B' } },
  ],
  [
    'absent stranger, nobody in a listing, but absence is suspect',
    findings('absent', { enumeration: { kind: 'nobody', accounts: 3 } }),
    { kind: 'human' },
  ],
  [
    'absent stranger, listing inconclusive',
    findings('absent', { absenceIs: 'proof', enumeration: { kind: 'inconclusive' } }),
    { kind: 'human', reason: 'no-account-found' },
  ],
])('judge, %s', (_, given, expected) => {
  expect(judge(given)).toMatchObject(expected)
})

test('judge, tokens that live on, states until when', () => {
  const verdict = judge(findings('dead', { spec: { ...SPEC, residualMs: 900_000 } }))
  expect(verdict).toMatchObject({ verdict: { residualUntil: AT + 900_000 } })
})

test('judge, anything but dead or absent, never verifies', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('live' as const, 'unknown' as const),
      fc.boolean(),
      fc.constantFrom('proof' as const, 'suspect' as const),
      fc.option(fc.integer({ min: 0, max: 2 * AT }), { nil: undefined }),
      (state, seenLive, absenceIs, ackedAt) => {
        const more = { seenLive, absenceIs, ...(ackedAt === undefined ? {} : { ackedAt }) }
        expect(judge(findings(state, more)).kind).not.toBe('verified')
      },
    ),
  )
})

const match = (id: string, strength: Match['strength'], protectedBecause?: string): Match => ({
  handle: { facet: 'account', id },
  strength,
  matchedOn: 'userName',
  evidence,
  ...(protectedBecause === undefined ? {} : { protectedBecause }),
})

test.each<[string, Match[], object]>([
  ['none', [], { kind: 'nobody' }],
  ['one exact', [match('a', 'exact')], { kind: 'found', handleId: 'a' }],
  ['one exact, reported twice', [match('a', 'exact'), match('a', 'exact')], { kind: 'found' }],
  ['one exact beside a weak one', [match('b', 'weak'), match('a', 'exact')], { handleId: 'a' }],
  ['one weak', [match('a', 'weak')], { kind: 'ambiguous' }],
  ['two exact', [match('a', 'exact'), match('b', 'exact')], { kind: 'ambiguous' }],
  ['the last owner', [match('a', 'exact', 'last owner')], { kind: 'protected', handleId: 'a' }],
])('decideMatch, %s', (_, matches, expected) => {
  expect(decideMatch(matches)).toMatchObject(expected)
})

test.each<[string, Named | undefined, Match[], object]>([
  ['nobody', undefined, [], { kind: 'found', handleId: 'known' }],
  ['the same one', undefined, [match('known', 'exact')], { kind: 'found', handleId: 'known' }],
  ['the same one, weak', undefined, [match('known', 'weak')], { kind: 'found' }],
  ['the last owner', undefined, [match('known', 'exact', 'owner')], { kind: 'protected' }],
  ['another one', undefined, [match('a', 'exact')], { kind: 'found', handleId: 'a' }],
  ['both', undefined, [match('known', 'exact'), match('a', 'exact')], { kind: 'ambiguous' }],
  ['another one, weak', undefined, [match('a', 'weak')], { kind: 'ambiguous' }],
  ['nobody', 'now', [], { kind: 'found', handleId: 'known' }],
  ['another one', 'now', [match('a', 'exact')], { kind: 'ambiguous' }],
  ['another one, weak', 'now', [match('a', 'weak')], { kind: 'found', handleId: 'known' }],
  ['both', 'now', [match('known', 'exact'), match('a', 'exact')], { handleId: 'known' }],
  ['the last owner', 'now', [match('known', 'exact', 'owner')], { kind: 'protected' }],
  ['both', 'before', [match('known', 'exact'), match('a', 'exact')], { kind: 'ambiguous' }],
  ['the same one', 'before', [match('known', 'exact')], { kind: 'found', handleId: 'known' }],
])('decideAgain, %s, with a known account named by a person: %s', (_, named, matches, expected) => {
  const known = { handleId: 'known', ...(named === undefined ? {} : { named }) }
  expect(decideAgain(matches, known)).toMatchObject(expected)
})

const ANN: Subject = { sourceId: 's', userId: 'u', userName: 'Ann', emails: ['ann@example.com'] }
const row = (id: string, keys?: Observation['keys']): Observation =>
  seen('live', { handle: { facet: 'account', id }, ...(keys === undefined ? {} : { keys }) })

test.each<[string, Observation[], boolean, object]>([
  ['nobody', [row('b', { userName: 'bob' })], true, { kind: 'nobody', accounts: 1 }],
  ['an incomplete listing', [row('b', { userName: 'bob' })], false, { kind: 'inconclusive' }],
  ['an empty listing', [], true, { kind: 'inconclusive' }],
  ['rows without keys', [row('b')], true, { kind: 'inconclusive' }],
  ['the person by name', [row('a', { userName: 'ANN' })], false, { handleIds: ['a'] }],
  ['the person by e-mail', [row('a', { emails: ['Ann@Example.com'] })], true, { kind: 'somebody' }],
])('searchListing, %s', (_, rows, complete, expected) => {
  expect(searchListing(ANN, rows, complete)).toMatchObject(expected)
})

test('backoff, failures in a row, follows the schedule and never ends', () => {
  expect([1, 2, 3, 4, 5, 6, 60].map((n) => backoff(n, 0))).toEqual([
    2 * SECOND,
    10 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    15 * MINUTE,
  ])
})

test('backoff, any jitter and any wish of the app, stays within its bounds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -5, max: 100 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.option(fc.integer({ min: -10, max: DAY }), { nil: undefined }),
      (failures, jitter, retryAfterMs) => {
        const wait = backoff(failures, jitter, retryAfterMs)
        expect(wait).toBeGreaterThanOrEqual(Math.min(retryAfterMs ?? 0, LONGEST_WAIT))
        expect(wait).toBeLessThanOrEqual(LONGEST_WAIT)
      },
    ),
  )
})

test('escalation, share of the time used, names the highest level reached', () => {
  const times = { openedAt: 0, deadlineAt: HOUR }
  const at = (share: number) => escalationLevel(times, HOUR * share)
  expect([0, 0.49, 0.5, 0.79, 0.8, 0.99, 1, 2].map(at)).toEqual([0, 0, 50, 50, 80, 80, 100, 100])
  expect(nextEscalation(times, 0)).toBe(HOUR / 2)
  expect(nextEscalation(times, 100)).toBeUndefined()
})

test('escalation, of a leave that was opened late, counts from where its deadline counts', () => {
  const times = { openedAt: 45 * MINUTE, clockFrom: 0, deadlineAt: HOUR }
  expect(escalationLevel(times, 49 * MINUTE)).toBe(80)
  expect(nextEscalation(times, 0)).toBe(HOUR / 2)
})

test('reobservation, looks since the proof, come later and later and end', () => {
  expect([0, 1, 2, 3, 4, 5].map((done) => nextReobservation(0, done))).toEqual([
    HOUR,
    DAY,
    7 * DAY,
    30 * DAY,
    90 * DAY,
    undefined,
  ])
})
