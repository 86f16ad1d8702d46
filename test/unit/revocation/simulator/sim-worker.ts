import type { FacetSpec } from '../../../../src/connector-sdk/contract.ts'
import type { Said } from '../../../../src/revocation/hold.ts'
import type { Lane, Undo, Work } from '../../../../src/revocation/lane.ts'
import type { LaneEvent } from '../../../../src/revocation/lane-event.ts'
import { nextStep } from '../../../../src/revocation/next-step.ts'
import { judge } from '../../../../src/revocation/verdict.ts'
import { moveOf } from './mutants.ts'
import { calmWait, isAtRest, type Stage } from './stage.ts'
import { LATEST_EFFECT } from './target.ts'
import type { Process } from './world.ts'

const MARGIN = 10
export const QUARANTINE = LATEST_EFFECT + 5

const specOf = (facet: FacetSpec['facet']): FacetSpec => ({
  facet,
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: facet === 'account',
})

/**
 * The worker's way, step for step as in src/revocation/run-unit.ts, with virtual time. Between any two
 * statements it may freeze for longer than its lease, or die and be started again.
 */
export function* simWorker(stage: Stage, name: string): Process {
  const { world, store } = stage
  const { random } = world
  let turn = 0
  while (!isAtRest(stage)) {
    yield calmWait(stage) + random.between(5, 60)
    const { lane } = store
    if (lane === undefined || lane.lease !== undefined || lane.state === 'idle') continue
    if (lane.dueAt > world.now()) continue
    turn += 1
    const lease = {
      id: `${name}#${turn}`,
      holder: name,
      until: world.now() + stage.weather.leaseMs,
    }
    const claimed = store.move({ kind: 'claimed', lease })
    if (claimed.lease?.id !== lease.id) continue
    yield* hold(stage, {
      lease: lease.id,
      fence: claimed.fence,
      deadline: lease.until - MARGIN,
      noted: [],
    })
  }
}

interface Held {
  lease: string
  fence: number
  deadline: number
  /** Stored with what is said next, lost when the process dies. */
  noted: { said: Said; at: number }[]
}

/** Thrown where the real worker throws LeaseLost, or where the process dies. */
const GONE = Symbol('gone')

function* hold(stage: Stage, held: Held): Process {
  try {
    yield* pause(stage, 3)
    for (;;) {
      const lane = withNoted(stage, held, current(stage, held))
      const step = nextStep(lane, stage.world.now())
      if (step.kind === 'rest') {
        yield* say(stage, held, { kind: 'released', reason: 'done' })
        return
      }
      if (held.noted.length > 0) {
        yield* say(stage, held)
        continue
      }
      if (step.kind === 'restore') yield* restore(stage, held, step.undo)
      else if (step.unit.state === 'settling') yield* verify(stage, held, step.unit)
      else yield* lookAndRevoke(stage, held, step.unit)
    }
  } catch (error) {
    if (error !== GONE) throw error
  }
}

/** Time passes; in the storm the process may freeze for long, or be killed. */
function* pause(stage: Stage, most: number): Process {
  const { random } = stage.world
  yield random.between(0, most)
  if (!stage.stormy()) return
  if (random.chance(stage.weather.die)) throw GONE
  if (random.chance(0.04)) yield random.between(1, 3 * stage.weather.leaseMs)
}

function current(stage: Stage, held: Held): Lane {
  const { lane } = stage.store
  if (lane === undefined) throw GONE
  if (stage.mutant !== 'no-fence' && !isOurs(lane, held)) throw GONE
  return lane
}

const isOurs = (lane: Lane, held: Held): boolean =>
  lane.lease?.id === held.lease && lane.fence === held.fence

/** What was noted and what is said now, as one compare-and-swap. */
function* say(stage: Stage, held: Held, said?: Said): Generator<number, Lane, void> {
  yield* pause(stage, 3)
  let after = current(stage, held)
  const now = { at: stage.world.now() }
  const all = said === undefined ? held.noted : [...held.noted, { said, ...now }]
  held.noted = []
  for (const { said: next, at } of all) {
    const before = stage.store.lane
    after = stage.store.move(signed(held, next), at)
    noteLies(stage, before, after)
  }
  yield* pause(stage, 3)
  return after
}

const signed = ({ lease, fence }: Held, said: Said): LaneEvent =>
  ({ ...said, lease, fence }) as LaneEvent

const note = ({ world }: Stage, held: Held, said: Said): void => {
  held.noted.push({ said, at: world.now() })
}

