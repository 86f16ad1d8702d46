/**
 * Takes credentials and the commonest personal data out of a text: the hub's tokens, bearer credentials,
 * passwords in URLs, e-mail addresses, and the key values that MongoDB quotes in a duplicate key error.
 */
export function scrub(text: string): string {
  return text
    .replace(/dup key: \{.*\}/gs, 'dup key: [redacted]')
    .replace(/qtc_[a-z]+_[A-Za-z0-9_-]{20,}/g, '[token]')
    .replace(/\b(Bearer|Basic) +[A-Za-z0-9\-._~+/]{8,}=*/gi, '$1 [redacted]')
    .replace(/:\/\/[^\s/@:]+:[^\s/@]+@/g, '://[redacted]@')
    .replace(/[^\s@"'<>(){}:,=]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,}/g, '[e-mail]')
}

const MAX_CAUSES = 5

/** An error as a log field: name, code, scrubbed message and stack, and its causes. Further fields stay out. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return scrub(String(error))
  const { code } = error as { code?: unknown }
  return {
    name: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: scrub(error.message),
    stack: scrub(error.stack ?? ''),
    ...(error.cause !== undefined && depth < MAX_CAUSES
      ? { cause: describeError(error.cause, depth + 1) }
      : {}),
  }
}
