import { assertNever } from '../shared/assert-never.ts'
import type { Instant } from '../shared/clock.ts'
import { backoff } from './backoff.ts'
import type { Lane, Undo } from './lane.ts'
import type { LaneEvent } from './lane-event.ts'
import { isUndoOf } from './on-write.ts'

type LookedBack = Extract<LaneEvent, { kind: 'looked-back' }>

/**
 * Is it back? What lives is owed no more; what is dead after a friendly answer is put back again, later each time, and
 * what the app refused to put back, after each look, for ever.
 */
export function lookedBack(lane: Lane, event: LookedBack, now: Instant): Lane {
  const told = lane.undo.find((undo) => undo.told === true && isUndoOf(undo, event))
  if (told === undefined) return lane
  const after = judgedBack(told, event, now)
  return {
    ...lane,
    undo: lane.undo.flatMap((undo) =>
      undo !== told ? [undo] : after === undefined ? [] : [after],
    ),
  }
}

/** @returns undefined when it is back */
function judgedBack(undo: Undo, event: LookedBack, now: Instant): Undo | undefined {
  if (undo.stuck !== undefined && event.state !== 'live') {
    // The app never said that it is back, and nobody did it by hand: it may be willing by now.
    const { told: _, ...again } = undo
    return { ...again, notBefore: now }
  }
  switch (event.state) {
    case 'live':
    case 'unobservable':
      return undefined
    case 'dead':
    case 'absent': {
      const { told: _, ...again } = undo
      const contradictions = (undo.contradictions ?? 0) + 1
      return { ...again, contradictions, notBefore: now + backoff(contradictions, event.jitter) }
    }
    case 'unknown': {
      const failures = undo.failures + 1
      const wait = backoff(failures, event.jitter, event.retryAfterMs)
      return { ...undo, failures, notBefore: now + wait }
    }
    default:
      return assertNever(event.state)
  }
}
