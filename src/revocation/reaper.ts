import type { Clock } from '../shared/clock.ts'
import type { EngineLog } from './log.ts'
import { createLoop, type Loop } from './loop.ts'
import { transition } from './transition.ts'
import type { WorkerLaneStore } from './worker-store.ts'

const BATCH = 100
const EVERY_MS = 5_000

/** Takes lanes back from holders that fell silent: killed, frozen, cut off. */
export function createReaper(deps: {
  lanes: Pick<WorkerLaneStore, 'expired' | 'swap'>
  clock: Clock
  log: EngineLog
  onReaped(): void
  everyMs?: number
}): Loop {
  const reap = async (): Promise<number> => {
    const expired = await deps.lanes.expired(deps.clock.now(), BATCH)
    for (const lane of expired) {
      const after = transition(lane, { kind: 'reaped' }, deps.clock.now())
      // A lost race is somebody else's reap, or a heartbeat that came late.
      if (after === lane || (await deps.lanes.swap(lane, after)) === null) continue
      deps.log.warn(
        { appId: lane.appId, holder: lane.lease?.holder, reaps: after.reaps },
        'a lease ran out; the lane is taken back',
      )
    }
    if (expired.length > 0) deps.onReaped()
    return expired.length === BATCH ? 0 : (deps.everyMs ?? EVERY_MS)
  }
  return createLoop({ name: 'reaper', run: reap, log: deps.log })
}
