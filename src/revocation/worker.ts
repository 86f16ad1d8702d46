import { setMaxListeners } from 'node:events'
import { performance } from 'node:perf_hooks'
import type { Connector } from '../connector-sdk/contract.ts'
import type { Transaction } from '../shared/transaction.ts'
import { type AppLoop, type AppLoopDeps, createAppLoop } from './app-loop.ts'
import { createCloser } from './closer.ts'
import { createEscalator, type Escalation } from './escalator.ts'
import type { Lane } from './lane.ts'
import { createLoop, type Loop } from './loop.ts'
import type { ProjectionStore } from './projection-store.ts'
import { createProjector, type ProjectorDeps } from './projector.ts'
import { createReaper } from './reaper.ts'
import { createReobserver } from './reobserver.ts'
import type { AppStore } from './store.ts'
import type { AppRecord, Revocation } from './types.ts'
import type { LaneWake, Listening } from './wake.ts'
import type { WatchStore } from './watch-store.ts'

/** A worker killed without a word is replaced after this; ms. */
const LEASE_MS = 20_000
/** While something is due, and when nothing is; longer while others wake this process. */
const BUSY_MS = 250
const IDLE_MS = 2_000
const WOKEN_MS = 10_000
/** However many changes are committed: one look in this time serves them all. */
const REST_MS = 25
/** A pause or a new app, made known in another process, takes effect within this. */
const APPS_MS = 5_000
/** Something is due, and no known app has it: look at the apps again, but not more often than this. */
const UNKNOWN_MS = 1_000
/** SIGTERM: calls under way may go on this long before they are aborted. */
const GRACE_MS = 5_000

/** Concurrency of an app whose connector says nothing, e.g. because it is not installed. */
const DEFAULT_LIMITS = { concurrency: 4 }

export interface WorkerDeps
  extends Omit<AppLoopDeps, 'leaseMs' | 'random' | 'onMoved' | 'cases'>,
    Omit<ProjectorDeps, 'evidence' | 'lanes' | 'revocations' | 'onEnqueued'> {
  apps: Pick<AppStore, 'all' | 'app'>
  /** Installed connectors, for their limits. */
  connectors: ReadonlyMap<string, Connector>
  revocations: ProjectionStore
  evidence: AppLoopDeps['evidence'] & ProjectorDeps['evidence']
  /** Entries wait in the ledger's intake: poke the sequencer. */
  onEnqueued?(): void
  /** Other processes ring when they commit work; without it this one finds it by polling. */
  wake?: Pick<LaneWake, 'listen'>
  /** Between two looks while nothing is due and a ring would be heard; default 10 s. */
  wokenMs?: number
  /** Escalation and re-observation; without it this process does neither. */
  watch?: WatchStore
  /** Stores what an alert about a deadline needs, in the transaction that marks it as told. */
  recordEscalation?(escalation: Escalation, tx: Transaction): Promise<void>
  /** Access that was proven gone is back: open a new case for it. Without it, the log says so. */
  onRevived?(revocation: Revocation): Promise<void>
  /** A worker killed without a word is replaced after this; default 20 s. */
  leaseMs?: number
  /** 0 ≤ n < 1; default Math.random. */
  random?: () => number
}

export interface Worker {
  start(): void
  /** Something was committed that a lane wants: look now instead of at the next poll. */
  poke(): void
  /** Entries were sealed: cases may be complete. */
  onSealed(): void
  /** Gives every lane back; resolves within eight seconds. */
  stop(): Promise<void>
}

