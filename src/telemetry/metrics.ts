import { performance } from 'node:perf_hooks'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { DAY } from '../shared/clock.ts'
import { EVENTS, GAUGES, type MetricDefinition } from './metric-list.ts'

interface RequestDone {
  /** `scim`, `api`, `oauth`, `auth`, `apps`, `ledger`, `metrics`, `health` or `web`. */
  room: string
  method: string
  status: number
  seconds: number
}

/** One value of a gauge, with a value for each of its labels. */
export interface Sample {
  gauge: keyof typeof GAUGES
  labels?: Readonly<Record<string, string>>
  value: number
}

/** All numbers that the hub shows about itself. Labels never name people, sources or apps. */
export interface Metrics {
  requestDone(request: RequestDone): void
  authenticationFailed(room: 'scim' | 'api'): void
  /** What the dialect of a source was forgiven in one request. */
  tolerated(kinds: Iterable<string>): void
  /** A right token of a source came from an address that may not use it. */
  addressRefused(): void
  /** One call to an application: what kind, which connector, how it ended. */
  connectorCallDone(call: {
    connectorId: string
    operation: string
    /** `ok` or the fault. */
    outcome: string
    seconds: number
  }): void
  /** From the SCIM answer to the sealed proof. */
  revocationProven(secondsSinceOpened: number): void
  /** Read at each scrape; a failure is shown as `hub_scrape_errors_total`, not as zeros. */
  onScrape(read: () => Promise<readonly Sample[]>): void
  /** Text in the Prometheus exposition format. */
  text(): Promise<string>
  readonly contentType: string
}

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])

/** @param options.process true adds memory, event loop and garbage collection of this process */
export function createMetrics(options: { process: boolean } = { process: true }): Metrics {
  const registry = new Registry()
  const registers = [registry]
  if (options.process) showProcess(registry)
  const made = ({ name, help, labels, buckets }: MetricDefinition) => ({
    name,
    help,
    labelNames: [...labels],
    registers,
    ...(buckets === undefined ? {} : { buckets: [...buckets] }),
  })

  const requests = new Histogram(made(EVENTS.requests))
  const authentication = new Counter(made(EVENTS.authentication))
  const addresses = new Counter(made(EVENTS.addresses))
  const tolerated = new Counter(made(EVENTS.tolerated))
  const connectorCalls = new Histogram(made(EVENTS.connectorCalls))
  const proven = new Histogram(made(EVENTS.proven))
  const scrapeErrors = new Counter(made(EVENTS.scrapeErrors))
  const gauges = new Map(
    Object.entries(GAUGES).map(([key, definition]) => [key, new Gauge(made(definition))]),
  )
  const readers: (() => Promise<readonly Sample[]>)[] = options.process ? [eventLoop()] : []

  return {
    requestDone: ({ room, method, status, seconds }) =>
      requests.observe(
        { room, method: METHODS.has(method) ? method : 'other', status: String(status) },
        seconds,
      ),
    authenticationFailed: (room) => authentication.inc({ room }),
    addressRefused: () => addresses.inc(),
    tolerated: (kinds) => {
      for (const kind of kinds) tolerated.inc({ kind })
    },
    connectorCallDone: ({ connectorId, operation, outcome, seconds }) =>
      connectorCalls.observe({ connector: connectorId, operation, outcome }, seconds),
    revocationProven: (seconds) => proven.observe(seconds),
    onScrape: (read) => {
      readers.push(read)
    },
    text: async () => {
      const parts = await Promise.allSettled(readers.map((read) => read()))
      // Without a pause from here on: two scrapes at once would mix their values.
      for (const gauge of gauges.values()) {
        gauge.reset()
        // What is not read is absent, not 0.
        gauge.remove({})
      }
      for (const part of parts) {
        if (part.status === 'rejected') {
          // Counted, not hidden: zeros would look like "nothing is open".
          scrapeErrors.inc()
          continue
        }
        for (const { gauge, labels = {}, value } of part.value)
          gauges.get(gauge)?.set(labels, value)
      }
      return await registry.metrics()
    },
    contentType: registry.contentType,
  }
}

/** What prom-client knows of a process, without its monitor of delays: that wakes an idle process a hundred times a second. */
function showProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: DAY })
  for (const of of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99']) {
    registry.removeSingleMetric(`nodejs_eventloop_lag_${of}_seconds`)
  }
}

/** Busy time of the event loop; Node.js counts it anyway. */
function eventLoop(): () => Promise<readonly Sample[]> {
  let before = performance.eventLoopUtilization()
  return async () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return [{ gauge: 'eventLoop', value: utilization }]
  }
}
