import { describe, expect, test } from 'vitest'
import type { Fault, Observation } from '../../../src/connector-sdk/contract.ts'
import { type Lane, NEVER } from '../../../src/revocation/lane.ts'
import type { LaneEvent } from '../../../src/revocation/lane-event.ts'
import { nextStep } from '../../../src/revocation/next-step.ts'
import { transition } from '../../../src/revocation/transition.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/shared/clock.ts'
import {
  acked,
  claim,
  FACTS,
  intent,
  LEASE_MS,
  looked,
  NOW,
  say,
  sent,
  verified,
  want,
} from './lanes.ts'

const acting = (): Lane =>
  sent(looked(claim(want(undefined, intent(1, 'revoke'))), '1/account'), '1/account')

describe('wanted', () => {
  test('lane, first intent, is ready at once', () => {
    const lane = want(undefined, intent(1, 'revoke'))
    expect(lane).toMatchObject({ state: 'ready', dueAt: NOW, dirty: false, rev: 0 })
    expect(lane.work[0]).toMatchObject({ revocationId: '1/account', state: 'due', attempts: 0 })
  })

  test('lane, an equal or older generation, does not change', () => {
    const lane = want(undefined, intent(3, 'revoke'))
    expect(want(lane, intent(3, 'restore'))).toBe(lane)
    expect(want(lane, intent(2, 'restore'))).toBe(lane)
  })

  test('lane, a restore before anything began, supersedes as returned and has nothing to do', () => {
    const lane = want(
      want(undefined, intent(1, 'revoke', ['account', 'session'])),
      intent(2, 'restore'),
    )
    expect(lane).toMatchObject({ state: 'idle', dueAt: NEVER, dirty: true })
    expect(lane.outbox).toMatchObject([
      { kind: 'superseded', revocationId: '1/account', reason: 'returned', byGeneration: 2 },
      { kind: 'superseded', revocationId: '1/session', reason: 'returned', byGeneration: 2 },
    ])
  })

  test('lane, a revoke over an older revoke, renews and keeps what is known of the handle', () => {
    const lane = want(
      looked(claim(want(undefined, intent(1, 'revoke'))), '1/account'),
      intent(2, 'revoke'),
    )
    expect(lane.outbox).toMatchObject([{ revocationId: '1/account', reason: 'renewed' }])
    expect(lane.work[0]).toMatchObject({ revocationId: '2/account', handleId: 'h', seenLive: true })
  })

  test('lane, a newer intent while a write is on its way, waits for its outcome', () => {
    const busy = want(acting(), intent(2, 'restore'))
    expect(busy.current?.generation).toBe(1)
    expect(busy.outbox).toEqual([])
    const landed = acked(busy)
    expect(landed.current?.generation).toBe(2)
    expect(landed.outbox).toMatchObject([{ revocationId: '1/account', reason: 'returned' }])
    expect(nextStep(landed, NOW)).toMatchObject({ kind: 'restore', undo: { handleId: 'h' } })
  })

  test('lane, an intent overtaken before it began, ends once and for all', () => {
    const lane = [intent(2, 'restore'), intent(3, 'revoke'), intent(4, 'restore')].reduce(
      (busy, next) => want(busy, next),
      acting(),
    )
    expect(acked(lane).outbox.map((record) => record.revocationId)).toEqual([
      '3/account',
      '1/account',
    ])
  })
})

