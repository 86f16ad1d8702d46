import type { EntryBody } from './entries.ts'
import { idOfBody } from './entry-id.ts'
import type { EntryReferences, PendingEntry } from './intake.ts'
import type { Keyring } from './keyring.ts'
import { type Leaf, leafSignedBy, readLeaf } from './leaf.ts'
import type { RefusalReason } from './store.ts'

export type Admission =
  | { kind: 'admitted'; entry: PendingEntry; leaf: Leaf }
  | { kind: 'refused'; entry: PendingEntry; reason: RefusalReason; kid?: string }

/**
 * May this row be sealed? Rows come from a database that others can write to: what is believed is what an
 * announced key has signed, and what stands beside the leaf must agree with it, because it decides which
 * revocation becomes `proven`.
 */
export async function admit(
  entry: PendingEntry,
  origin: string,
  keyring: Keyring,
): Promise<Admission> {
  const read = readLeaf(entry.leaf)
  if (read.kind === 'refused') return { kind: 'refused', entry, reason: 'malformed' }
  const { leaf } = read
  const { body, kid } = leaf
  const refuse = (reason: RefusalReason): Admission => ({ kind: 'refused', entry, reason, kid })
  if (body.log !== origin) return refuse('wrong-log')
  if (entry.eid !== idOfBody(body) || entry.type !== body.type) return refuse('wrong-id')
  if (!sameReferences(entry.references, referencesOf(body))) return refuse('wrong-references')
  const key = keyring.get(kid)
  if (key === undefined) return refuse('unknown-key')
  // Only the log's own key speaks about the log itself; only workers speak about the work.
  if (key.role !== (body.type.startsWith('log.') ? 'log' : 'worker')) return refuse('wrong-role')
  if (!(await leafSignedBy(leaf, key.publicKey))) return refuse('bad-signature')
  return { kind: 'admitted', entry, leaf }
}

/** What an entry is about, as its signed body says it. */
export function referencesOf(body: EntryBody): EntryReferences {
  return {
    ...('offboarding' in body ? { offboardingId: body.offboarding } : {}),
    ...('revocation' in body ? { revocationId: body.revocation } : {}),
  }
}

/** A reference left out is forgiven, another one is not. */
function sameReferences(given: EntryReferences, signed: EntryReferences): boolean {
  return (['offboardingId', 'revocationId'] as const).every(
    (key) => given[key] === undefined || given[key] === signed[key],
  )
}
