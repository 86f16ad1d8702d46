import type { Instant } from '../shared/clock.ts'
import type { Intent, Lane } from './lane.ts'

/** Lets go on what a storm has held, of what is under way and of what is wanted next. */
export function unheld(lane: Lane, storm: string, now: Instant): Lane {
  const freed = <T extends { heldBy?: string }>(unit: T): T => {
    if (unit.heldBy !== storm) return unit
    const { heldBy: _, ...rest } = unit
    return rest as T
  }
  const released = (intent: Intent | undefined): Intent | undefined =>
    intent && { ...intent, units: intent.units.map(freed) }
  const units = [...lane.work, ...(lane.want?.units ?? [])]
  if (!units.some(({ heldBy }) => heldBy === storm)) return lane
  const want = released(lane.want)
  return {
    ...lane,
    want,
    // The same object says that the newest intent has taken over.
    current: lane.current === lane.want ? want : released(lane.current),
    work: lane.work.map((unit) =>
      unit.heldBy === storm ? { ...freed(unit), notBefore: now } : unit,
    ),
  }
}