describe('lease', () => {
  test('lane, the word of a lost lease, does not change', () => {
    const mine = claim(want(undefined, intent(1, 'revoke')))
    const theirs = claim(transition(mine, { kind: 'reaped' }, NOW + LEASE_MS), NOW + LEASE_MS)
    expect(theirs.fence).toBe(3)
    const late = { kind: 'released', reason: 'done', lease: 'l', fence: mine.fence } as const
    expect(transition(theirs, late, NOW + LEASE_MS)).toBe(theirs)
  })

  test('lane, a lease that still runs, is not reaped', () => {
    const lane = claim(want(undefined, intent(1, 'revoke')))
    expect(transition(lane, { kind: 'reaped' }, NOW + LEASE_MS - 1)).toBe(lane)
  })

  test('lane, reaped in the middle of a write, makes the opposite wait and may put it back', () => {
    const reaped = transition(acting(), { kind: 'reaped' }, NOW + LEASE_MS)
    expect(reaped.quarantine).toEqual({
      until: NOW + LEASE_MS + 5_000,
      generation: 1,
      op: 'revoke',
    })
    expect(reaped.dueAt).toBeLessThanOrEqual(NOW + LEASE_MS)
    const returned = want(reaped, intent(2, 'restore'), NOW + LEASE_MS)
    expect(returned.dueAt).toBe(NOW + LEASE_MS + 5_000)
    expect(returned.undo).toMatchObject([{ facet: 'account', handleId: 'h' }])
  })

  test('lane, five leases lost in a row, asks a person and goes on every hour', () => {
    let lane = want(undefined, intent(1, 'revoke'))
    let now = NOW
    for (let reap = 0; reap < 5; reap += 1) {
      lane = claim(lane, now)
      now += LEASE_MS
      lane = transition(lane, { kind: 'reaped' }, now)
    }
    expect(lane.work[0]).toMatchObject({ state: 'human', reason: 'connector-bug' })
    expect(lane.dueAt).toBe(now + HOUR)
  })

  test('lane, handed back at shutdown, charges no attempt', () => {
    const lane = say(claim(want(undefined, intent(1, 'revoke'))), {
      kind: 'released',
      reason: 'shutdown',
    })
    expect(lane).toMatchObject({ state: 'ready', attempts: 0, lease: undefined })
  })

  test('lane, a second write while one is on its way, is refused', () => {
    const lane = acting()
    expect(sent(lane, '1/account')).toBe(lane)
  })

  test('lane, a write after the end of the lease, is refused', () => {
    const lane = looked(claim(want(undefined, intent(1, 'revoke'))), '1/account')
    expect(sent(lane, '1/account', NOW + LEASE_MS)).toBe(lane)
  })
})

describe('judged', () => {
  test('lane, all verified, is idle with one record each', () => {
    const lane = say(verified(acked(acting()), '1/account'), { kind: 'released', reason: 'done' })
    expect(lane).toMatchObject({ state: 'idle', dirty: true })
    expect(lane.outbox).toMatchObject([{ kind: 'verified', revocationId: '1/account', fence: 1 }])
    expect(verified(lane, '1/account')).toBe(lane)
  })

  test('lane, projected, has an empty outbox; a second time nothing happens', () => {
    const lane = transition(verified(acked(acting()), '1/account'), { kind: 'projected' }, NOW)
    expect(lane).toMatchObject({ outbox: [], dirty: false })
    expect(transition(lane, { kind: 'projected' }, NOW)).toBe(lane)
  })

  test('lane, contradicted three times, asks a person and tries again every quarter of an hour', () => {
    let lane = acting()
    for (let round = 1; round <= 3; round += 1) {
      lane = contradicted(acked(lane))
      expect(lane.work[0]?.state).toBe(round < 3 ? 'due' : 'human')
      if (round < 3) lane = sent(lane, '1/account')
    }
    expect(lane.work[0]).toMatchObject({ reason: 'contradicted', contradictions: 3, attempts: 3 })
    expect(lane.work[0]?.notBefore).toBe(NOW + 15 * MINUTE)
  })
})

