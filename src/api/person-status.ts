import type { Offboarding, Revocation } from '../revocation/types.ts'
import type { Instant } from '../shared/clock.ts'
import { isOwed } from './revocation-answer.ts'

/**
 * The answer to "is this person gone?".
 * `employed`: active, and nothing is owed. `open`: something is owed. `residual`: all is revoked, but what
 * was issued goes on working for a while. `gone`: all is revoked and proven. `waived`: the same, but for
 * items that two persons have waived. `nothing-owed`: left, and no registered app was in scope.
 */
export type PersonStatus = 'employed' | 'open' | 'residual' | 'gone' | 'waived' | 'nothing-owed'

export interface Person {
  /** Is there a user, and is it active at the provider? */
  active: boolean
  /** Newest first. */
  offboardings: readonly Pick<Offboarding, 'id' | 'kind' | 'generation'>[]
  revocations: readonly Revocation[]
}

export function personStatus(person: Person, now: Instant): PersonStatus {
  const { revocations } = person
  if (revocations.some(isOwed)) return 'open'
  if (!hasLeft(person)) return 'employed'
  const settled = revocations.filter((r) => r.state !== 'superseded')
  if (settled.length === 0) return 'nothing-owed'
  if (settled.some((r) => (r.verdict?.residualUntil ?? 0) > now)) return 'residual'
  return settled.some((r) => r.state === 'waived') ? 'waived' : 'gone'
}

/** Inactive at the provider, or let go by hand while the provider still shows an active account. */
function hasLeft({ active, offboardings, revocations }: Person): boolean {
  if (!active) return true
  const newest = offboardings[0]
  return (
    newest?.kind === 'leaver' &&
    revocations.some((r) => r.offboardingId === newest.id && r.state !== 'superseded')
  )
}

/** The newest unit of each (app, facet): what holds today. */
export function currentAccess(revocations: readonly Revocation[]): Revocation[] {
  const newest = new Map<string, Revocation>()
  for (const revocation of revocations) {
    const key = `${revocation.appId} ${revocation.facet}`
    const known = newest.get(key)
    if (known === undefined || known.generation < revocation.generation) {
      newest.set(key, revocation)
    }
  }
  return [...newest.values()]
}
