import type { Instant } from '../shared/clock.ts'
import type { Inflight, Lane, Undo, Work } from './lane.ts'
import type { LaneEvent } from './lane-event.ts'
import { quarantinedUntil } from './next-step.ts'
import { changeUnit, isOfChoice, located } from './work.ts'

type EventOf<K extends LaneEvent['kind']> = Extract<LaneEvent, { kind: K }>

/**
 * A write is about to leave. Refused (unchanged) when the intent has changed since or a person has said that it is
 * another account, when another write is
 * on its way, when an opposite one may still land, or when the lease is over: then nothing may be sent.
 */
export function sent(lane: Lane, event: EventOf<'sent'>, now: Instant): Lane {
  const { current, lease } = lane
  if (current === undefined || lease === undefined || lease.until <= now) return lane
  if (lane.inflight !== undefined || current.op !== event.what.op) return lane
  if (quarantinedUntil(lane, now) > now) return lane
  const common = {
    handleId: event.handleId,
    generation: current.generation,
    fence: lane.fence,
    sentAt: now,
    quarantineMs: event.quarantineMs,
  }
  if (event.what.op === 'restore') {
    const { facet } = event.what
    if (!lane.undo.some((u) => u.facet === facet && u.handleId === event.handleId)) return lane
    return { ...lane, inflight: { ...common, op: 'restore', facet, undoable: false } }
  }
  const { revocationId } = event.what
  const unit = lane.work.find((u) => u.revocationId === revocationId)
  if (unit === undefined || unit.state === 'verified' || !isOfChoice(unit, event.what)) return lane
  return {
    ...changeUnit(lane, revocationId, (work) => ({
      ...located(work),
      state: 'acting',
      handleId: event.handleId,
      attempts: work.attempts + 1,
      firstAttemptAt: work.firstAttemptAt ?? now,
      lastAttemptAt: now,
    })),
    inflight: {
      ...common,
      op: 'revoke',
      facet: unit.facet,
      revocationId,
      undoable: event.reversible && unit.seenLive,
    },
  }
}

/** The app answered. What it took is kept for a restore; whether it is true is seen after the settle time. */
export function acked(lane: Lane, event: EventOf<'acked'>, now: Instant): Lane {
  const { inflight } = lane
  if (inflight === undefined) return lane
  const landed: Lane = {
    ...lane,
    inflight: undefined,
    // Queued by the app: it may still take effect after an answer.
    quarantine: event.ack === 'accepted' ? quarantineOf(lane, inflight, now) : lane.quarantine,
  }
  if (inflight.revocationId === undefined) {
    // Believed when it was seen: an app that says yes and does nothing would lock the person out for ever.
    return {
      ...landed,
      undo: lane.undo.map((u) => (isUndoOf(u, inflight) ? toldBack(u, now + event.settleMs) : u)),
    }
  }
  const settled = changeUnit(landed, inflight.revocationId, (work) =>
    // A person said meanwhile that it is another account: of that one nothing is known yet.
    work.state !== 'acting'
      ? outcomeKnown(work)
      : {
          ...outcomeKnown(work),
          state: 'settling',
          requestEvidence: event.evidence,
          failures: 0,
          notBefore: now + event.settleMs,
        },
  )
  return event.ack === 'already' || event.undo === undefined
    ? settled
    : { ...settled, undo: remember(lane.undo, inflight, now, event.undo) }
}

function toldBack({ stuck: _, ...undo }: Undo, notBefore: Instant): Undo {
  return { ...outcomeKnown(undo), told: true, failures: 0, notBefore }
}

/** The write's outcome is unknown: it may still land, and it may have taken something. */
export function markLost(lane: Lane, now: Instant): Lane {
  const { inflight } = lane
  if (inflight === undefined) return lane
  const lost: Lane = {
    ...lane,
    inflight: undefined,
    quarantine: quarantineOf(lane, inflight, now),
    undo: inflight.undoable ? remember(lane.undo, inflight, now) : lane.undo,
  }
  if (inflight.revocationId === undefined) return lost
  return changeUnit(lost, inflight.revocationId, backToDue)
}

/** The write is known to have changed nothing. */
export function markHarmless(lane: Lane): Lane {
  const { inflight } = lane
  if (inflight === undefined) return lane
  const harmless: Lane = { ...lane, inflight: undefined }
  return inflight.revocationId === undefined
    ? {
        ...harmless,
        undo: lane.undo.map((u) => (isUndoOf(u, inflight) ? outcomeKnown(u) : u)),
      }
    : changeUnit(harmless, inflight.revocationId, (work) => outcomeKnown(backToDue(work)))
}

/** The next write is another one, and says so. */
export const outcomeKnown = <T extends { answered?: number }>(step: T): T => ({
  ...step,
  answered: (step.answered ?? 0) + 1,
})

const backToDue = (work: Work): Work => ({ ...work, state: 'due' })

export const isUndoOf = (undo: Undo, of: { facet: Undo['facet']; handleId: string }): boolean =>
  undo.facet === of.facet && undo.handleId === of.handleId

function quarantineOf(lane: Lane, inflight: Inflight, now: Instant): Lane['quarantine'] {
  const until = now + inflight.quarantineMs
  const { op, generation } = inflight
  const older = lane.quarantine?.op === op ? lane.quarantine.until : 0
  return { until: Math.max(until, older), generation, op }
}

/** The first facts of a handle are the state before the hub touched it; later ones add nothing. */
function remember(
  undo: readonly Undo[],
  inflight: Inflight,
  now: Instant,
  facts?: { sealed: Buffer; wrapped: Buffer },
): Undo[] {
  const known = undo.find((u) => isUndoOf(u, inflight))
  if (known?.sealed !== undefined || (known !== undefined && facts === undefined)) return [...undo]
  const { facet, handleId } = inflight
  const entry: Undo = { facet, handleId, failures: 0, notBefore: now, ...facts }
  return [...undo.filter((u) => u !== known), entry]
}
