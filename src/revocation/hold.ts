import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock, Instant } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'
import type { SealedEvidence } from './evidence.ts'
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
  /** The lane as last seen, with what was noted. */
  lane(): Lane
  /**
   * Notes what happened; the next `say` stores it with its own. For what may be lost without harm: should the
   * process die, the next holder looks again.
   * @throws LeaseLost
   */
  note(event: Said): Promise<Lane>
  /** Takes along what the next event names: it is stored with it. @returns its id */
  keep(evidence: SealedEvidence): string
  /**
   * Stores what happened, as one compare-and-swap, after what was noted before. A newer intent that came in meanwhile
   * is taken up on the way, so look at the result.
   * @param event absent: only what was noted
   * @throws LeaseLost
   */
  say(event?: Said): Promise<Lane>
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
  /** As stored. */
  let stored = claimed
  /** `stored`, moved by what was noted since. */
  let lane = claimed
  let noted: { event: Said; at: Instant }[] = []
  let evidence: SealedEvidence[] = []
  let deadline = options.since + leaseMs - LEASE_MARGIN_MS
  let queue: Promise<unknown> = Promise.resolve()

  const isOurs = (seen: Lane): boolean =>
    seen.lease?.id === holding.lease && seen.fence === holding.fence

  const moved = (from: Lane, event: Said, at: Instant): Lane =>
    transition(from, { ...event, ...holding } as LaneEvent, at)

  const move = async (event: Said | undefined): Promise<Lane> => {
    for (;;) {
      if (!isOurs(stored)) throw new LeaseLost(`the lease of ${stored.id} is over`)
      const after = event === undefined ? lane : moved(lane, event, clock.now())
      if (after === stored) return stored
      const taken = evidence
      const kept = await lanes.swap(stored, after, taken)
      // Stored, whoever won.
      evidence = evidence.filter((one) => !taken.includes(one))
      if (kept !== null) {
        stored = kept
        lane = kept
        noted = []
        return kept
      }
      const fresh = await lanes.lane(stored.id)
      if (fresh === null) throw new LeaseLost(`${stored.id} is gone`)
      stored = fresh
      // What was noted happened all the same; a newer intent may have made it old news.
      lane = noted.reduce((from, { event: said, at }) => moved(from, said, at), fresh)
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
    note: (event) =>
      inTurn(async () => {
        const at = clock.now()
        noted.push({ event, at })
        lane = moved(lane, event, at)
        return lane
      }),
    keep: (sealed) => {
      evidence = [...evidence, sealed]
      return sealed.id
    },
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
