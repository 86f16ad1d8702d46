import canonicalize from 'canonicalize'

/**
 * The JSON Canonicalization Scheme bytes of a value.
 *
 * The value must survive a round trip through JSON unchanged; `undefined`, functions, class instances and
 * unsafe numbers are refused, because implementations of RFC 8785 disagree about them.
 *
 * @throws TypeError when the value has no single canonical form
 * @see RFC 8785
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined || canonicalize(JSON.parse(text)) !== text) {
    throw new TypeError('value has no single canonical JSON form')
  }
  return text
}
