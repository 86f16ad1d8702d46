/** Takes every known secret out of a text. */
export interface Redactor {
  redact(text: string): string
  /** From now on this one too, e.g. an access token that was fetched on the way. */
  add(secret: string): void
}

const MASK = '[redacted]'

/** Shorter ones would blank out ordinary words ("true") and leave no evidence. */
const SHORTEST = 4

/**
 * Knows each secret in the forms in which it may come back: as it is, JSON-escaped, URL-encoded, in hex, and in
 * base64 and base64url at any of the three byte offsets (as inside `Basic` credentials).
 */
export function createRedactor(secrets: readonly string[] = []): Redactor {
  const forms = new Set<string>()
  let longestFirst: string[] = []
  const add = (secret: string): void => {
    for (const form of formsOf(secret)) forms.add(form)
    longestFirst = [...forms].sort((a, b) => b.length - a.length)
  }
  for (const secret of secrets) add(secret)
  return {
    add,
    redact: (text) => longestFirst.reduce((rest, form) => rest.replaceAll(form, MASK), text),
  }
}

function formsOf(secret: string): string[] {
  const plain = secret.trim()
  if (plain.length < SHORTEST) return []
  const bytes = Buffer.from(plain)
  const encoded = encodeURIComponent(plain)
  // RFC 3986 §2.1 and forms: %2f and %2F, + for a space.
  const urls = [encoded, lowerEscapes(encoded), encoded.replaceAll('%20', '+')]
  const whole = [bytes.toString('base64'), bytes.toString('base64url')]
  const forms = [
    plain,
    JSON.stringify(plain).slice(1, -1),
    ...urls,
    bytes.toString('hex'),
    ...whole,
    ...whole.map((form) => form.replace(/=+$/, '')),
    ...shifted(bytes),
  ]
  // `whsec_…` and the like: the part behind the prefix is the key.
  const unprefixed = /^[a-z]+_(.{16,})$/.exec(plain)?.[1]
  return unprefixed === undefined ? forms : [...forms, ...formsOf(unprefixed)]
}

function lowerEscapes(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (triplet) => triplet.toLowerCase())
}

/** Base64 of the bytes when 1 or 2 other bytes stand before them, without the characters that also depend on neighbours. */
function shifted(bytes: Buffer): string[] {
  return [0, 1, 2]
    .flatMap((offset) => {
      const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
      const head = offset === 0 ? 0 : offset + 1
      const stray = (bytes.length + offset) % 3
      const core = text.replace(/=+$/, '').slice(head)
      const inner = stray === 0 ? core : core.slice(0, -1)
      return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')]
    })
    .filter((form) => form.length >= 8)
}
