/** What a span says beside its name and times. Ids, codes, numbers and host names; no personal data. */
export type SpanFacts = Readonly<Record<string, string | number>>

/** A span that is open. */
export interface OpenSpan {
  /** Ends it, once. */
  end(facts?: SpanFacts): void
}

/**
 * Traces of what requests lead to. They cross the durable queue as a traceparent that is stored with the work. What
 * no request has led to is not traced.
 */
export interface Tracing {
  /** Begins a trace. All that `work` does, and what follows from it, belongs to it. */
  request(name: string, work: (span: OpenSpan) => void): void
  /** A part of the trace under way; outside of one, only the work is done. */
  part<T>(
    name: string,
    facts: SpanFacts,
    work: () => Promise<T>,
    resultFacts?: (result: T) => SpanFacts,
  ): Promise<T>
  /** Goes on with a trace that was begun elsewhere; without a traceparent, only the work is done. */
  continued<T>(
    traceparent: string | undefined,
    name: string,
    facts: SpanFacts,
    work: () => Promise<T>,
  ): Promise<T>
  /** A part that is over. @param times ms since the epoch, by this machine's clock */
  past(
    traceparent: string,
    name: string,
    facts: SpanFacts,
    times: { from: number; to: number },
  ): void
  /** Of the span under way (W3C Trace Context §3.2); undefined when it is not recorded. */
  traceparent(): string | undefined
  /** Sends what is left; resolves within three seconds, whatever the collector does. */
  stop(): Promise<void>
}

/** Work is done, and nothing else. */
export const NO_TRACING: Tracing = {
  request: (_name, work) => work({ end: () => {} }),
  part: (_name, _facts, work) => work(),
  continued: (_traceparent, _name, _facts, work) => work(),
  past: () => {},
  traceparent: () => undefined,
  stop: async () => {},
}

/**
 * Traces that go to an OpenTelemetry collector. Its libraries are loaded only when there is one.
 *
 * @param options.endpoint base URL of OTLP over HTTP, e.g. `http://127.0.0.1:4318`; undefined: no traces
 */
export async function createTracing(options: {
  endpoint: string | undefined
  version: string
  log: { warn(fields: object, message: string): void }
}): Promise<Tracing> {
  const { endpoint } = options
  if (endpoint === undefined) return NO_TRACING
  const { createOtlpTracing } = await import('./otlp.ts')
  return createOtlpTracing({ ...options, endpoint })
}
