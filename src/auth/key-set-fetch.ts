import { createEgress } from '../connector-sdk/egress.ts'
import { createHttpClient } from '../connector-sdk/http.ts'
import { createRedactor } from '../connector-sdk/redact.ts'
import { systemClock } from '../shared/clock.ts'

/** Reads a key set (RFC 7517 §5) as text. Throws when it cannot. */
export type KeySetFetch = (
  url: string,
  options: { allowNetworks: readonly string[]; signal: AbortSignal },
) => Promise<string>

/** Microsoft's key set has about 20 kB. */
const MAX_BYTES = 256 * 1024
const TIMEOUT_MS = 4_000

/**
 * Fetches key sets by the rules of the way out: https to public addresses; others, and plain HTTP, only inside
 * `allowNetworks`; no redirects, bounded in size and time.
 */
export const fetchKeySet: KeySetFetch = async (url, { allowNetworks, signal }) => {
  const egress = createEgress({ allowNetworks, maxBytes: MAX_BYTES })
  try {
    const client = createHttpClient({
      egress,
      timeoutMs: TIMEOUT_MS,
      redactor: createRedactor(),
      signal,
      clock: systemClock,
    })
    const { status, body } = await client.send({
      method: 'GET',
      url,
      headers: { accept: 'application/jwk-set+json, application/json' },
    })
    if (status !== 200) throw new Error(`the key set was answered with ${status}`)
    return body
  } finally {
    await egress.close()
  }
}