function withNoted({ mutant }: Stage, held: Held, lane: Lane): Lane {
  const move = moveOf(mutant)
  return held.noted.reduce((moved, { said, at }) => move(moved, signed(held, said), at), lane)
}

/** A proof must be true when it is stored: the lane is exclusive, so nothing may have changed since the read. */
function noteLies({ store, target }: Stage, before: Lane | undefined, after: Lane): void {
  for (const record of after.outbox) {
    if (record.kind !== 'verified' || before?.outbox.includes(record) === true) continue
    if (target.read(record.work.facet))
      store.lies.push(`${record.revocationId} proven, yet it lives`)
  }
}

function* lookAndRevoke(stage: Stage, held: Held, unit: Work): Process {
  const { revocationId, facet } = unit
  const observation = yield* look(stage, unit)
  const looked = { kind: 'looked', revocationId, handleId: 'h', evidence: 'e' } as const
  note(stage, held, { ...looked, state: observation.state })
  const finding = judge({ spec: specOf(facet), absenceIs: 'proof', observation, seenLive: true })
  if (finding.kind !== 'write') return settle(stage, held, unit, finding)
  const lane = yield* say(stage, held, {
    kind: 'sent',
    what: { op: 'revoke', revocationId },
    handleId: 'h',
    quarantineMs: QUARANTINE,
    reversible: specOf(facet).reversible,
  })
  if (lane.inflight?.revocationId !== revocationId) return
  yield* send(stage, held, lane, { facet, live: false }, revocationId)
}

function* restore(stage: Stage, held: Held, undo: Undo): Process {
  const { facet, handleId } = undo
  if (undo.told === true) {
    const { state } = yield* look(stage, undo)
    const jitter = stage.world.random.next()
    return note(stage, held, { kind: 'looked-back', facet, handleId, state, jitter })
  }
  const lane = yield* say(stage, held, {
    kind: 'sent',
    what: { op: 'restore', facet },
    handleId,
    quarantineMs: QUARANTINE,
    reversible: true,
  })
  if (lane.inflight?.op !== 'restore') return
  yield* send(stage, held, lane, { facet, live: true })
}

function* send(
  stage: Stage,
  held: Held,
  lane: Lane,
  request: { facet: Work['facet']; live: boolean },
  revocationId?: string,
): Process {
  const { world, target } = stage
  if (stage.mutant !== 'no-local-deadline' && world.now() >= held.deadline) throw GONE
  const generation = lane.inflight?.generation ?? 0
  const { answer, takesMs } = target.write({ ...request, generation })
  yield Math.min(takesMs, Math.max(0, held.deadline - world.now()))
  if (answer === 'done' && world.now() < held.deadline) {
    yield* say(stage, held, {
      kind: 'acked',
      ack: 'done',
      evidence: 'e',
      settleMs: 0,
      undo: { sealed: Buffer.alloc(0), wrapped: Buffer.alloc(0) },
    })
    return
  }
  yield* say(stage, held, {
    kind: 'faulted',
    facet: request.facet,
    fault: 'transient',
    effect: answer === 'refused' ? 'none' : 'unknown',
    jitter: world.random.next(),
    ...(revocationId === undefined ? {} : { revocationId }),
    ...(world.random.chance(0.5) ? { retryAfterMs: world.random.between(0, 200) } : {}),
  })
}

function* verify(stage: Stage, held: Held, unit: Work): Process {
  const observation = yield* look(stage, unit)
  const finding = judge({
    spec: specOf(unit.facet),
    absenceIs: 'proof',
    observation,
    seenLive: true,
    ackedAt: unit.lastAttemptAt ?? 0,
  })
  settle(stage, held, unit, finding)
}

function* look(stage: Stage, { facet }: Pick<Work, 'facet'>) {
  yield* pause(stage, 5)
  const at = stage.world.now()
  const state = stage.target.read(facet) ? ('live' as const) : ('dead' as const)
  const evidence = { method: 'GET', target: '/', at, body: '' }
  return { handle: { facet, id: 'h' }, state, at, evidence }
}

function settle(
  stage: Stage,
  held: Held,
  { revocationId }: Work,
  finding: ReturnType<typeof judge>,
): void {
  if (finding.kind === 'write' || finding.kind === 'enumerate') throw new Error(finding.kind)
  note(stage, held, {
    kind: 'judged',
    revocationId,
    judgement: finding,
    evidence: 'e',
    jitter: stage.world.random.next(),
  })
}
