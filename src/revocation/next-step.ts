import type { Instant } from '../shared/clock.ts'
import { type Lane, NEVER, type Undo, type Work } from './lane.ts'

/** What the holder of a lane does now. */
export type Step =
  | { kind: 'unit'; unit: Work }
  | { kind: 'restore'; undo: Undo }
  /** Nothing before `until`. */
  | { kind: 'rest'; until: Instant }

/** A facet that fails this often in a row no longer keeps the facets after it waiting. */
const PATIENCE = 3

/**
 * The first thing to do, in the order of the intent. A unit waits for the ones before it until they are
 * acknowledged, given to a person, or shown to be stuck: a session must not be re-made by a login that
 * still works, but one broken facet must not shield the others for ever.
 */
export function nextStep(lane: Lane, now: Instant): Step {
  const until = dueAt(lane, now)
  if (until > now) return { kind: 'rest', until }
  if (lane.current?.op === 'restore') {
    const undo = restorable(lane).find((u) => u.notBefore <= now)
    return undo === undefined ? { kind: 'rest', until } : { kind: 'restore', undo }
  }
  const unit = workable(lane).find((u) => u.notBefore <= now)
  return unit === undefined ? { kind: 'rest', until } : { kind: 'unit', unit }
}

/** Derives `state` and `dueAt` of a lane that nobody holds. */
export function rest(lane: Lane, now: Instant): Lane {
  const due = dueAt(lane, now)
  if (due === NEVER) return { ...lane, state: 'idle', dueAt: NEVER }
  const held = lane.heldUntil !== undefined && lane.heldUntil > now
  return { ...lane, state: held ? 'held' : 'ready', dueAt: due }
}

function dueAt(lane: Lane, now: Instant): Instant {
  const candidates = lane.current?.op === 'restore' ? restorable(lane) : workable(lane)
  const first = candidates.reduce((least, { notBefore }) => Math.min(least, notBefore), NEVER)
  return first === NEVER ? NEVER : Math.max(first, quarantinedUntil(lane, now), lane.heldUntil ?? 0)
}

/** An operation must not overtake an opposite one that may still land. 0 when nothing is in the way. */
export function quarantinedUntil(lane: Lane, now: Instant): Instant {
  const { quarantine, current } = lane
  if (quarantine === undefined || current === undefined || quarantine.op === current.op) return 0
  return quarantine.until > now ? quarantine.until : 0
}

function workable(lane: Lane): Work[] {
  return lane.work.filter(
    (unit, index) =>
      unit.state !== 'verified' &&
      unit.heldBy === undefined &&
      !lane.work.slice(0, index).some(isInTheWay),
  )
}

/** What a storm holds delays nothing else. */
const isInTheWay = (unit: Work): boolean =>
  unit.heldBy === undefined &&
  (unit.state === 'due' || unit.state === 'acting') &&
  unit.contradictions === 0 &&
  unit.failures < PATIENCE

/** Newest first: undone in the opposite order of doing. */
const restorable = (lane: Lane): Undo[] => [...lane.undo].reverse()
