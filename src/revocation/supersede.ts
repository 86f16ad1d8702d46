import type { Facet } from '../connector-sdk/contract.ts'
import type { Instant } from '../shared/clock.ts'
import type { Intent, Lane, LaneRecord, Link, Undo, Work } from './lane.ts'

/** Is something newer wanted than what is under way? */
export function hasNewer(lane: Lane): boolean {
  return (lane.want?.generation ?? 0) > (lane.current?.generation ?? 0)
}

/** The terminal records of units that a newer intent has overtaken. */
export function superseded(
  units: readonly { revocationId: string; facet: Facet }[],
  old: Intent | undefined,
  newer: Intent,
  now: Instant,
): LaneRecord[] {
  if (old === undefined) return []
  return units.map(({ revocationId, facet }) => ({
    kind: 'superseded',
    revocationId,
    facet,
    generation: old.generation,
    byGeneration: newer.generation,
    reason: newer.op === 'restore' ? 'returned' : 'renewed',
    at: now,
    offboardingId: old.offboardingId ?? '',
  }))
}

/** The newest intent takes over. Verified units have their record already; the open ones end here. */
export function adopt(lane: Lane, now: Instant): Lane {
  const { want, current } = lane
  if (want === undefined) return lane
  const open = lane.work.filter((unit) => unit.state !== 'verified')
  return {
    ...lane,
    current: want,
    work: want.units.map((unit) => beginUnit(lane, unit, now)),
    links: want.op === 'restore' ? lane.links.map(ofBefore) : lane.links,
    undo: lane.undo.map((undo) => afresh(undo, now)),
    reaps: 0,
    heldUntil: undefined,
    outbox: [...lane.outbox, ...superseded(open, current, want, now)],
  }
}

/** What was said or tried for an older intent counts no more: the facts of before it all do. */
function afresh(undo: Undo, now: Instant): Undo {
  const { stuck: _stuck, told: _told, contradictions: _contradictions, ...facts } = undo
  return { ...facts, failures: 0, notBefore: now }
}

/** Who named an account chose among those that were there: who comes back may get another. */
const ofBefore = (link: Link): Link =>
  link.named === undefined ? link : { ...link, named: 'before' }

/**
 * A new unit knows what the lane knows: a handle seen live once may later be proven gone. It is a hint: who came back
 * may have got another account since.
 */
function beginUnit(lane: Lane, unit: Intent['units'][number], now: Instant): Work {
  const link = lane.links.find((known) => known.facet === unit.facet)
  return {
    revocationId: unit.revocationId,
    facet: unit.facet,
    state: 'due',
    attempts: 0,
    failures: 0,
    contradictions: 0,
    seenLive: link?.seenLive ?? false,
    notBefore: now,
    ...(unit.heldBy === undefined ? {} : { heldBy: unit.heldBy }),
    ...(link === undefined ? {} : { handleId: link.handleId, hint: true }),
    ...(link?.named === undefined ? {} : { named: link.named }),
  }
}
