import type { ConnectorRunner } from '../connector-sdk/runner.ts'
import type { Clock } from '../shared/clock.ts'
import { faultOf } from './call-fault.ts'
import { laneId } from './lane.ts'
import type { LaterLook } from './notes.ts'
import { createPace } from './pace.ts'
import type { AppRecord, Revocation } from './types.ts'
import type { WorkerLaneStore } from './worker-store.ts'

/** Faults that say something of the app, and nothing of the one account. */
const OF_THE_APP = new Set(['transient', 'throttled', 'credential'])

/**
 * Reads what was proven gone once more, within the app's rate. `moot`: a newer intent answers for this access now, or
 * there is no handle to look at. `sick`: as `unknown`, and whatever else the app is asked now will be, too.
 *
 * @throws AbortError when `stop` is aborted meanwhile; HubError ERR_STORAGE_UNAVAILABLE
 */
export async function lookAgain(
  deps: {
    lanes: Pick<WorkerLaneStore, 'lane' | 'reserveSlots'>
    runner: Pick<ConnectorRunner, 'open'>
    clock: Clock
  },
  app: AppRecord,
  revocation: Revocation,
  stop: AbortSignal,
): Promise<LaterLook['seen'] | 'sick'> {
  const { lanes, runner, clock } = deps
  const lane = await lanes.lane(laneId(revocation))
  const unit = lane?.work.find((work) => work.revocationId === revocation.id)
  if (lane?.want?.generation !== revocation.generation || !unit?.handleId) return 'moot'
  const { facet, appId } = revocation
  const open = await runner.open(app).catch((error: unknown) => {
    faultOf(error, false)
    return undefined
  })
  if (open === undefined) return 'sick'
  const { perSecond, timeoutMs } = open.connector.manifest.limits
  const pace = createPace({
    perSecond,
    reserve: (gapMs, count) => lanes.reserveSlots({ appId, gapMs, count }),
    clock,
    stop,
  })
  await pace()
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const call = open.call({
      credential: open.hasWitness ? 'witness' : 'doer',
      idempotencyKey: `reobserve:${revocation.id}:${clock.now()}`,
      signal: AbortSignal.any([stop, timeout]),
    })
    const { state } = await open.connector.observe({ facet, id: unit.handleId }, call)
    if (state === 'unknown') return 'unknown'
    return state === 'live' ? 'live' : 'gone'
  } catch (error) {
    // A process that ends says nothing of the app.
    stop.throwIfAborted()
    // Nothing follows from a failed look but that it must be repeated.
    return OF_THE_APP.has(faultOf(error, false).fault) || timeout.aborted ? 'sick' : 'unknown'
  }
}
