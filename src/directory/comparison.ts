/**
 * How strings of a resource compare. RFC 7643 §8.7.1 says `caseExact: false` for nearly all of them; these
 * are the exceptions, as `attribute` or `attribute.subAttribute`; the enterprise extension has none.
 */
export const CASE_EXACT_ATTRIBUTES: ReadonlySet<string> = new Set([
  'id',
  'externalId',
  'meta.resourceType',
  'x509Certificates.value',
])

/**
 * The form in which two strings of a `caseExact: false` attribute are equal: composed (NFC), lower case.
 * Stored search forms and filter values must both pass through it.
 */
export function foldCase(value: string): string {
  return value.normalize('NFC').toLowerCase()
}

/** A schema URN as a field name: a dot would be read as a step into the document. */
export function urnField(urn: string): string {
  return urn.replaceAll('.', '_')
}
