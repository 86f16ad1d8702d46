import { performance } from 'node:perf_hooks'
import { backPressureMs } from '../ledger/back-pressure.ts'
import type { LedgerIntake, PendingEntry } from '../ledger/intake.ts'
import type { Clock } from '../shared/clock.ts'
import type { Transactor } from '../shared/transaction.ts'
import type { EvidenceStore } from './evidence.ts'
import type { Lane, LaneRecord, Work } from './lane.ts'
import type { EngineLog } from './log.ts'
import { createLoop, type Loop } from './loop.ts'
import { createNews } from './news.ts'
import {
  evidenceIdsOf,
  evidenceIdsOfWork,
  isUnverifiable,
  type Outcome,
  type OutcomeDeps,
  outcomeEntry,
  unverifiableEntry,
} from './outcome-entry.ts'
import type { ProjectionStore, RevocationNews } from './projection-store.ts'
import { transition } from './transition.ts'
import type { WorkerLaneStore } from './worker-store.ts'

/** Lanes per transaction. */
const BATCH = 150
/** Between two rounds: steps come in bursts, and one transaction carries many over. Under load it carries more. */
const REST_MS = 30
const MANY_MS = 200
const MANY = 8
const IDLE_MS = 10_000
/** What could not be carried is tried again. */
const AGAIN_MS = 500
/** Between two looks at what waits in the ledger's intake. */
export const HEED_MS = 500

export interface ProjectorDeps {
  entries: OutcomeDeps['entries']
  caseKeys: OutcomeDeps['caseKeys']
  evidence: Pick<EvidenceStore, 'many'>
  lanes: Pick<WorkerLaneStore, 'dirty' | 'swapAll'>
  revocations: Pick<ProjectionStore, 'project'>
  ledger: LedgerIntake
  transactor: Transactor
  clock: Clock
  log: EngineLog
  /** Entries wait in the ledger's intake. */
  onEnqueued(): void
  /** How long the oldest of them has waited, in ms; without it, this worker takes no heed. */
  oldestWaitingMs?(): Promise<number | null>
}

export interface Projector extends Loop {
  /** This process gave that lane back: there may be news in it. */
  moved(laneId: string): void
}

/**
 * Carries what happened in lanes to the revocations, which people see, and to the ledger's intake. One transaction
 * for many lanes: revocations, intake, and the outboxes cleared by compare-and-swap. A crash before the commit
 * repeats it, a crash after it finds nothing left to do.
 */
export function createProjector(deps: ProjectorDeps): Projector {
  const news = createNews(deps.lanes)
  let many = false
  let slowMs = 0
  let heededAt = Number.NEGATIVE_INFINITY
  /** @returns true when it has just become slow: then it rests before it adds anything */
  const heed = async (): Promise<boolean> => {
    if (deps.oldestWaitingMs === undefined || performance.now() < heededAt + HEED_MS) return false
    const before = slowMs
    const ageMs = await deps.oldestWaitingMs()
    heededAt = performance.now()
    slowMs = backPressureMs(ageMs)
    if (before === 0 && slowMs > 0) {
      deps.log.warn({ ageMs }, 'the ledger does not keep up; seals are asked for more slowly')
    }
    if (before > 0 && slowMs === 0) deps.log.info({}, 'the ledger keeps up again')
    return before === 0 && slowMs > 0
  }
  const project = async (): Promise<number> => {
    const lanes = await news.next(BATCH)
    // Only with something to add, or while it is slow: an idle hub asks nothing.
    if ((lanes.length > 0 || slowMs > 0) && (await heed())) {
      news.again(lanes)
      return slowMs
    }
    many = lanes.length >= MANY && lanes.length < BATCH
    const carried = new Set<string>()
    try {
      const enqueued = await projectAll(deps, lanes, carried)
      if (enqueued > 0) deps.onEnqueued()
    } finally {
      news.again(lanes.filter(({ id }) => !carried.has(id)))
    }
    if (carried.size < lanes.length) return AGAIN_MS
    // While it is slow it looks again by itself: nothing may be left to wake it.
    return news.waitMs() ?? (slowMs > 0 ? slowMs : IDLE_MS)
  }
  const restMs = () => Math.max(slowMs, many ? MANY_MS : REST_MS)
  const loop = createLoop({ name: 'projector', run: project, restMs, log: deps.log })
  return {
    ...loop,
    poke: () => {
      news.anywhere()
      loop.poke()
    },
    moved: (laneId) => {
      news.moved(laneId)
      loop.poke()
    },
  }
}

interface Projection {
  lane: Lane
  entries: readonly PendingEntry[]
  /** Of cases that are erased: no entry can be made of these, now or later. */
  erased: readonly Extract<Outcome, { kind: 'erased' }>[]
}

