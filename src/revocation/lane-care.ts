import type { Facet } from '../connector-sdk/contract.ts'
import type { Instant } from '../shared/clock.ts'
import type { Intent, Lane, Work } from './lane.ts'
import { cleared } from './work.ts'

/** Everything open is due now. */
export function nudged(lane: Lane, now: Instant): Lane {
  return {
    ...lane,
    heldUntil: undefined,
    work: lane.work.map((unit) => ({ ...unit, notBefore: Math.min(unit.notBefore, now) })),
    undo: lane.undo.map((undo) => ({ ...undo, notBefore: now })),
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

/** As `assigned`, and for the departures that are still to come. */
export function bound(
  lane: Lane,
  { handleId, facets }: { handleId: string; facets: readonly Facet[] },
  now: Instant,
): Lane {
  const told = assigned(lane, handleId, now)
  const missing = facets.filter((facet) => !told.links.some((link) => link.facet === facet))
  return {
    ...told,
    links: [...told.links, ...missing.map((facet) => ({ facet, handleId, seenLive: false }))],
  }
}

/** Forgets which account it is. A write that is on its way keeps its own handle. */
export function unbound(lane: Lane, now: Instant): Lane {
  return {
    ...lane,
    links: [],
    work: lane.work.map((unit) => {
      if (unit.state === 'verified' || lane.inflight?.revocationId === unit.revocationId)
        return unit
      const { handleId: _, ...rest } = cleared(unit)
      return { ...rest, state: 'due', seenLive: false, notBefore: now }
    }),
  }
}

/**
 * Takes a waived unit out of all that is wanted. What is verified has its record already, and a write that is on its
 * way must be heard of first: then nothing changes.
 */
export function dropped(lane: Lane, revocationId: string): Lane {
  const unit = lane.work.find((work) => work.revocationId === revocationId)
  if (unit?.state === 'verified' || lane.inflight?.revocationId === revocationId) return lane
  const without = (intent: Intent | undefined): Intent | undefined =>
    intent && {
      ...intent,
      units: intent.units.filter((wanted) => wanted.revocationId !== revocationId),
    }
  const want = without(lane.want)
  return {
    ...lane,
    want,
    // The same object says that the newest intent has taken over.
    current: lane.current === lane.want ? want : without(lane.current),
    work: lane.work.filter((work) => work.revocationId !== revocationId),
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