describe('faulted', () => {
  const fault = (
    lane: Lane,
    kind: Fault,
    effect: 'none' | 'unknown',
    retryAfterMs?: number,
  ): Lane =>
    say(lane, {
      kind: 'faulted',
      revocationId: '1/account',
      facet: 'account',
      fault: kind,
      effect,
      jitter: 0,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })

  test.each<[Fault, object]>([
    ['throttled', { state: 'due', notBefore: NOW + 2 * SECOND }],
    ['transient', { state: 'due', notBefore: NOW + 2 * SECOND }],
    ['conflict', { state: 'due', notBefore: NOW + SECOND }],
    ['gone', { state: 'settling', notBefore: NOW }],
    ['forbidden', { state: 'human', reason: 'forbidden' }],
    ['invalid', { state: 'human', reason: 'invalid' }],
    ['unsupported', { state: 'human', reason: 'unsupported' }],
    ['ambiguous', { state: 'human', reason: 'ambiguous-match' }],
    ['protected', { state: 'human', reason: 'protected' }],
    ['bug', { state: 'human', reason: 'connector-bug' }],
  ])(
    'lane, %s without effect, is as the fault table says and opens no quarantine',
    (kind, expected) => {
      const lane = fault(acting(), kind, 'none')
      expect(lane.work[0]).toMatchObject({ ...expected, fault: kind })
      expect(lane).toMatchObject({ quarantine: undefined, inflight: undefined, undo: [] })
    },
  )

  test('lane, throttled, waits as long as the app asked, but no longer than a quarter of an hour', () => {
    expect(fault(acting(), 'throttled', 'none', 60_000).work[0]?.notBefore).toBe(NOW + 60_000)
    expect(fault(acting(), 'throttled', 'none', HOUR).work[0]?.notBefore).toBe(NOW + 15 * MINUTE)
  })

  test('lane, a refused credential, is held and burns no attempt', () => {
    const lane = fault(acting(), 'credential', 'none')
    expect(lane).toMatchObject({ state: 'held', lease: undefined, dueAt: NOW + 5 * MINUTE })
    expect(lane.work[0]).toMatchObject({ attempts: 0, fault: 'credential' })
    expect(transition(lane, { kind: 'nudged' }, NOW)).toMatchObject({ state: 'ready', dueAt: NOW })
  })

  test('lane, an unknown effect, makes the opposite wait and the same one look again', () => {
    const lane = fault(acting(), 'transient', 'unknown')
    expect(lane.quarantine).toMatchObject({ op: 'revoke', until: NOW + 5_000 })
    expect(lane.undo).toHaveLength(1)
    expect(nextStep(lane, NOW + 2 * SECOND)).toMatchObject({ kind: 'unit' })
  })

  test('lane, the first facet that fails three times, no longer keeps the others waiting', () => {
    let lane = claim(want(undefined, intent(1, 'revoke', ['account', 'session'])))
    for (let round = 0; round < 3; round += 1) {
      expect(nextStep(lane, NOW)).not.toMatchObject({ unit: { facet: 'session' } })
      lane = fault(lane, 'transient', 'none')
    }
    expect(nextStep(lane, NOW)).toMatchObject({ kind: 'unit', unit: { facet: 'session' } })
  })
})

const contradicted = (lane: Lane): Lane =>
  say(lane, {
    kind: 'judged',
    revocationId: '1/account',
    judgement: { kind: 'contradicted', verdict: { grade: 'F', kind: 'contradicted', at: NOW } },
    jitter: 0,
  })

