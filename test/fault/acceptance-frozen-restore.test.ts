import { expect, test } from 'vitest'
import type { OpenApp } from '../../src/connector-sdk/runner.ts'
import { createHold, LeaseLost } from '../../src/revocation/hold.ts'
import { type Intent, type Lane, laneId } from '../../src/revocation/lane.ts'
import type { LaneEvent } from '../../src/revocation/lane-event.ts'
import { type LaneRunDeps, runLane } from '../../src/revocation/run-lane.ts'
import { transition } from '../../src/revocation/transition.ts'
import type { AppRecord } from '../../src/revocation/types.ts'

const KEY = { sourceId: 's', userId: 'u', appId: 'a' }
const LEASE_MS = 20_000
const HANDLE = 'h'

const intent = (generation: number, op: Intent['op']): Intent => ({
  ...{ generation, op, offboardingId: `o${generation}`, class: 0, wantedAt: 0 },
  units: op === 'restore' ? [] : [{ revocationId: 'r', facet: 'account', deadlineAt: 0 }],
})

/** Revoked with something to put back, wanted back, and claimed for that at `now`. */
function claimedForRestore(now: number): Lane {
  let lane: Lane | undefined
  const move = (event: LaneEvent): void => {
    const after = transition(lane, event, now)
    expect(after).not.toBe(lane)
    lane = after
  }
  const key = { id: laneId(KEY), ...KEY }
  const lease = (id: string) => ({ id, holder: 'w', until: now + LEASE_MS })
  move({ kind: 'wanted', key, intent: intent(1, 'revoke'), priority: 0 })
  move({ kind: 'claimed', lease: lease('l1') })
  const held = { lease: 'l1', fence: 1 }
  move({
    ...{ kind: 'looked', revocationId: 'r', handleId: HANDLE, state: 'live', evidence: 'e' },
    ...held,
  })
  move({
    ...{ kind: 'sent', what: { op: 'revoke', revocationId: 'r' }, handleId: HANDLE },
    ...{ quarantineMs: 0, reversible: true },
    ...held,
  })
  const undo = { sealed: Buffer.alloc(1), wrapped: Buffer.alloc(1) }
  move({ kind: 'acked', ack: 'done', evidence: 'e', settleMs: 0, undo, ...held })
  move({ kind: 'released', reason: 'done', ...held })
  move({ kind: 'wanted', key, intent: intent(2, 'restore'), priority: 0 })
  move({ kind: 'claimed', lease: lease('l2') })
  if (lane === undefined) throw new Error('no lane')
  return lane
}

test('worker, frozen past its lease before a restore, lets go of the lane instead of spinning', async () => {
  const claimedAt = 1_000_000
  let looks = 0
  // It wakes up 24 s later. A loop that never waits would keep even timers from running: count, and stop it.
  const clock = {
    now: () => {
      looks += 1
      if (looks > 10_000) throw new Error('it spins')
      return claimedAt + 24_000
    },
  }
  const lane = claimedForRestore(claimedAt)
  const hold = createHold(lane, {
    // Nothing is to be stored, and nobody has reaped it yet.
    lanes: { lane: async () => lane, swap: async () => expect.unreachable('it stored something') },
    clock,
    leaseMs: LEASE_MS,
    since: performance.now() - 24_000,
  })
  const deps = {
    clock,
    random: () => 0.5,
    lanes: { goneForOthers: async () => false },
    vault: { open: () => Buffer.from('{"active":true}') },
  } as unknown as LaneRunDeps
  const open = {
    connector: { manifest: { quarantineMs: 0, limits: { timeoutMs: 1_000 } } },
    facets: [],
  } as unknown as OpenApp
  const control = {
    stopping: () => false,
    stop: new AbortController().signal,
    pace: async () => {},
    report: () => {},
  }
  const run = runLane(deps, {} as AppRecord, hold, control, Promise.resolve(open))
  await expect(run).rejects.toBeInstanceOf(LeaseLost)
})
