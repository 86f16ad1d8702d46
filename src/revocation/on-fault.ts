import type { Fault } from '../connector-sdk/contract.ts'
import { assertNever } from '../shared/assert-never.ts'
import { HOUR, type Instant, MINUTE, SECOND } from '../shared/clock.ts'
import { backoff } from './backoff.ts'
import { nextLook } from './human.ts'
import type { Lane, Undo, Work } from './lane.ts'
import type { LaneEvent } from './lane-event.ts'
import { isUndoOf, markHarmless, markLost } from './on-write.ts'
import type { HumanReason } from './types.ts'
import { changeUnit, isOfChoice } from './work.ts'

type Faulted = Extract<LaneEvent, { kind: 'faulted' }>

/** A refused credential is tried again this often, should nobody say that it was replaced. */
const HOLD = 5 * MINUTE

/**
 * A call failed. See the fault table in docs/connectors.md; after a write with `partial` or `unknown`
 * effect an opposite operation waits, and the same one looks before it writes again.
 */
export function faulted(lane: Lane, event: Faulted, now: Instant): Lane {
  const known = event.effect === 'none' ? markHarmless(lane) : markLost(lane, now)
  const { inflight } = lane
  const moved =
    event.revocationId === undefined
      ? inflight === undefined
        ? known
        : {
            ...known,
            undo: known.undo.map((u) => (isUndoOf(u, inflight) ? faultedUndo(u, event, now) : u)),
          }
      : changeUnit(known, event.revocationId, (unit) =>
          unit.state === 'verified' || !isOfChoice(unit, event)
            ? unit
            : faultedUnit(unit, event, inflight !== undefined, now),
        )
  return event.fault === 'credential'
    ? { ...moved, heldUntil: now + HOLD, lease: undefined, reaps: 0 }
    : moved
}

function faultedUnit(unit: Work, event: Faulted, wrote: boolean, now: Instant): Work {
  const { fault, jitter, retryAfterMs } = event
  const told: Work = {
    ...unit,
    fault,
    ...(event.evidence !== undefined && wrote ? { requestEvidence: event.evidence } : {}),
  }
  switch (fault) {
    case 'throttled':
    case 'transient': {
      const failures = unit.failures + 1
      return { ...told, failures, notBefore: now + backoff(failures, jitter, retryAfterMs) }
    }
    case 'conflict':
      // Somebody else changed it in between: look again soon, then decide.
      return { ...told, failures: unit.failures + 1, notBefore: now + SECOND }
    case 'credential':
      return { ...told, attempts: wrote ? unit.attempts - 1 : unit.attempts }
    case 'gone':
      // "Not found" to a write is an answer; whether it is proof, the absence rule says.
      return { ...told, state: 'settling', notBefore: now }
    case 'forbidden':
    case 'invalid':
    case 'unsupported':
    case 'ambiguous':
    case 'protected':
    case 'bug': {
      const reason = REASON[fault]
      return { ...told, state: 'human', reason, notBefore: nextLook(reason, now) }
    }
    default:
      return assertNever(fault)
  }
}

const REASON: Readonly<
  Record<
    Extract<Fault, 'forbidden' | 'invalid' | 'unsupported' | 'ambiguous' | 'protected' | 'bug'>,
    HumanReason
  >
> = {
  forbidden: 'forbidden',
  invalid: 'invalid',
  unsupported: 'unsupported',
  ambiguous: 'ambiguous-match',
  protected: 'protected',
  bug: 'connector-bug',
}

function faultedUndo(undo: Undo, event: Faulted, now: Instant): Undo {
  switch (event.fault) {
    case 'throttled':
    case 'transient':
    case 'conflict': {
      const failures = undo.failures + 1
      return {
        ...undo,
        failures,
        notBefore: now + backoff(failures, event.jitter, event.retryAfterMs),
      }
    }
    case 'credential':
      return undo
    case 'forbidden':
    case 'invalid':
    case 'unsupported':
    case 'ambiguous':
    case 'protected':
    case 'gone':
    case 'bug':
      // As a unit that waits for a person, and for the same reason looked at first: they may have put it back by hand.
      return { ...undo, stuck: event.fault, told: true, notBefore: now + HOUR }
    default:
      return assertNever(event.fault)
  }
}
