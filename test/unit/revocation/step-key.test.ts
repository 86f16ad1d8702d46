import { expect, test } from 'vitest'
import type { Lane } from '../../../src/revocation/lane.ts'
import { stepKey } from '../../../src/revocation/step-key.ts'
import { transition } from '../../../src/revocation/transition.ts'
import { acked, claim, intent, LEASE_MS, looked, NOW, say, sent, verified, want } from './lanes.ts'

const unit = '1/account'
const sending = (lane: Lane, now = NOW): Lane => sent(looked(lane, unit), unit, now)
const first = (): Lane => sending(claim(want(undefined, intent(1, 'revoke'))))
const keyOf = (lane: Lane): string => {
  expect(lane.inflight).toBeDefined()
  return stepKey(lane, 'account')
}
const faulted = (lane: Lane, effect: 'none' | 'unknown'): Lane =>
  say(lane, {
    kind: 'faulted',
    revocationId: unit,
    facet: 'account',
    fault: 'transient',
    effect,
    jitter: 0,
  })

test('step key, a write without an answer, is kept by the next attempt', () => {
  expect(keyOf(sending(faulted(first(), 'unknown')))).toBe(keyOf(first()))
})

test('step key, a lease that ended during the write, is kept by the next holder', () => {
  const later = NOW + LEASE_MS
  const reaped = transition(first(), { kind: 'reaped' }, later)
  expect(keyOf(sending(claim(reaped, later), later))).toBe(keyOf(first()))
})

test('step key, a write that is known to have done nothing, is another one afterwards', () => {
  expect(keyOf(sending(faulted(first(), 'none')))).not.toBe(keyOf(first()))
})

test('step key, an account that lives after a friendly answer, is another one each time', () => {
  const keys = new Set<string>()
  let lane = first()
  for (let round = 0; round < 4; round += 1) {
    keys.add(keyOf(lane))
    const contradicted = say(acked(lane), {
      kind: 'judged',
      revocationId: unit,
      judgement: {
        kind: 'contradicted',
        verdict: { grade: 'F', kind: 'contradicted', at: NOW },
      },
      jitter: 0,
    })
    lane = sending(contradicted)
  }
  expect(keys.size).toBe(4)
})

test('step key, a write without an answer that was seen to land, is another one afterwards', () => {
  const landed = looked(faulted(first(), 'unknown'), unit, 'dead')
  expect(keyOf(sending(landed))).not.toBe(keyOf(first()))
})

test('step key, revoked, restored and revoked again, is another one each time', () => {
  const gone = verified(acked(first()), unit)
  const restoring = say(want(gone, intent(2, 'restore')), {
    kind: 'sent',
    what: { op: 'restore', facet: 'account' },
    handleId: 'h',
    quarantineMs: 5_000,
    reversible: true,
  })
  const again = want(acked(restoring), intent(3, 'revoke'))
  const third = sent(looked(again, '3/account'), '3/account')
  expect(new Set([keyOf(first()), keyOf(restoring), keyOf(third)]).size).toBe(3)
})

test('step key, another account of the same person, is another one', () => {
  const lane = transition(faulted(first(), 'unknown'), { kind: 'assigned', handleId: 'other' }, NOW)
  const other = say(lane, {
    kind: 'sent',
    what: { op: 'revoke', revocationId: unit, choice: 1 },
    handleId: 'other',
    quarantineMs: 5_000,
    reversible: true,
  })
  expect(keyOf(other)).not.toBe(keyOf(first()))
})
