import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import type { SpanFacts, Tracing } from './tracing.ts'

/** ms that one export may take; less than a process has for its end. */
const EXPORT_MS = 2_000
const STOP_MS = 3_000
/** A collector that is away is told about once in so many ms. */
const TELL_MS = 60_000

const KINDS: Readonly<Record<string, SpanKind>> = {
  claim: SpanKind.CONSUMER,
  exchange: SpanKind.CLIENT,
}

/**
 * Spans as OTLP over HTTP. Nothing global is touched: several hubs in one process do not see each other's traces.
 * Sampling, batches and headers follow the OTEL_ variables.
 */
export function createOtlpTracing(options: {
  endpoint: string
  version: string
  log: { warn(fields: object, message: string): void }
}): Tracing {
  const url = `${options.endpoint.replace(/\/+$/, '')}/v1/traces`
  const exporter = told(new OTLPTraceExporter({ url, timeoutMillis: EXPORT_MS }), options.log)
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'quittance',
      'service.version': options.version,
    }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  const tracer = provider.getTracer('quittance', options.version)
  const active = new AsyncLocalStorage<Context>()

  const run = async <T>(
    parent: Context,
    name: string,
    facts: SpanFacts,
    work: () => Promise<T>,
    resultFacts?: (result: T) => SpanFacts,
  ): Promise<T> => {
    const kind = KINDS[name] ?? SpanKind.INTERNAL
    const span = tracer.startSpan(name, { kind, attributes: facts }, parent)
    try {
      const result = await active.run(trace.setSpan(parent, span), work)
      if (resultFacts !== undefined) span.setAttributes(resultFacts(result))
      return result
    } catch (error) {
      failed(span, error)
      throw error
    } finally {
      span.end()
    }
  }

  return {
    request: (name, work) => {
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, ROOT_CONTEXT)
      const end = (facts: SpanFacts = {}): void => {
        if (!span.isRecording()) return
        span.setAttributes(facts)
        span.end()
      }
      active.run(trace.setSpan(ROOT_CONTEXT, span), work, { end })
    },
    part: (name, facts, work, resultFacts) => {
      const context = active.getStore()
      return context === undefined ? work() : run(context, name, facts, work, resultFacts)
    },
    continued: (traceparent, name, facts, work) => {
      const context = contextOf(traceparent)
      return context === undefined ? work() : run(context, name, facts, work)
    },
    past: (traceparent, name, attributes, { from, to }) => {
      const context = contextOf(traceparent)
      if (context === undefined) return
      tracer.startSpan(name, { attributes, startTime: from }, context).end(to)
    },
    traceparent: () => {
      const context = trace.getSpanContext(active.getStore() ?? ROOT_CONTEXT)
      if (context === undefined || (context.traceFlags & TraceFlags.SAMPLED) === 0) return undefined
      return `00-${context.traceId}-${context.spanId}-01`
    },
    stop: async () => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STOP_MS)
      })
      await Promise.race([provider.shutdown(), late]).finally(() => clearTimeout(timer))
    },
  }
}

/** @see https://www.w3.org/TR/trace-context/#traceparent-header */
function contextOf(traceparent: string | undefined): Context | undefined {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '')
  if (match === null) return undefined
  const [, traceId = '', spanId = '', flags = '00'] = match
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : undefined
}

/** Only the kind of error: its message may name a person. */
function failed(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR })
  const { fault, code } = error as { fault?: unknown; code?: unknown }
  const type = [fault, code].find((one) => typeof one === 'string' && /^\w{1,40}$/.test(one))
  span.setAttribute('error.type', String(type ?? (error instanceof Error ? error.name : 'unknown')))
}

/** The exporter, with a word in the log when it does not get through. */
function told(
  exporter: SpanExporter,
  log: { warn(fields: object, message: string): void },
): SpanExporter {
  let toldAt = Number.NEGATIVE_INFINITY
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const now = performance.now()
        if (result.error !== undefined && now - toldAt >= TELL_MS) {
          toldAt = now
          log.warn({ err: result.error, spans: spans.length }, 'traces do not reach the collector')
        }
        done(result)
      }),
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  }
}
