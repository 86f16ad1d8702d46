import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/**
 * Commitments: what stands in the ledger in place of personal data. Each field of each entry has a key of
 * its own, derived from the random key of its case. Giving somebody the field's key and bytes discloses
 * that field and no other; deleting the case key makes all of them open no more, while every proof of
 * inclusion stays valid.
 */
const CONTEXT = 'quittance-ledger/v1'

/**
 * The key of one field: HKDF-SHA256 (RFC 5869), empty salt.
 *
 * @param caseKey 32 random bytes, one per offboarding
 * @param eid the entry's id, e.g. `revocation.verified:<revocation id>`; no `|`
 * @param path where the commitment stands in the body, e.g. `after.c`
 * @returns 32 bytes
 */
export function fieldKey(caseKey: Buffer, eid: string, path: string): Buffer {
  if (caseKey.length !== 32) throw new RangeError('a case key has 32 bytes')
  // The separator must be unambiguous, or two fields could share a key.
  if (eid.includes('|')) throw new RangeError('an entry id contains no "|"')
  return Buffer.from(hkdfSync('sha256', caseKey, '', `${CONTEXT}|${eid}|${path}`, 32))
}

/** @returns HMAC-SHA256 of `bytes` under the field's key, base64url, 43 characters */
export function commit(caseKey: Buffer, eid: string, path: string, bytes: Uint8Array): string {
  return commitWith(fieldKey(caseKey, eid, path), bytes)
}

/** The commitment under a field key that was disclosed. */
export function commitWith(key: Uint8Array, bytes: Uint8Array): string {
  return createHmac('sha256', key).update(bytes).digest('base64url')
}

/** Do these bytes, under this disclosed key, open the commitment? */
export function opens(commitment: string, key: Uint8Array, bytes: Uint8Array): boolean {
  const expected = Buffer.from(commitWith(key, bytes))
  const given = Buffer.from(commitment)
  return expected.length === given.length && timingSafeEqual(expected, given)
}