describe('restore', () => {
  test('lane, what was taken twice, is put back once, newest facet first', () => {
    let lane = claim(want(undefined, intent(1, 'revoke', ['account', 'membership'])))
    for (const id of ['1/account', '1/membership']) {
      lane = verified(acked(sent(looked(lane, id), id)), id)
    }
    lane = want(lane, intent(2, 'restore'))
    expect(lane.undo.map(({ facet }) => facet)).toEqual(['account', 'membership'])
    expect(nextStep(lane, NOW)).toMatchObject({ undo: { facet: 'membership' } })
  })

  test('lane, a second write of the same thing, keeps the facts of the first', () => {
    const again = sent(contradicted(acked(acting())), '1/account')
    const later = { sealed: Buffer.from('later'), wrapped: Buffer.from('later') }
    const lane = say(again, { kind: 'acked', ack: 'done', evidence: 'e', settleMs: 0, undo: later })
    expect(lane.undo).toMatchObject([{ sealed: Buffer.from('s') }])
  })

  test('lane, an app that says it is back and lies, puts it back again until it lives', () => {
    const put = (lane: Lane): Lane =>
      say(
        say(claim(lane, lane.dueAt), {
          kind: 'sent',
          what: { op: 'restore', facet: 'account' },
          handleId: 'h',
          quarantineMs: 1,
          reversible: true,
        }),
        { kind: 'acked', ack: 'done', evidence: '', settleMs: 0 },
      )
    const seen = (lane: Lane, state: 'dead' | 'unknown' | 'live'): Lane =>
      say(say(lane, { kind: 'looked-back', facet: 'account', handleId: 'h', state, jitter: 0 }), {
        kind: 'released',
        reason: 'done',
      })
    let lane = want(verified(acked(acting()), '1/account'), intent(2, 'restore'))
    lane = say(lane, { kind: 'released', reason: 'done' })
    const first = put(lane)
    expect(first.undo).toMatchObject([{ told: true, answered: 1 }])
    expect(seen(first, 'unknown').undo).toMatchObject([{ told: true, failures: 1 }])
    lane = seen(first, 'dead')
    expect(lane.undo).toMatchObject([{ contradictions: 1, answered: 1, sealed: FACTS.sealed }])
    expect(lane.undo[0]?.told).toBeUndefined()
    expect(lane.dueAt).toBeGreaterThan(NOW)
    expect(seen(put(lane), 'live')).toMatchObject({ undo: [], state: 'idle' })
  })

  test('lane, left again after a restore that nobody saw, keeps the facts of before it all', () => {
    let lane = want(verified(acked(acting()), '1/account'), intent(2, 'restore'))
    lane = say(lane, {
      kind: 'sent',
      what: { op: 'restore', facet: 'account' },
      handleId: 'h',
      quarantineMs: 1,
      reversible: true,
    })
    lane = say(lane, { kind: 'acked', ack: 'done', evidence: '', settleMs: 0 })
    lane = want(want(lane, intent(3, 'revoke')), intent(4, 'restore'))
    expect(lane.undo).toEqual([
      expect.objectContaining({ sealed: FACTS.sealed, failures: 0, handleId: 'h' }),
    ])
    expect(lane.undo[0]?.told).toBeUndefined()
  })

  describe('refused', () => {
    const refused = (lane: Lane, fault: Fault, now = NOW): Lane => {
      const sending = say(
        lane,
        {
          kind: 'sent',
          what: { op: 'restore', facet: 'account' },
          handleId: 'h',
          quarantineMs: 1,
          reversible: true,
        },
        now,
      )
      const told = { kind: 'faulted', facet: 'account', fault, effect: 'none', jitter: 0 } as const
      return say(say(sending, told, now), { kind: 'released', reason: 'done' }, now)
    }
    const wanted = (): Lane => want(verified(acked(acting()), '1/account'), intent(2, 'restore'))
    const seen = (lane: Lane, state: Observation['state'] | 'unobservable'): Lane =>
      say(
        claim(lane, lane.dueAt),
        { kind: 'looked-back', facet: 'account', handleId: 'h', state, jitter: 0 },
        lane.dueAt,
      )

    test.each([
      'forbidden',
      'invalid',
      'unsupported',
      'ambiguous',
      'protected',
      'gone',
      'bug',
    ] as const)('lane, %s while it is put back, says so and is due again in an hour', (fault) => {
      const lane = refused(wanted(), fault)
      expect(lane.undo).toMatchObject([{ stuck: fault }])
      expect(lane).toMatchObject({ state: 'ready', dueAt: NOW + HOUR })
      expect(nextStep(lane, NOW + HOUR)).toMatchObject({ kind: 'restore', undo: { told: true } })
    })

    test('lane, put back by hand after a refusal, owes nothing once that is seen', () => {
      const lane = seen(refused(wanted(), 'forbidden'), 'live')
      expect(lane.undo).toEqual([])
    })

    test.each(['dead', 'absent', 'unknown', 'unobservable'] as const)(
      'lane, seen %s after a refusal, puts it back at once, and is stuck until the app agrees',
      (state) => {
        const lane = seen(refused(wanted(), 'gone'), state)
        expect(lane.undo).toMatchObject([{ stuck: 'gone' }])
        expect(lane.undo[0]?.told).toBeUndefined()
        const due = NOW + HOUR
        expect(nextStep(lane, due)).toMatchObject({ kind: 'restore', undo: { handleId: 'h' } })
        const what = { op: 'restore', facet: 'account' } as const
        const sending = { kind: 'sent', what, handleId: 'h', quarantineMs: 1 } as const
        const put = say(
          say(lane, { ...sending, reversible: true }, due),
          { kind: 'acked', ack: 'done', evidence: '', settleMs: 0 },
          due,
        )
        expect(put.undo).toMatchObject([{ told: true }])
        expect(put.undo[0]?.stuck).toBeUndefined()
      },
    )

    test('lane, tried again by a person after a refusal, is due now and stuck until it is back', () => {
      const lane = transition(refused(wanted(), 'forbidden'), { kind: 'nudged' }, NOW + 1)
      expect(lane).toMatchObject({ state: 'ready', dueAt: NOW + 1 })
      expect(lane.undo).toMatchObject([{ stuck: 'forbidden' }])
    })
  })
})

