import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'
import type { Lane } from './lane.ts'
import type { Holding, LaneEvent } from './lane-event.ts'
import { transition } from './transition.ts'
import type { WorkerLaneStore } from './worker-store.ts'

/** The lease is somebody else's, or nobody's, by now: store nothing, send nothing. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}

type HeldEvent = Extract<LaneEvent, Holding>
/** An event of this holder, without the lease that it is signed with. */
export type Said = HeldEvent extends infer E
  ? E extends HeldEvent
    ? Omit<E, keyof Holding>
    : never
  : never

/** A leased lane, as its one holder sees and moves it. */
export interface Hold {
  /** The lane as last seen. */
  lane(): Lane
  /**
   * Stores what happened. A newer intent that came in meanwhile is taken up on the way, so look at the result.
   * @throws LeaseLost
   */
  say(event: Said): Promise<Lane>
  /** ms until nothing more may be sent, by this machine's monotonic clock. Never optimistic. */
  leftMs(): number
  /** Makes the lease longer. @throws LeaseLost */
  extend(): Promise<void>
  /** Repeats a storage call while storage is away and the lease lasts: an answer of an app must not be lost. */
  patiently<T>(call: () => Promise<T>): Promise<T>
}

/**
 * Time that a lease is considered over before it is: for the way of a request that just left, and for
 * the difference of two machines' clocks.
 */
const LEASE_MARGIN_MS = 500

const STORAGE_RETRY_MS = 200

/** @param options.since `performance.now()` from before the claim was sent */
export function createHold(
  claimed: Lane,
  options: {
    lanes: Pick<WorkerLaneStore, 'lane' | 'swap'>
    clock: Clock
    leaseMs: number
    since: number
  },
): Hold {
  const { lanes, clock, leaseMs } = options
  const holding: Holding = { lease: claimed.lease?.id ?? '', fence: claimed.fence }
  let lane = claimed
  let deadline = options.since + leaseMs - LEASE_MARGIN_MS
  let queue: Promise<unknown> = Promise.resolve()

  const isOurs = (seen: Lane): boolean =>
    seen.lease?.id === holding.lease && seen.fence === holding.fence

  const move = async (event: Said): Promise<Lane> => {
    for (;;) {
      if (!isOurs(lane)) throw new LeaseLost(`the lease of ${lane.id} is over`)
      const after = transition(lane, { ...event, ...holding } as LaneEvent, clock.now())
      if (after === lane) return lane
      const stored = await lanes.swap(lane, after)
      if (stored !== null) {
        lane = stored
        return stored
      }
      const fresh = await lanes.lane(lane.id)
      if (fresh === null) throw new LeaseLost(`${lane.id} is gone`)
      lane = fresh
    }
  }

  const patiently = async <T>(call: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await call()
      } catch (error) {
        if (!isHubError(error, 'ERR_STORAGE_UNAVAILABLE') || deadline <= performance.now()) {
          throw error
        }
        await sleep(STORAGE_RETRY_MS)
      }
    }
  }

  /** One at a time: a heartbeat must not race a step of the same holder. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    queue = result.catch(() => undefined)
    return result
  }

  return {
    lane: () => lane,
    say: (event) => inTurn(() => patiently(() => move(event))),
    patiently,
    leftMs: () => deadline - performance.now(),
    extend: () =>
      inTurn(async () => {
        const since = performance.now()
        await move({ kind: 'heartbeat', until: clock.now() + leaseMs })
        deadline = since + leaseMs - LEASE_MARGIN_MS
      }),
  }
}
