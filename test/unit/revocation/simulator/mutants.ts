import type { Lane } from '../../../../src/revocation/lane.ts'
import type { LaneEvent } from '../../../../src/revocation/lane-event.ts'
import { transition } from '../../../../src/revocation/transition.ts'

/** Ways to break the engine. The simulator must notice each of them, or it proves nothing. */
export type Mutant =
  | 'none'
  | 'no-quarantine'
  | 'no-superseded-record'
  | 'no-fence'
  | 'no-local-deadline'
  | 'reaper-sets-no-quarantine'
  | 'lost-write-is-not-undone'
  | 'newer-intent-overtakes-a-write'
  | 'restore-is-believed'

export type Move = (lane: Lane | undefined, event: LaneEvent, now: number) => Lane

/** `transition`, or a broken one. */
export function moveOf(mutant: Mutant): Move {
  switch (mutant) {
    case 'none':
    case 'no-local-deadline':
      return transition
    case 'no-quarantine':
      return (lane, event, now) => ({ ...transition(lane, event, now), quarantine: undefined })
    case 'no-superseded-record':
      return (lane, event, now) => {
        const after = transition(lane, event, now)
        return { ...after, outbox: after.outbox.filter(({ kind }) => kind !== 'superseded') }
      }
    case 'no-fence':
      return (lane, event, now) =>
        transition(
          lane,
          'fence' in event && lane?.lease !== undefined
            ? { ...event, lease: lane.lease.id, fence: lane.fence }
            : event,
          now,
        )
    case 'reaper-sets-no-quarantine':
      return (lane, event, now) => {
        const after = transition(lane, event, now)
        return event.kind === 'reaped' && lane !== undefined
          ? transition({ ...after, quarantine: lane.quarantine }, { kind: 'nudged' }, now)
          : after
      }
    case 'lost-write-is-not-undone':
      return (lane, event, now) => {
        const after = transition(lane, event, now)
        return { ...after, undo: after.undo.filter(({ sealed }) => sealed !== undefined) }
      }
    case 'restore-is-believed':
      return (lane, event, now) => {
        const after = transition(lane, event, now)
        return { ...after, undo: after.undo.filter(({ told }) => told !== true) }
      }
    case 'newer-intent-overtakes-a-write':
      return (lane, event, now) =>
        event.kind === 'wanted' && lane !== undefined
          ? transition({ ...lane, inflight: undefined }, event, now)
          : transition(lane, event, now)
  }
}
