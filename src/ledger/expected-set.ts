import { canonicalJson } from '../shared/canonical-json.ts'
import type { ExpectedItem } from './entries.ts'
import { leafHash, rootOf } from './tree.ts'

/** A commitment to a complete list: how many, and the RFC 9162 root over the canonical items. */
export interface SetCommitment {
  count: number
  /** Hex, 64 characters. */
  root: string
}

/**
 * Commits to everything that must be revoked, before anything is: an omission is then visible to whoever
 * holds the opening entry and the list. The order of `items` does not matter.
 *
 * @throws RangeError when two items have the same revocation id
 */
export function expectedSet(items: readonly ExpectedItem[]): SetCommitment {
  return commitToSet(items.map(({ app, facet, revocation }) => ({ app, facet, revocation })))
}

/** The same commitment over any items that have a revocation id; the outcomes of a closed case use it. */
export function commitToSet(items: readonly (ExpectedItem & object)[]): SetCommitment {
  const sorted = [...items].sort((a, b) => compareAscii(a.revocation, b.revocation))
  for (const [i, item] of sorted.entries()) {
    if (sorted[i + 1]?.revocation === item.revocation) {
      throw new RangeError(`revocation ${item.revocation} is in the set twice`)
    }
  }
  const leaves = sorted.map((item) => leafHash(Buffer.from(canonicalJson(item))))
  return { count: sorted.length, root: rootOf(leaves).toString('hex') }
}

/** By code unit, not by locale: every verifier must sort alike. */
function compareAscii(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
