import { setMaxListeners } from 'node:events'
import { performance } from 'node:perf_hooks'
import type { ConnectorRunner } from '../connector-sdk/runner.ts'
import { type Clock, type Instant, MINUTE } from '../shared/clock.ts'
import type { EngineLog } from './log.ts'
import { lookAgain } from './look-again.ts'
import { createLoop, type Loop } from './loop.ts'
import { nextReobservation } from './reobservation.ts'
import type { AppStore } from './store.ts'
import type { AppRecord, Revocation } from './types.ts'
import type { DueLook, WatchStore } from './watch-store.ts'
import type { WorkerLaneStore } from './worker-store.ts'

const BATCH = 20
const EVERY_MS = 30_000
/** How long one look may take before another process takes it over. */
const TURN_MS = 2 * MINUTE
/** An app that does not say is asked again after this. */
const ASK_AGAIN_MS = 15 * MINUTE

export interface ReobserverDeps {
  watch: Pick<WatchStore, 'reobservable' | 'beginReobservation' | 'endReobservation'>
  lanes: Pick<WorkerLaneStore, 'lane' | 'reserveSlots'>
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

/**
 * Looks at what was proven again, 1 h to 90 d later: an account that comes back must not stay unseen. One look at a time
 * in each app, within the app's rate; the apps side by side, so that a dead or slow one delays no other.
 */
export function createReobserver(deps: ReobserverDeps): Loop {
  const everyMs = deps.everyMs ?? EVERY_MS
  const stop = new AbortController()
  // Every wait and call under way listens.
  setMaxListeners(0, stop.signal)
  /** By app. */
  const running = new Map<string, Promise<void>>()
  /** Apps that are paused or did not answer, and until when they are left alone; monotonic ms. */
  const resting = new Map<string, number>()
  const rest = (appId: string): void => {
    resting.set(appId, performance.now() + everyMs)
  }

  const round = async (): Promise<number> => {
    const now = deps.clock.now()
    for (const [appId, until] of resting) if (until <= performance.now()) resting.delete(appId)
    const leftOut = [...running.keys(), ...resting.keys()]
    const due = await deps.watch.reobservable(now, BATCH, leftOut)
    const isFull = due.length === BATCH
    for (const [appId, looks] of byApp(due)) {
      const work = lookIn(appId, looks)
        .catch((error: unknown) => {
          rest(appId)
          deps.log.error({ appId, err: error }, 'looks at what was proven failed')
        })
        .finally(() => {
          running.delete(appId)
          if (isFull) loop.poke()
        })
      running.set(appId, work)
    }
    // There may be more, of other apps.
    return isFull ? 0 : everyMs
  }

  /** What is not looked at stays due. */
  const lookIn = async (appId: string, looks: readonly DueLook[]): Promise<void> => {
    for (const { revocation, done } of looks) {
      const app = await deps.apps.app(appId)
      if (app?.state === 'paused') return rest(appId)
      if (stop.signal.aborted) return
      const { id } = revocation
      const now = deps.clock.now()
      if (!(await deps.watch.beginReobservation(id, now, now + TURN_MS))) continue
      try {
        if ((await look(app, revocation, done, now)) === 'sick') return rest(appId)
      } catch (error) {
        if (stop.signal.aborted) return
        // Its turn runs out, and it is tried again; the others of this round do not wait for it.
        deps.log.error({ revocationId: id, err: error }, 'a look at what was proven failed')
      }
    }
  }

  /** @returns `sick`: the app does not answer, whatever it is asked */
  const look = async (
    app: AppRecord | null,
    revocation: Revocation,
    done: number,
    now: Instant,
  ): Promise<'sick' | 'well'> => {
    const { id, provenAt = now } = revocation
    const found = app === null ? 'moot' : await lookAgain(deps, app, revocation, stop.signal)
    const seen = found === 'sick' ? 'unknown' : found
    const looked = { at: deps.clock.now(), seen }
    if (seen === 'unknown') {
      await deps.watch.endReobservation(id, { done, next: looked.at + ASK_AGAIN_MS, looked })
      return found === 'sick' ? 'sick' : 'well'
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
    return 'well'
  }

  const loop = createLoop({ name: 'reobserver', run: round, log: deps.log })
  return {
    ...loop,
    stop: async () => {
      stop.abort()
      await loop.stop()
      await Promise.all(running.values())
    },
  }
}

function byApp(looks: readonly DueLook[]): Map<string, DueLook[]> {
  const apps = new Map<string, DueLook[]>()
  for (const look of looks) {
    const { appId } = look.revocation
    apps.set(appId, [...(apps.get(appId) ?? []), look])
  }
  return apps
}
