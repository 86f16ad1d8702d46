import { idOfBody, referencesOf } from './entry-id.ts'
import type { EntryReferences, PendingEntry } from './intake.ts'
import { hasIntakeMac } from './intake-mac.ts'
import { type Keyring, signedBy } from './keyring.ts'
import { readLeaf } from './leaf.ts'
import type { RefusalReason } from './store.ts'

export type Admission =
  | { kind: 'admitted'; entry: PendingEntry }
  | { kind: 'refused'; entry: PendingEntry; reason: RefusalReason; kid?: string }

/** How processes of this hub are known: by the key of their rows, and by the one that they sign entries with. */
export interface KnownWriter {
  /** Must be announced in the log: otherwise nobody could check what is sealed. */
  kid: string
  macKey: Buffer
}

/**
 * May this row be sealed? Rows come from a database that others can write to: what is believed is what an
 * announced key has signed, and what stands beside the leaf must agree with it, because it decides which
 * revocation becomes `proven`.
 *
 * @param known whose rows need no second look. A row without their mac, or changed since, is checked in full.
 */
export async function admit(
  entry: PendingEntry,
  origin: string,
  keyring: Keyring,
  known?: KnownWriter,
): Promise<Admission> {
  if (isKnown(entry, origin, keyring, known)) return { kind: 'admitted', entry }
  const read = readLeaf(entry.leaf)
  if (read.kind === 'refused') return { kind: 'refused', entry, reason: 'malformed' }
  const { leaf } = read
  const { body, kid } = leaf
  const refuse = (reason: RefusalReason): Admission => ({ kind: 'refused', entry, reason, kid })
  if (body.log !== origin) return refuse('wrong-log')
  if (entry.eid !== idOfBody(body) || entry.type !== body.type) return refuse('wrong-id')
  if (!sameReferences(entry.references, referencesOf(body))) return refuse('wrong-references')
  const by = await signedBy(leaf, keyring)
  if (by.kind !== 'signed') return refuse(by.kind)
  // From here on the signed body decides what the row is about.
  return { kind: 'admitted', entry: { ...entry, references: referencesOf(body) } }
}

function isKnown(
  entry: PendingEntry,
  origin: string,
  keyring: Keyring,
  known: KnownWriter | undefined,
): boolean {
  if (known === undefined || keyring.get(known.kid)?.role !== 'worker') return false
  // What a worker says about the log itself is refused below, by name.
  return !entry.type.startsWith('log.') && hasIntakeMac(known.macKey, origin, entry)
}

/** A reference left out is forgiven, another one is not. */
function sameReferences(given: EntryReferences, signed: EntryReferences): boolean {
  return (['offboardingId', 'revocationId'] as const).every(
    (key) => given[key] === undefined || given[key] === signed[key],
  )
}
