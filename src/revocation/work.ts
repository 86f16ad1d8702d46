import type { Lane, Work } from './lane.ts'

/** The lane with one unit changed; the same lane when it has no such unit. */
export function changeUnit(lane: Lane, revocationId: string, change: (unit: Work) => Work): Lane {
  const index = lane.work.findIndex((unit) => unit.revocationId === revocationId)
  const unit = lane.work[index]
  return unit === undefined ? lane : { ...lane, work: lane.work.with(index, change(unit)) }
}

/** Without what people were told about it: the reason and the last fault. */
export function cleared(unit: Work): Work {
  const { reason: _reason, fault: _fault, ...rest } = unit
  return rest
}

/** Without the account, and without what was seen of it. */
export function unlocated(unit: Work): Work {
  const {
    handleId: _handleId,
    hint: _hint,
    named: _named,
    beforeEvidence: _before,
    requestEvidence: _request,
    afterEvidence: _after,
    ...rest
  } = cleared(unit)
  return { ...rest, seenLive: false }
}

/** A person said something about the account: whatever is under way about it is old news. */
export const rechosen = (unit: Work): Work => ({ ...unit, choice: (unit.choice ?? 0) + 1 })

/** Names the choice on which a step of a worker rests. */
export const choiceOf = ({ choice }: Pick<Work, 'choice'>): Pick<Work, 'choice'> =>
  choice === undefined ? {} : { choice }

/** Does a step rest on what people say about the account now? */
export const isOfChoice = (unit: Work, { choice = 0 }: Pick<Work, 'choice'>): boolean =>
  (unit.choice ?? 0) === choice

/** It is known whose the handle is: that is asked once in each revocation, not at each look. */
export function located(unit: Work): Work {
  const { hint: _, ...rest } = unit
  return rest
}
