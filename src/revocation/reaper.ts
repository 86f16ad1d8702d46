import type { Clock } from '../shared/clock.ts'
import type { Lane } from './lane.ts'
import type { EngineLog } from './log.ts'
import { createLoop, type Loop } from './loop.ts'
import { transition } from './transition.ts'
import type { WorkerLaneStore } from './worker-store.ts'

const BATCH = 100
/** Leases of holders at work are longer than this: what ends sooner is about to be lost. */
const AHEAD_MS = 10_000
const SHORTEST_MS = 250

/** Takes lanes back from holders that fell silent: killed, frozen, cut off. */
export function createReaper(deps: {
  lanes: Pick<WorkerLaneStore, 'expired' | 'swap'>
  clock: Clock
  log: EngineLog
  onReaped(): void
  /** How far it looks ahead, and how long it waits when nothing ends. Default 10 s. */
  aheadMs?: number
}): Loop {
  const reapOne = async (lane: Lane): Promise<void> => {
    const after = transition(lane, { kind: 'reaped' }, deps.clock.now())
    // A lost race is somebody else's reap, or a heartbeat that came late.
    if (after === lane || (await deps.lanes.swap(lane, after)) === null) return
    deps.log.warn(
      { appId: lane.appId, holder: lane.lease?.holder, reaps: after.reaps },
      'a lease ran out; the lane is taken back',
    )
  }

  const reap = async (): Promise<number> => {
    const aheadMs = deps.aheadMs ?? AHEAD_MS
    const now = deps.clock.now()
    const ending = await deps.lanes.expired(now + aheadMs, BATCH)
    const expired = ending.filter((lane) => (lane.lease?.until ?? now) <= now)
    // Side by side: one that nobody can change at present keeps no other waiting.
    const reaped = await Promise.allSettled(expired.map(reapOne))
    if (expired.length > 0) deps.onReaped()
    const failed = reaped.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    if (expired.length === BATCH) return 0
    const next = ending.find((lane) => (lane.lease?.until ?? now) > now)?.lease?.until
    return next === undefined ? aheadMs : Math.max(next - deps.clock.now(), SHORTEST_MS)
  }
  return createLoop({ name: 'reaper', run: reap, log: deps.log })
}
