import type { Facet } from '../../../src/connector-sdk/contract.ts'
import type { Said } from '../../../src/revocation/hold.ts'
import { type Intent, type Lane, laneId } from '../../../src/revocation/lane.ts'
import type { LaneEvent } from '../../../src/revocation/lane-event.ts'
import { transition } from '../../../src/revocation/transition.ts'

export const NOW = 1_000_000
export const LEASE_MS = 10_000
const KEY = { sourceId: 's', userId: 'u', appId: 'a' }

export function intent(
  generation: number,
  op: Intent['op'],
  facets: readonly Facet[] = ['account'],
): Intent {
  const units = op === 'restore' ? [] : facets.map((facet) => unit(generation, facet))
  return { generation, op, offboardingId: `o${generation}`, units, class: 2, wantedAt: NOW }
}

const unit = (generation: number, facet: Facet) => ({
  revocationId: `${generation}/${facet}`,
  facet,
  deadlineAt: NOW,
})

export const want = (lane: Lane | undefined, wanted: Intent, now = NOW): Lane =>
  transition(
    lane,
    { kind: 'wanted', key: { id: laneId(KEY), ...KEY }, intent: wanted, priority: 1 },
    now,
  )

export const claim = (lane: Lane, now = NOW): Lane =>
  transition(lane, { kind: 'claimed', lease: { id: 'l', holder: 'w', until: now + LEASE_MS } }, now)

/** What the present holder says. */
export const say = (lane: Lane, said: Said, now = NOW): Lane =>
  transition(lane, { ...said, lease: lane.lease?.id ?? '', fence: lane.fence } as LaneEvent, now)

export const looked = (lane: Lane, revocationId: string, state: 'live' | 'dead' = 'live'): Lane =>
  say(lane, { kind: 'looked', revocationId, handleId: 'h', state, evidence: 'before' })

export const sent = (lane: Lane, revocationId: string, now = NOW): Lane =>
  say(
    lane,
    {
      kind: 'sent',
      what: { op: 'revoke', revocationId },
      handleId: 'h',
      quarantineMs: 5_000,
      reversible: true,
    },
    now,
  )

export const FACTS = { sealed: Buffer.from('s'), wrapped: Buffer.from('w') }

export const acked = (lane: Lane, now = NOW, settleMs = 0): Lane =>
  say(lane, { kind: 'acked', ack: 'done', evidence: 'request', settleMs, undo: FACTS }, now)

export const verified = (lane: Lane, revocationId: string): Lane =>
  say(lane, {
    kind: 'judged',
    revocationId,
    judgement: { kind: 'verified', verdict: { grade: 'B', kind: 'dead', at: NOW } },
    evidence: 'after',
    jitter: 0,
  })
