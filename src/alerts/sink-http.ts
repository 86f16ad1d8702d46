import { isConnectorError } from '../connector-sdk/contract.ts'
import { createEgress } from '../connector-sdk/egress.ts'
import { createHttpClient } from '../connector-sdk/http.ts'
import { createRedactor } from '../connector-sdk/redact.ts'
import { retryAfterMs } from '../connector-sdk/retry-after.ts'
import type { Clock } from '../shared/clock.ts'
import { type Delivered, SINK_TIMEOUT_MS } from './sink.ts'

/** Posts to one receiver through the hub's guarded way out: no redirects, no metadata addresses, no private networks unless allowed. */
export interface SinkHttp {
  post(
    request: { url: string; headers: Record<string, string>; body: string },
    signal: AbortSignal,
  ): Promise<Delivered>
  close(): Promise<void>
}

/** @param options.secrets never appear in a reason */
export function createSinkHttp(options: {
  allowNetworks: readonly string[]
  ca: string | undefined
  secrets: readonly string[]
  clock: Clock
}): SinkHttp {
  const { allowNetworks, ca, clock } = options
  const egress = createEgress({
    allowNetworks,
    maxBytes: 64 * 1024,
    ...(ca === undefined ? {} : { ca }),
  })
  const redactor = createRedactor(options.secrets)
  return {
    post: async ({ url, headers, body }, signal) => {
      const http = createHttpClient({ egress, timeoutMs: SINK_TIMEOUT_MS, redactor, signal, clock })
      try {
        const answer = await http.send({
          method: 'POST',
          url,
          headers: { 'content-type': 'application/json', ...headers },
          body,
        })
        if (answer.status < 300) return { kind: 'delivered' }
        const reason = `it answered ${answer.status}`
        if (answer.status === 410) return { kind: 'gone', reason }
        const wait = retryAfterMs(answer.headers, clock.now())
        return { kind: 'failed', reason, ...(wait === undefined ? {} : { retryAfterMs: wait }) }
      } catch (error) {
        if (!isConnectorError(error)) throw error
        return { kind: 'failed', reason: error.message }
      }
    },
    close: () => egress.close(),
  }
}
