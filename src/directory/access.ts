/** What decides which apps a person may use: employment status and groups. */
export interface AccessState {
  active: boolean
  groupIds: ReadonlySet<string>
}

/** A person the source does not have (any more). */
export const NO_ACCESS: AccessState = { active: false, groupIds: new Set() }

/**
 * The difference of before and after. Decisions are taken from this, never from the text of a request:
 * six spellings of "this person is gone" all end here.
 */
export type AccessChange =
  | { kind: 'none' }
  | { kind: 'left' }
  | { kind: 'returned' }
  /** Still employed; lost or gained groups. */
  | { kind: 'moved'; lost: readonly string[]; gained: readonly string[] }

export function accessChange(before: AccessState, after: AccessState): AccessChange {
  if (before.active && !after.active) return { kind: 'left' }
  if (!before.active && after.active) return { kind: 'returned' }
  if (!after.active) return { kind: 'none' }
  const lost = [...before.groupIds].filter((id) => !after.groupIds.has(id))
  const gained = [...after.groupIds].filter((id) => !before.groupIds.has(id))
  return lost.length + gained.length === 0 ? { kind: 'none' } : { kind: 'moved', lost, gained }
}
