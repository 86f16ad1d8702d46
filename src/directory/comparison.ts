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

/** The one extension whose schema is fixed: nothing in it is caseExact, nothing a date. */
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/**
 * Whether an extension is declared by configuration. What it says of an attribute may change between two
 * starts, while stored search forms stay: so they hold the strings of such an extension in every form that a
 * filter may ask for. No attribute name has a `~`.
 */
export const isDeclared = (urn: string): boolean => urn !== ENTERPRISE

/** Beside the folded string: as it is. */
export const EXACT_FORM = '~exact'
/** Beside a string that is a date: milliseconds since the epoch. */
export const INSTANT_FORM = '~instant'
/** What a value must look like to be compared as a date (RFC 7643 §2.3.5). */
export const DATE_FORM = /^\d{4}-\d\d-\d\dT/
