import type { Facet } from '../connector-sdk/contract.ts'
import type { Instant } from '../shared/clock.ts'
import type { Intent, Lane, Link, Work } from './lane.ts'
import { cleared, rechosen, unlocated } from './work.ts'

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
 * account. Whether a new handle lived is not known yet, and whose it is the app is asked all the same.
 */
export function assigned(lane: Lane, handleId: string, now: Instant): Lane {
  return {
    ...lane,
    links: lane.links.flatMap((link) =>
      link.handleId === handleId ? [{ ...link, named: 'now' as const }] : [],
    ),
    work: lane.work.map((unit) => {
      const isSame = unit.handleId === handleId
      if (unit.state === 'verified' || (isSame && unit.hint === undefined)) return unit
      const known = rechosen(isSame ? cleared(unit) : unlocated(unit))
      return { ...known, state: 'due', handleId, hint: true, named: 'now', notBefore: now }
    }),
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
    links: [...told.links, ...missing.map((facet) => newLink(facet, handleId))],
  }
}

const newLink = (facet: Facet, handleId: string): Link => ({
  facet,
  handleId,
  seenLive: false,
  named: 'now',
})

/** Forgets which account it is. A write that is on its way keeps its own handle. */
export function unbound(lane: Lane, now: Instant): Lane {
  return {
    ...lane,
    links: [],
    work: lane.work.map((unit) => {
      if (unit.state === 'verified') return unit
      return { ...rechosen(unlocated(unit)), state: 'due', notBefore: now }
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
