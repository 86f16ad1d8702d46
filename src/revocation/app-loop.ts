import { performance } from 'node:perf_hooks'
import type { Clock } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'
import { createAppHealth } from './app-health.ts'
import { createHold, type Hold, LeaseLost } from './hold.ts'
import type { Lane } from './lane.ts'
import type { EngineLog } from './log.ts'
import { createLoop } from './loop.ts'
import { createPace } from './pace.ts'
import { type LaneRunDeps, openApp, type RunControl, runLane } from './run-lane.ts'
import type { AppRecord } from './types.ts'
import type { WorkerLaneStore } from './worker-store.ts'

/** Every so many claims the longest due lane goes first, however unimportant. */
const AGE_TURN = 10

/**
 * Between two claims: places that become free meanwhile are filled together; ms. Longer while lanes queue up, and longer
 * still where the app bears many of them at once.
 */
const REST_MS = 15
const QUEUE_MS = 40
const WIDE_QUEUE_MS = 80
const WIDE = 8
/** An app stays open for this long: its configuration and secrets are read once for several claims. */
const OPEN_MS = 1_000

/** Wait at least this long, at most twice, when other processes keep the app busy. */
const CROWDED_MS = 50

type Opening = ReturnType<typeof openApp>

/** A sleeping loop is woken by the scheduler; this is only a net under it. */
const ASLEEP_MS = 60_000

export interface AppLoopDeps extends LaneRunDeps {
  lanes: WorkerLaneStore
  clock: Clock
  holder: string
  leaseMs: number
  log: EngineLog
  newId(): string
  /** Something in a lane is ready to be projected. */
  onMoved(lane: Lane): void
  /** Stands around the work on a lane from its claim on, for traces; changes nothing. */
  aroundLane?<T>(lane: Lane, work: () => Promise<T>): Promise<T>
}

/** Claims and runs the lanes of one app, with a concurrency of its own: it delays no other app. */
export interface AppLoop {
  start(): void
  poke(): void
  /** The app as registered now. */
  update(app: AppRecord): void
  /** No more claims; resolves when every lane in hand was given back. */
  stop(): Promise<void>
}

