import { MAX_CLOSED_ITEMS, type OutcomeItem } from './entries.ts'
import { commitToSet, type SetCommitment } from './expected-set.ts'

/** The part of an `offboarding.closed` body that says how each item ended. */
export type Closing = { outcome: 'complete' | 'superseded' | 'mixed' } & (
  | { items: OutcomeItem[] }
  | { outcomes: SetCommitment }
)

/**
 * Spread this into the body of an `offboarding.closed` entry. Few items are listed; many are committed to by
 * their root, which a verifier computes again from the entries themselves.
 *
 * @throws RangeError when two items have the same revocation id
 */
export function closing(items: readonly OutcomeItem[]): Closing {
  const commitment = commitToSet(items)
  const outcome = overallOutcome(items)
  if (items.length > MAX_CLOSED_ITEMS) return { outcome, outcomes: commitment }
  const sorted = [...items].sort((a, b) => (a.revocation < b.revocation ? -1 : 1))
  return { outcome, items: sorted }
}

/** `complete`: nothing was superseded. `superseded`: everything was. An empty set is complete. */
export function overallOutcome(items: readonly OutcomeItem[]): Closing['outcome'] {
  const superseded = items.filter((item) => item.outcome === 'superseded').length
  if (superseded === 0) return 'complete'
  return superseded === items.length ? 'superseded' : 'mixed'
}