test('assigned, a person chose the account, replaces what was believed', () => {
  const human = say(claim(want(undefined, intent(1, 'revoke'))), {
    kind: 'judged',
    revocationId: '1/account',
    judgement: { kind: 'human', reason: 'ambiguous-match' },
    jitter: 0,
  })
  const lane = transition(human, { kind: 'assigned', handleId: 'chosen' }, NOW)
  expect(lane.work[0]).toMatchObject({ state: 'due', handleId: 'chosen', seenLive: false })
  expect(lane.work[0]?.reason).toBeUndefined()
})

describe('a person says which account it is', () => {
  const old = { revocationId: '1/account', jitter: 0 } as const
  const fault = { ...old, kind: 'faulted', facet: 'account', effect: 'none' } as const

  test('unit, what was seen and done about another account, is old news', () => {
    const lane = looked(claim(want(undefined, intent(1, 'revoke'))), '1/account')
    const chosen = transition(lane, { kind: 'assigned', handleId: 'chosen' }, NOW)
    expect(looked(chosen, '1/account', 'dead')).toBe(chosen)
    expect(verified(chosen, '1/account')).toBe(chosen)
    expect(sent(chosen, '1/account')).toBe(chosen)
    expect(say(chosen, { ...fault, fault: 'forbidden' }).work).toEqual(chosen.work)
    const { choice = 0 } = chosen.work[0] ?? {}
    const seen = { ...old, kind: 'looked', handleId: 'chosen', evidence: 'e', choice } as const
    expect(say(chosen, { ...seen, state: 'live' }).work[0]?.seenLive).toBe(true)
  })

  test.each<[string, LaneEvent]>([
    ['assigned', { kind: 'assigned', handleId: 'chosen' }],
    ['bound', { kind: 'bound', handleId: 'chosen', facets: ['account'] }],
    ['unbound', { kind: 'unbound' }],
  ])(
    'unit, %s while a write to another account is on its way, looks anew and can put it back',
    (_, event) => {
      const lane = acked(transition(acting(), event, NOW))
      expect(lane.work[0]).toMatchObject({ state: 'due', seenLive: false, answered: 1 })
      expect(lane.undo).toMatchObject([{ handleId: 'h', sealed: FACTS.sealed }])
      expect(lane.inflight).toBeUndefined()
    },
  )
})
