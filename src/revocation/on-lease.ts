import type { Instant } from '../shared/clock.ts'
import { nextLook } from './human.ts'
import type { Lane } from './lane.ts'
import { markLost } from './on-write.ts'

/** Leases lost in a row before a lane counts as poison: something in it ends its process. */
const POISON_REAPS = 5

/** The holder gives the lane back. A write whose answer it did not wait for may still land. */
export function released(lane: Lane, reason: 'done' | 'shutdown', now: Instant): Lane {
  const free = { ...markLost(lane, now), lease: undefined }
  return reason === 'shutdown'
    ? { ...free, attempts: Math.max(0, free.attempts - 1) }
    : { ...free, reaps: 0 }
}

/**
 * The lease ran out. The fence goes up, so that the silent holder can store nothing any more; what it sent
 * may still land, so an opposite operation waits.
 */
export function reaped(lane: Lane, now: Instant): Lane {
  if (lane.lease === undefined || lane.lease.until > now) return lane
  const reaps = lane.reaps + 1
  const free = { ...markLost(lane, now), lease: undefined, fence: lane.fence + 1, reaps }
  if (reaps < POISON_REAPS) return free
  return {
    ...free,
    reaps: 0,
    work: free.work.map((unit) =>
      unit.state === 'verified'
        ? unit
        : {
            ...unit,
            state: 'human',
            reason: 'connector-bug',
            notBefore: nextLook('connector-bug', now),
          },
    ),
  }
}
