import { assertNever } from '../shared/assert-never.ts'
import type { Instant } from '../shared/clock.ts'
import { backoff, LONGEST_WAIT } from './backoff.ts'
import { nextLook } from './human.ts'
import type { Lane, Work } from './lane.ts'
import type { Judgement, LaneEvent } from './lane-event.ts'
import { outcomeKnown } from './on-write.ts'
import { changeUnit, cleared, isOfChoice, located } from './work.ts'

type EventOf<K extends LaneEvent['kind']> = Extract<LaneEvent, { kind: K }>

/** From the third contradiction a person is told; the machine goes on every quarter of an hour. */
const CONTRADICTIONS_UNTIL_HUMAN = 3

/** The handle was found and read before any write. */
export function looked(lane: Lane, event: EventOf<'looked'>): Lane {
  const unit = lane.work.find((u) => u.revocationId === event.revocationId)
  if (unit === undefined || unit.state === 'verified' || !isOfChoice(unit, event)) return lane
  const sameHandle = unit.handleId === undefined || unit.handleId === event.handleId
  const seenLive = event.state === 'live' || (sameHandle && unit.seenLive)
  const { facet } = unit
  const named = sameHandle && unit.named !== undefined ? { named: unit.named } : {}
  return {
    ...changeUnit(lane, event.revocationId, ({ named: _, ...work }) => ({
      // A write without an answer is seen to have landed: should one more be needed, it is another one.
      ...((event.state === 'dead' || event.state === 'absent') && work.attempts > 0
        ? outcomeKnown(located(work))
        : located(work)),
      ...named,
      handleId: event.handleId,
      seenLive,
      // The first look is the state that the leaver left behind; repeats must not overwrite it.
      beforeEvidence: work.beforeEvidence ?? event.evidence,
    })),
    links: [
      ...lane.links.filter((link) => link.facet !== facet),
      { facet, handleId: event.handleId, seenLive, ...named },
    ],
  }
}

/** The hub's judgement of what was seen. A verified unit has its terminal record and never changes again. */
export function judged(lane: Lane, event: EventOf<'judged'>, now: Instant): Lane {
  const unit = lane.work.find((u) => u.revocationId === event.revocationId)
  const { current } = lane
  if (unit === undefined || unit.state === 'verified' || current === undefined) return lane
  if (!isOfChoice(unit, event)) return lane
  const seen = event.evidence === undefined ? unit : { ...unit, afterEvidence: event.evidence }
  const work = judgedUnit(seen, event.judgement, event.jitter, now)
  const moved = changeUnit(lane, unit.revocationId, () => work)
  if (work.state !== 'verified') return moved
  return {
    ...moved,
    outbox: [
      ...lane.outbox,
      {
        kind: 'verified',
        revocationId: unit.revocationId,
        offboardingId: current.offboardingId ?? '',
        generation: current.generation,
        work,
        at: now,
        fence: lane.fence,
      },
    ],
  }
}

function judgedUnit(unit: Work, judgement: Judgement, jitter: number, now: Instant): Work {
  switch (judgement.kind) {
    case 'verified':
      return { ...cleared(unit), state: 'verified', verdict: judgement.verdict, failures: 0 }
    case 'contradicted': {
      const contradictions = unit.contradictions + 1
      const { verdict } = judgement
      return contradictions < CONTRADICTIONS_UNTIL_HUMAN
        ? {
            ...unit,
            state: 'due',
            verdict,
            contradictions,
            notBefore: now + backoff(contradictions, jitter),
          }
        : {
            ...unit,
            state: 'human',
            reason: 'contradicted',
            verdict,
            contradictions,
            notBefore: now + LONGEST_WAIT,
          }
    }
    case 'wait':
      return judgement.afterMs === undefined
        ? {
            ...unit,
            failures: unit.failures + 1,
            notBefore: now + backoff(unit.failures + 1, jitter),
          }
        : { ...unit, notBefore: now + judgement.afterMs }
    case 'human':
      return {
        ...unit,
        state: 'human',
        reason: judgement.reason,
        notBefore: nextLook(judgement.reason, now),
        ...(judgement.verdict === undefined ? {} : { verdict: judgement.verdict }),
      }
    default:
      return assertNever(judgement)
  }
}
