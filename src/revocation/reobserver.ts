import type { ConnectorRunner } from '../connector-sdk/runner.ts'
import { type Clock, type Instant, MINUTE } from '../shared/clock.ts'
import { faultOf } from './call-fault.ts'
import { laneId } from './lane.ts'
import type { EngineLog } from './log.ts'
import { createLoop, type Loop } from './loop.ts'
import { nextReobservation } from './reobservation.ts'
import type { AppStore } from './store.ts'
import type { Revocation } from './types.ts'
import type { WatchStore } from './watch-store.ts'
import type { WorkerLaneStore } from './worker-store.ts'

const BATCH = 20
const EVERY_MS = 30_000
/** How long one look may take before another process takes it over. */
const TURN_MS = 2 * MINUTE
/** An app that does not say is asked again after this. */
const ASK_AGAIN_MS = 15 * MINUTE

export interface ReobserverDeps {
  watch: Pick<WatchStore, 'reobservable' | 'beginReobservation' | 'endReobservation'>
  lanes: Pick<WorkerLaneStore, 'lane'>
  apps: Pick<AppStore, 'app'>
  runner: Pick<ConnectorRunner, 'open'>
  clock: Clock
  log: EngineLog
  /**
   * What was proven gone lives again: open a new case for it, and page someone. Called again until it
   * returns without a throw.
   */
  onRevived(revocation: Revocation): Promise<void>
  everyMs?: number
}

/** Looks at what was proven again, 1 h to 90 d later: an account that comes back must not stay unseen. */
export function createReobserver(deps: ReobserverDeps): Loop {
  const round = async (): Promise<number> => {
    const now = deps.clock.now()
    const due = await deps.watch.reobservable(now, BATCH)
    for (const { revocation, done } of due) {
      const { id } = revocation
      if (!(await deps.watch.beginReobservation(id, now, now + TURN_MS))) continue
      // Its turn runs out, and it is tried again; the others of this round do not wait for it.
      await look(revocation, done, now).catch((error: unknown) => {
        deps.log.error({ revocationId: id, err: error }, 'a look at what was proven failed')
      })
    }
    return due.length === BATCH ? 0 : (deps.everyMs ?? EVERY_MS)
  }

  const look = async (revocation: Revocation, done: number, now: Instant): Promise<void> => {
    const { id, provenAt = now } = revocation
    const seen = await lookAgain(deps, revocation)
    const looked = { at: deps.clock.now(), seen }
    if (seen === 'unknown') {
      await deps.watch.endReobservation(id, { done, next: looked.at + ASK_AGAIN_MS, looked })
      return
    }
    if (seen === 'live') {
      const { appId, facet, offboardingId } = revocation
      deps.log.error(
        { revocationId: id, appId, facet, offboardingId },
        'access that was proven gone is back',
      )
      await deps.onRevived(revocation)
    }
    const planned = nextReobservation(provenAt, done)
    // A look that somebody asked for takes the place of none of the planned ones.
    const after = planned !== undefined && planned > now ? done : done + 1
    const next = seen === 'gone' ? nextReobservation(provenAt, after) : undefined
    await deps.watch.endReobservation(id, { done: after, next, looked })
  }

  return createLoop({ name: 'reobserver', run: round, log: deps.log })
}

/** `moot`: a newer intent answers for this access now, or there is no handle to look at. */
async function lookAgain(
  { lanes, apps, runner, clock }: ReobserverDeps,
  revocation: Revocation,
): Promise<'live' | 'gone' | 'unknown' | 'moot'> {
  const lane = await lanes.lane(laneId(revocation))
  const unit = lane?.work.find((work) => work.revocationId === revocation.id)
  if (lane?.want?.generation !== revocation.generation || !unit?.handleId) return 'moot'
  const app = await apps.app(revocation.appId)
  if (app === null) return 'moot'
  const { facet } = revocation
  try {
    const open = await runner.open(app)
    const call = open.call({
      credential: open.hasWitness ? 'witness' : 'doer',
      idempotencyKey: `reobserve:${revocation.id}:${clock.now()}`,
      signal: AbortSignal.timeout(open.connector.manifest.limits.timeoutMs),
    })
    const { state } = await open.connector.observe({ facet, id: unit.handleId }, call)
    if (state === 'unknown') return 'unknown'
    return state === 'live' ? 'live' : 'gone'
  } catch (error) {
    // Nothing follows from a failed look but that it must be repeated.
    faultOf(error, false)
    return 'unknown'
  }
}
