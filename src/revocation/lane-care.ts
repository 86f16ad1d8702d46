import type { Instant } from '../shared/clock.ts'
import type { Lane, Work } from './lane.ts'
import { cleared } from './work.ts'

/** Everything open is due now. */
export function nudged(lane: Lane, now: Instant): Lane {
  return {
    ...lane,
    heldUntil: undefined,
    work: lane.work.map((unit) => ({ ...unit, notBefore: Math.min(unit.notBefore, now) })),
    undo: lane.undo.map(({ stuck: _, ...undo }) => ({ ...undo, notBefore: now })),
  }
}

/**
 * A person said which account it is. It replaces what the hub believed, for all facets: they belong to one
 * account. Whether the new handle lived is not known yet.
 */
export function assigned(lane: Lane, handleId: string, now: Instant): Lane {
  return {
    ...lane,
    links: lane.links.filter((link) => link.handleId === handleId),
    work: lane.work.map((unit) =>
      unit.state === 'verified' || unit.handleId === handleId
        ? unit
        : { ...cleared(unit), state: 'due', handleId, seenLive: false, notBefore: now },
    ),
  }
}

/** Must the projector run? Only what people can see counts: most steps of a worker change nothing there. */
export function isDirty(before: Lane, after: Lane): boolean {
  return (
    before.dirty ||
    after.outbox.length > 0 ||
    (before.work !== after.work &&
      after.work.some((unit, index) => isNews(before.work[index], unit)))
  )
}

function isNews(before: Work | undefined, after: Work): boolean {
  // The intake has stored new revocations as due already.
  if (before?.revocationId !== after.revocationId) return after.state !== 'due'
  return (
    before.state !== after.state ||
    before.reason !== after.reason ||
    before.fault !== after.fault ||
    before.verdict !== after.verdict ||
    before.attempts !== after.attempts
  )
}
