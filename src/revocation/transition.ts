import { assertNever } from '../shared/assert-never.ts'
import type { Instant } from '../shared/clock.ts'
import { type Lane, newLane } from './lane.ts'
import { assigned, bound, dropped, isDirty, nudged, unbound } from './lane-care.ts'
import type { LaneEvent } from './lane-event.ts'
import { rest } from './next-step.ts'
import { faulted } from './on-fault.ts'
import { reaped, released } from './on-lease.ts'
import { judged, looked } from './on-look.ts'
import { lookedBack } from './on-look-back.ts'
import { acked, sent } from './on-write.ts'
import { unheld } from './storm-hold.ts'
import { adopt, hasNewer, superseded } from './supersede.ts'

/**
 * Moves a lane. The one place where a lane's state changes; the store keeps the result by
 * compare-and-swap on `rev`, so that whoever decided on an old state decides again.
 *
 * A newer intent takes over at once, unless a write is on its way: then as soon as that write's outcome
 * is known (answer, fault, release or reap). Units of the older intent that were not verified by then are
 * superseded; what the hub took with them stays in `undo` and is put back by the restore.
 *
 * @param lane `undefined` when nothing is stored yet; then only `wanted` is possible
 * @param now the database's clock
 * @returns the same object when the event changes nothing: old news, or the word of a lost lease
 */
export function transition(lane: Lane | undefined, event: LaneEvent, now: Instant): Lane {
  if (lane === undefined) {
    if (event.kind !== 'wanted') throw new TypeError(`${event.kind} for a lane that does not exist`)
    return transition(newLane(event.key), event, now)
  }
  if ('fence' in event && !isHeldBy(lane, event)) return lane
  const moved = apply(lane, event, now)
  if (moved === lane) return lane
  const adopted = hasNewer(moved) && moved.inflight === undefined ? adopt(moved, now) : moved
  const rested = adopted.lease === undefined ? rest(adopted, now) : adopted
  return { ...rested, dirty: event.kind === 'projected' ? false : isDirty(lane, rested) }
}

function apply(lane: Lane, event: LaneEvent, now: Instant): Lane {
  switch (event.kind) {
    case 'wanted':
      return event.intent.generation <= (lane.want?.generation ?? 0)
        ? lane
        : {
            ...lane,
            priority: event.priority,
            want: event.intent,
            // An intent that never began is over the moment a newer one is stored.
            outbox: hasNewer(lane)
              ? [
                  ...lane.outbox,
                  ...superseded(lane.want?.units ?? [], lane.want, event.intent, now),
                ]
              : lane.outbox,
          }
    case 'claimed':
      return lane.lease === undefined && lane.state !== 'idle' && lane.dueAt <= now
        ? {
            ...lane,
            state: 'leased',
            lease: event.lease,
            fence: lane.fence + 1,
            attempts: lane.attempts + 1,
            heldUntil: undefined,
          }
        : lane
    case 'heartbeat':
      return lane.lease === undefined || lane.lease.until >= event.until
        ? lane
        : { ...lane, lease: { ...lane.lease, until: event.until } }
    case 'looked':
      return looked(lane, event)
    case 'sent':
      return sent(lane, event, now)
    case 'acked':
      return acked(lane, event, now)
    case 'judged':
      return judged(lane, event, now)
    case 'looked-back':
      return lookedBack(lane, event, now)
    case 'faulted':
      return faulted(lane, event, now)
    case 'released':
      return released(lane, event.reason, now)
    case 'reaped':
      return reaped(lane, now)
    case 'projected':
      return lane.dirty ? { ...lane, outbox: [] } : lane
    case 'nudged':
      return nudged(lane, now)
    case 'assigned':
      return assigned(lane, event.handleId, now)
    case 'bound':
      return bound(lane, event, now)
    case 'unbound':
      return unbound(lane, now)
    case 'unheld':
      return unheld(lane, event.storm, now)
    case 'dropped':
      return dropped(lane, event.revocationId)
    default:
      return assertNever(event)
  }
}

const isHeldBy = (lane: Lane, holding: { lease: string; fence: number }): boolean =>
  lane.lease?.id === holding.lease && lane.fence === holding.fence
