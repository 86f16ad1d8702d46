import { afterAll, expect, test } from 'vitest'
import type { Facet } from '../../src/connector-sdk/contract.ts'
import { type Lane, laneId } from '../../src/revocation/lane.ts'
import type { LaneEvent } from '../../src/revocation/lane-event.ts'
import { transition } from '../../src/revocation/transition.ts'
import { lanesOf, prepareLanes } from '../../src/storage/lane-models.ts'
import { laneOf, laneRow } from '../../src/storage/lane-rows.ts'
import { createLaneStore } from '../../src/storage/lane-store.ts'
import { freshDatabase } from '../support/database.ts'

/** `LANES=10000` for the long run. */
const LANES = Number(process.env['LANES'] ?? 500)
const STEPS = 12
const FACETS: readonly Facet[] = ['account', 'session', 'membership']
const FACTS = { sealed: Buffer.from('s'), wrapped: Buffer.from('w') }

const database = await freshDatabase()
await prepareLanes(database.connection)
const store = createLaneStore(database.connection)
afterAll(() => database.dispose())

/** mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const keyOf = (n: number) => {
  const key = { sourceId: 's', userId: `u${n}`, appId: `a${n % 3}` }
  return { id: laneId(key), ...key }
}

/** Anything at all, mostly of the present holder; what makes no sense must change nothing. */
function drawEvent(lane: Lane, n: number, now: number, random: () => number): LaneEvent {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const holding = { lease: lane.lease?.id ?? 'none', fence: lane.fence }
  const unit = pick(lane.work) ?? { revocationId: 'none', facet: 'account' as const }
  const undo = pick(lane.undo) ?? { facet: 'account' as const, handleId: 'h' }
  const { revocationId } = unit
  // Now and then of an older choice of the account.
  const choice = Math.max(0, (('choice' in unit && unit.choice) || 0) - (random() < 0.2 ? 1 : 0))
  const jitter = random()
  const generation = (lane.want?.generation ?? 0) + 1
  const revoking = generation % 2 === 1
  const events: (() => LaneEvent)[] = [
    () => ({
      kind: 'wanted',
      key: keyOf(n),
      priority: Math.floor(random() * 4),
      intent: {
        generation,
        op: revoking ? 'revoke' : 'restore',
        offboardingId: `o${generation}`,
        units: revoking
          ? FACETS.map((facet) => ({
              revocationId: `${generation}/${facet}`,
              facet,
              deadlineAt: now,
            }))
          : [],
        class: 2,
        wantedAt: now,
      },
    }),
    () => ({ kind: 'claimed', lease: { id: `l${now}`, holder: 'w', until: now + 10_000 } }),
    () => ({ kind: 'claimed', lease: { id: `l${now}`, holder: 'w', until: now + 10_000 } }),
    () => ({ kind: 'heartbeat', until: now + 20_000, ...holding }),
    () => ({
      ...{ kind: 'looked', revocationId, choice, handleId: 'h', evidence: 'e', ...holding },
      state: pick(['live', 'dead', 'absent', 'unknown'] as const),
    }),
    () => ({
      ...{ kind: 'sent', handleId: 'h', quarantineMs: 5_000, reversible: true, ...holding },
      what:
        lane.current?.op === 'restore'
          ? { op: 'restore', facet: undo.facet }
          : { op: 'revoke', revocationId, choice },
    }),
    () => ({
      ...{ kind: 'acked', ack: pick(['done', 'already', 'accepted'] as const), ...holding },
      ...{ evidence: 'e', settleMs: 100, ...(random() < 0.7 ? { undo: FACTS } : {}) },
    }),
    () => ({
      ...{ kind: 'judged', revocationId, choice, jitter, ...holding },
      judgement: pick([
        { kind: 'verified', verdict: { grade: 'B', kind: 'dead', at: now } },
        { kind: 'contradicted', verdict: { grade: 'F', kind: 'contradicted', at: now } },
        { kind: 'wait' },
        { kind: 'human', reason: 'forbidden' },
      ] as const),
    }),
    () => ({
      ...{ kind: 'looked-back', facet: undo.facet, handleId: undo.handleId, jitter, ...holding },
      state: pick(['live', 'dead', 'unknown'] as const),
    }),
    () => ({
      ...{ kind: 'faulted', facet: unit.facet, jitter, ...holding },
      ...(random() < 0.5 ? { revocationId, choice } : {}),
      fault: pick(['transient', 'throttled', 'credential', 'forbidden', 'gone'] as const),
      effect: pick(['none', 'unknown'] as const),
    }),
    () => ({ kind: 'released', reason: pick(['done', 'shutdown'] as const), ...holding }),
    () => ({ kind: 'reaped' }),
    () => ({ kind: 'projected' }),
    () => ({ kind: 'nudged' }),
    () => ({ kind: 'assigned', handleId: 'other' }),
    () => ({ kind: 'bound', handleId: 'h', facets: FACETS }),
    () => ({ kind: 'unbound' }),
  ]
  return pick(events)()
}

test('lane store, random lanes moved by random events, keeps exactly what was computed', async () => {
  const lanes = lanesOf(database.connection)
  const random = createRandom(Number(process.env['SEED'] ?? 1))
  let stored = Array.from({ length: LANES }, (_, n): Lane => {
    const intent = { kind: 'wanted', key: keyOf(n), priority: 1 } as const
    const units = FACETS.map((facet) => ({ revocationId: `1/${facet}`, facet, deadlineAt: 0 }))
    const first = { generation: 1, op: 'revoke', offboardingId: 'o1', units } as const
    return transition(undefined, { ...intent, intent: { ...first, class: 2, wantedAt: 0 } }, 0)
  })
  expect(await store.save(stored)).toEqual([])
  stored = stored.map((lane) => ({ ...lane, rev: 1 }))
  let moved = 0
  for (let step = 1; step <= STEPS; step += 1) {
    const now = step * 7_000
    stored = await Promise.all(
      stored.map(async (before, n) => {
        const after = transition(before, drawEvent(before, n, now, random), now)
        if (after === before) return before
        moved += 1
        const kept = await store.swap(before, after)
        expect(kept).toEqual({ ...after, rev: before.rev + 1 })
        return kept ?? before
      }),
    )
  }
  expect(moved).toBeGreaterThan(LANES * 3)
  const rows = new Map((await lanes.find().toArray()).map((row) => [row._id, row]))
  for (const lane of stored) {
    const { stamp: _, ...row } = rows.get(lane.id)!
    // As if it had been written whole: the fields for the indexes included.
    expect(row).toEqual(laneRow(lane, lane.rev))
    expect(laneOf(row)).toEqual(lane)
  }
}, 300_000)