/** Revokes: one loop per app, and the small loops that reap, project and close. Many may run, on many machines. */
export function createWorker(given: WorkerDeps): Worker {
  const abort = new AbortController()
  // Every call under way listens.
  setMaxListeners(0, abort.signal)
  let ear: Listening | undefined
  const idleMs = (): number => (ear?.hears() ? (given.wokenMs ?? WOKEN_MS) : IDLE_MS)
  const loops = new Map<string, AppLoop>()
  const deps = {
    ...given,
    leaseMs: given.leaseMs ?? LEASE_MS,
    random: given.random ?? Math.random,
    cases: given.revocations,
    onMoved: (lane: Lane) => projector.moved(lane.id),
    onEnqueued: () => given.onEnqueued?.(),
    onReaped: () => scheduler.poke(),
  }

  const loopOf = (app: AppRecord): AppLoop => {
    const known = loops.get(app.id)
    known?.update(app)
    if (known !== undefined) return known
    const limits = given.connectors.get(app.connectorId)?.manifest.limits ?? DEFAULT_LIMITS
    const loop = createAppLoop(app, limits, abort.signal, deps)
    loops.set(app.id, loop)
    loop.start()
    return loop
  }

  let apps: AppRecord[] = []
  let appsAt = Number.NEGATIVE_INFINITY
  const readApps = async (olderThanMs: number): Promise<void> => {
    if (performance.now() < appsAt + olderThanMs) return
    apps = await deps.apps.all()
    appsAt = performance.now()
  }

  let busy = false
  const schedule = async (): Promise<number> => {
    let first: number | undefined
    if (!busy) {
      first = await deps.lanes.earliest()
      const idle = idleMs()
      const wait = (first ?? Number.POSITIVE_INFINITY) - deps.clock.now()
      if (wait > 0) return Math.min(Math.max(wait, BUSY_MS), idle)
    }
    await readApps(APPS_MS)
    let due = await deps.lanes.nextDue(activeIds(apps))
    if (first !== undefined && Math.min(...due.values()) > deps.clock.now()) {
      // Of a paused app, or of one that was registered elsewhere a moment ago.
      await readApps(UNKNOWN_MS)
      due = await deps.lanes.nextDue(activeIds(apps))
    }
    const now = deps.clock.now()
    for (const app of apps) if (due.has(app.id) || app.state === 'paused') loopOf(app)
    for (const [appId, dueAt] of due) if (dueAt <= now) loops.get(appId)?.poke()
    const soonest = Math.min(...due.values()) - now
    busy = soonest <= 0
    const unknown = first !== undefined && !busy && apps.every((app) => app.state === 'active')
    if (unknown) return UNKNOWN_MS
    return Math.min(Math.max(soonest, BUSY_MS), idleMs())
  }

  const scheduler = createLoop({
    name: 'scheduler',
    run: schedule,
    restMs: () => REST_MS,
    log: deps.log,
  })
  const projector = createProjector(deps)
  const reaper = createReaper({ ...deps, aheadMs: deps.leaseMs / 2 })
  const closer = createCloser(deps)
  const all: Loop[] = [scheduler, projector, reaper, closer, ...watchers(given)]

  return {
    start: () => {
      for (const loop of all) loop.start()
      ear = given.wake?.listen(() => scheduler.poke())
    },
    poke: () => {
      // The news may be about an app that was registered a moment ago.
      appsAt = Number.NEGATIVE_INFINITY
      scheduler.poke()
      projector.poke()
    },
    onSealed: () => closer.poke(),
    stop: async () => {
      // biome-ignore lint/style/noRestrictedGlobals: the worker owns timers
      const timer = setTimeout(() => abort.abort(), GRACE_MS)
      try {
        // At once for all: none takes on anything more from here on.
        const begun = [...loops.values()].map((loop) => loop.stop())
        await Promise.all([ear?.stop(), scheduler.stop(), ...begun])
        // Those that the scheduler's last round began.
        await Promise.all([...loops.values()].map((loop) => loop.stop()))
        // Last those that carry on what the lanes said.
        await Promise.all(all.map((loop) => loop.stop()))
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

const activeIds = (apps: readonly AppRecord[]): string[] =>
  apps.filter((app) => app.state === 'active').map((app) => app.id)

/** The loops that watch the clock. */
function watchers(given: WorkerDeps): Loop[] {
  const { watch, recordEscalation, onRevived } = given
  if (watch === undefined) return []
  return [
    createEscalator({
      ...given,
      watch,
      ...(recordEscalation === undefined ? {} : { record: recordEscalation }),
    }),
    createReobserver({ ...given, watch, onRevived: onRevived ?? (async () => {}) }),
  ]
}