export function createAppLoop(
  first: AppRecord,
  limits: { concurrency: number; perSecond?: number },
  abort: AbortSignal,
  deps: AppLoopDeps,
): AppLoop {
  let app = first
  let stopping = false
  let claims = 0
  /** As last counted. */
  let others = { lanes: 0, holders: 0 }
  /** The last claim was too much, together with those of other processes. */
  let crowded = false
  let queued = false
  let opened: { until: number; opening: Opening } | undefined
  const running = new Set<Promise<void>>()
  const queueMs = limits.concurrency < WIDE ? QUEUE_MS : WIDE_QUEUE_MS
  const health = createAppHealth(limits.concurrency)
  const control: RunControl = {
    stopping: () => stopping,
    stop: abort,
    pace: createPace({
      perSecond: limits.perSecond,
      reserve: (gapMs, count) => deps.lanes.reserveSlots({ appId: first.id, gapMs, count }),
      clock: deps.clock,
    }),
    report: (fault) => {
      // A replaced credential must be seen at once.
      if (fault?.fault === 'credential') opened = undefined
      health.report(fault, deps.clock.now())
    },
  }

  const claim = async (): Promise<number> => {
    const since = performance.now()
    const now = deps.clock.now()
    const free = health.concurrency(now) - running.size
    if (stopping || app.state === 'paused') return ASLEEP_MS
    if (free <= 0) return Math.max(health.quietUntil() - now, 0) || ASLEEP_MS
    // Up to its share a process claims first and counts then; what others leave unused it takes one by one.
    const share = Math.floor(limits.concurrency / (others.holders + 1))
    const own = crowded ? 0 : Math.min(free, share - running.size)
    if (own <= 0 && (await placesLeft()) === 0) {
      // With lanes in hand, the end of one of them is the time to look again.
      return running.size > 0 ? ASLEEP_MS : CROWDED_MS * (1 + deps.random())
    }
    const limit = Math.max(own, 1)
    claims += 1
    const claimed = await deps.lanes.claim({
      appId: app.id,
      lease: { id: deps.newId(), holder: deps.holder, until: now + deps.leaseMs },
      now,
      limit,
      order: claims % AGE_TURN === 0 ? 'age' : 'priority',
    })
    queued = claimed.length === limit
    if (claimed.length === 0) return ASLEEP_MS
    // First the leases, then the count: of two processes that claim at once, at least one sees both.
    const places = await placesLeft()
    if (places > 0) {
      const opening = openNow()
      for (const lane of claimed.slice(0, places)) begin(lane, since, opening)
    }
    const excess = claimed.slice(places)
    await Promise.all(excess.map(giveBack))
    crowded = excess.length > 0
    if (crowded) return CROWDED_MS * (1 + deps.random())
    return claimed.length < free ? 0 : ASLEEP_MS
  }

  const openNow = (): Opening => {
    const now = performance.now()
    if (opened === undefined || opened.until <= now) {
      const fresh = { until: now + OPEN_MS, opening: openApp(deps, app) }
      opened = fresh
      const forget = (): void => {
        if (opened === fresh) opened = undefined
      }
      // What could not be opened may be mended the next moment.
      fresh.opening.then((open) => 'fault' in open && forget(), forget)
      return fresh.opening
    }
    return opened.opening
  }

  /** What the app bears, less what this process and all others have under way. */
  const placesLeft = async (): Promise<number> => {
    others = await deps.lanes.leasedByOthers(app.id, deps.holder, deps.clock.now())
    return Math.max(limits.concurrency - running.size - others.lanes, 0)
  }

  /** Other processes have taken all that the app bears. No attempt is charged. */
  const giveBack = async (lane: Lane): Promise<void> => {
    const { lanes, clock, leaseMs } = deps
    const hold = createHold(lane, { lanes, clock, leaseMs, since: performance.now() })
    await hold.say({ kind: 'released', reason: 'shutdown' })
  }

  const begin = (lane: Lane, since: number, opening: Opening): void => {
    const { lanes, clock, leaseMs } = deps
    const hold = createHold(lane, { lanes, clock, leaseMs, since })
    const doing = (): Promise<void> => work(hold, opening)
    const done = (deps.aroundLane?.(lane, doing) ?? doing()).finally(() => {
      running.delete(done)
      deps.onMoved(lane)
      loop.poke()
    })
    running.add(done)
  }

  const work = async (hold: Hold, opening: Opening): Promise<void> => {
    const heart = keepAlive(hold, deps)
    try {
      await runLane(deps, app, hold, control, opening)
    } catch (error) {
      const fields = { laneApp: app.id, err: error }
      if (error instanceof LeaseLost) deps.log.info(fields, 'a lease ended before its work')
      else if (isHubError(error, 'ERR_STORAGE_UNAVAILABLE')) {
        deps.log.warn(fields, 'storage is away; the lane is taken up again')
      } else deps.log.error(fields, 'a lane could not be run; it is taken up again')
    } finally {
      heart.stop()
    }
  }

  const loop = createLoop({
    name: `app ${first.id}`,
    run: claim,
    restMs: () => (queued ? queueMs : REST_MS),
    log: deps.log,
  })
  return {
    start: loop.start,
    poke: loop.poke,
    update: (changed) => {
      if (changed.version !== app.version) opened = undefined
      app = changed
    },
    stop: async () => {
      stopping = true
      await loop.stop()
      await Promise.all(running)
    },
  }
}

/** A heartbeat at a third of the lease, as long as the work goes on. */
function keepAlive(hold: Hold, deps: AppLoopDeps): { stop(): void } {
  const timer = setInterval(() => {
    hold.extend().catch((error: unknown) => {
      // The step under way finds out by itself: it can store nothing any more.
      if (!(error instanceof LeaseLost)) deps.log.warn({ err: error }, 'a heartbeat failed')
    })
  }, deps.leaseMs / 3)
  return { stop: () => clearInterval(timer) }
}
