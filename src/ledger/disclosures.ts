import type { CertificateMaterial } from './certificate.ts'
import type { Disclosure } from './certificate-format.ts'
import { commitWith, fieldKey } from './commitment.ts'
import type { EntryBody } from './entries.ts'
import { idOfBody } from './entry-id.ts'
import { readLeaf } from './leaf.ts'

/** Where an entry holds commitments that may be opened, and to what. */
export function commitmentsOf(body: EntryBody): { path: string; commitment: string }[] {
  switch (body.type) {
    case 'offboarding.opened':
      return [{ path: 'subject', commitment: body.subject }]
    case 'revocation.verified':
      return [
        { path: 'account', commitment: body.account },
        { path: 'after.c', commitment: body.after.c },
        ...(body.before === undefined ? [] : [{ path: 'before.c', commitment: body.before.c }]),
        ...(body.request === undefined ? [] : [{ path: 'request.c', commitment: body.request.c }]),
      ]
    case 'revocation.unverifiable':
      return [
        { path: 'account', commitment: body.account },
        { path: 'request.c', commitment: body.request.c },
      ]
    case 'offboarding.amended':
    case 'revocation.waived':
      return [{ path: 'reason', commitment: body.reason }]
    default:
      return []
  }
}

/** A certificate is for people: evidence beyond this is left out, its commitments stay closed. */
const MAX_DISCLOSED = 24 * 1024 * 1024

/**
 * Opens what can be opened: for each commitment, the bytes it was made of and the key of that one field.
 * Nothing is said about which bytes belong where: those that give the commitment do.
 */
export function discloseFields({
  caseKey,
  secrets,
  entries,
}: Pick<CertificateMaterial, 'caseKey' | 'secrets' | 'entries'>): Disclosure[] {
  if (caseKey === undefined) return []
  const disclosed: Disclosure[] = []
  let size = 0
  for (const entry of entries) {
    const read = readLeaf(entry.leaf)
    if (read.kind !== 'leaf') continue
    const eid = idOfBody(read.leaf.body)
    for (const { path, commitment } of commitmentsOf(read.leaf.body)) {
      const key = fieldKey(caseKey, eid, path)
      const bytes = secrets.find((candidate) => commitWith(key, candidate) === commitment)
      if (bytes === undefined || size + bytes.length > MAX_DISCLOSED) continue
      size += bytes.length
      const encoded = bytes.toString('base64')
      disclosed.push({ bytes: encoded, entry: eid, key: key.toString('base64url'), path })
    }
  }
  return disclosed
}
