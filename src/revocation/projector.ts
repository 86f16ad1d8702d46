import type { LedgerIntake } from '../ledger/intake.ts'
import type { Clock } from '../shared/clock.ts'
import type { Transactor } from '../shared/transaction.ts'
import type { Lane, Work } from './lane.ts'
import type { EngineLog } from './log.ts'
import { createLoop, type Loop } from './loop.ts'
import { type OutcomeDeps, outcomeEntry } from './outcome-entry.ts'
import type { ProjectionStore, RevocationNews } from './projection-store.ts'
import { transition } from './transition.ts'
import type { WorkerLaneStore } from './worker-store.ts'

const BATCH = 200
const AT_ONCE = 8
/** Most steps come in bursts: a short wait carries several over in one transaction. */
const GATHER_MS = 20
const IDLE_MS = 3_000

export interface ProjectorDeps extends OutcomeDeps {
  lanes: Pick<WorkerLaneStore, 'dirty' | 'lane' | 'swap'>
  revocations: Pick<ProjectionStore, 'project'>
  ledger: LedgerIntake
  transactor: Transactor
  clock: Clock
  log: EngineLog
  /** Entries wait in the ledger's intake. */
  onEnqueued(): void
}

/**
 * Carries what happened in lanes to the revocations, which people see, and to the ledger's intake. One
 * transaction per lane: revocations, intake, and the lane's outbox cleared by compare-and-swap. A crash before
 * the commit repeats it, a crash after it finds nothing left to do.
 */
export function createProjector(deps: ProjectorDeps): Loop {
  const project = async (): Promise<number> => {
    const ids = await deps.lanes.dirty(BATCH)
    const queue = [...ids]
    let enqueued = 0
    let failed = 0
    const drain = async (): Promise<void> => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
        try {
          enqueued += await projectLane(deps, id)
        } catch (error) {
          failed += 1
          deps.log.warn({ err: error }, 'a lane could not be projected; it is tried again')
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, drain))
    if (enqueued > 0) deps.onEnqueued()
    if (failed > 0) return 500
    return ids.length > 0 ? GATHER_MS : IDLE_MS
  }
  return createLoop({ name: 'projector', run: project, log: deps.log })
}

/** @returns how many entries it put into the ledger's intake */
async function projectLane(deps: ProjectorDeps, id: string): Promise<number> {
  const lane = await deps.lanes.lane(id)
  if (lane === null || !lane.dirty) return 0
  const entries = await Promise.all(lane.outbox.map((record) => outcomeEntry(deps, lane, record)))
  const now = deps.clock.now()
  return await deps.transactor.transaction(async (tx) => {
    const projected = transition(lane, { kind: 'projected' }, now)
    // Somebody moved the lane meanwhile: the next round carries all of it.
    if ((await deps.lanes.swap(lane, projected, tx)) === null) return 0
    await deps.revocations.project(newsOf(lane, now), tx)
    if (entries.length > 0) await deps.ledger.enqueue(entries, tx)
    return entries.length
  })
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