/**
 * @param carried gets the ids of those that are done with, also when it throws
 * @returns how many entries were put into the ledger's intake
 */
async function projectAll(
  deps: ProjectorDeps,
  lanes: readonly Lane[],
  carried: Set<string>,
): Promise<number> {
  if (lanes.length === 0) return 0
  const ready = await entriesOf(deps, lanes)
  try {
    return await commit(deps, ready, carried)
  } catch (error) {
    if (ready.length <= 1) throw error
    deps.log.warn({ err: error, lanes: ready.length }, 'projection failed; one lane at a time now')
  }
  // One that cannot be stored must not keep the others from being seen.
  let enqueued = 0
  for (const projection of ready) {
    try {
      enqueued += await commit(deps, [projection], carried)
    } catch (error) {
      deps.log.warn({ err: error }, 'a lane could not be projected; it is tried again')
    }
  }
  return enqueued
}

async function entriesOf(deps: ProjectorDeps, lanes: readonly Lane[]): Promise<Projection[]> {
  const records = lanes.flatMap((lane) => lane.outbox)
  const evidence = await deps.evidence.many([
    ...records.flatMap(evidenceIdsOf),
    ...lanes.flatMap((lane) => lane.work.flatMap(evidenceIdsOfWork)),
  ])
  const keys = new Map<string, Promise<Buffer | null>>()
  const parts: OutcomeDeps = {
    entries: deps.entries,
    evidence,
    caseKeys: {
      caseKey: (id) => {
        const key = keys.get(id) ?? deps.caseKeys.caseKey(id)
        keys.set(id, key)
        return key
      },
    },
  }
  const made = await Promise.all(
    lanes.map(async (lane): Promise<Projection | undefined> => {
      try {
        const ofRecord = (record: LaneRecord) => outcomeEntry(parts, lane, record)
        const unverifiable = lane.work
          .filter(isUnverifiable)
          .map((work) => unverifiableEntry(parts, lane, work))
        const outcomes = await Promise.all([...lane.outbox.map(ofRecord), ...unverifiable])
        return {
          lane,
          entries: outcomes.flatMap((one) => (one.kind === 'entry' ? [one.entry] : [])),
          erased: outcomes.filter((one) => one.kind === 'erased'),
        }
      } catch (error) {
        deps.log.warn({ err: error }, 'a lane could not be projected; it is tried again')
        return undefined
      }
    }),
  )
  return made.filter((projection) => projection !== undefined)
}

async function commit(
  deps: ProjectorDeps,
  projections: readonly Projection[],
  carried: Set<string>,
): Promise<number> {
  if (projections.length === 0) return 0
  const now = deps.clock.now()
  const swaps = projections.map(({ lane }) => ({
    before: lane,
    after: transition(lane, { kind: 'projected' }, now),
  }))
  const { enqueued, erased, ours } = await deps.transactor.transaction(async (tx) => {
    // Somebody moved some of them meanwhile: a later round carries all of those.
    const kept = await deps.lanes.swapAll(swaps, tx)
    const ours = projections.filter(({ lane }) => kept.has(lane.id))
    await deps.revocations.project(
      ours.flatMap(({ lane }) => newsOf(lane, now)),
      tx,
    )
    const entries = ours.flatMap((projection) => projection.entries)
    if (entries.length > 0) await deps.ledger.enqueue(entries, tx)
    const erased = ours.flatMap((projection) => projection.erased)
    return { enqueued: entries.length, erased, ours }
  })
  for (const { lane } of ours) carried.add(lane.id)
  // Once, because the lane lets go of it in the same commit.
  for (const { offboardingId, revocationId } of erased) {
    deps.log.warn({ offboardingId, revocationId }, 'the case is erased; nothing is sealed of this')
  }
  return enqueued
}

function newsOf(lane: Lane, at: number): RevocationNews[] {
  const news = new Map<string, RevocationNews>()
  for (const record of lane.outbox) {
    const { revocationId: id } = record
    news.set(
      id,
      record.kind === 'verified' ? workNews(record.work, at) : { id, state: 'superseded', at },
    )
  }
  for (const work of lane.work) news.set(work.revocationId, workNews(work, at))
  return [...news.values()]
}

function workNews(work: Work, at: number): RevocationNews {
  return {
    id: work.revocationId,
    at,
    state: work.state,
    attempts: work.attempts,
    ...(work.reason === undefined ? {} : { reason: work.reason }),
    ...(work.verdict === undefined ? {} : { verdict: work.verdict }),
    ...(work.fault === undefined ? {} : { fault: work.fault }),
  }
}
