import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

interface RequestDone {
  /** `scim`, `api`, `oauth`, `auth`, `ledger`, `metrics`, `health` or `web`. */
  room: string
  method: string
  status: number
  seconds: number
}

/** How much is owed now. */
interface Owed {
  open: number
  /** Open past the deadline. */
  overdue: number
  /** Open and waiting for a person. */
  human: number
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
  onScrape(read: () => Promise<Owed>): void
  /** Text in the Prometheus exposition format. */
  text(): Promise<string>
  readonly contentType: string
}

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])

/** @param options.process true adds memory, event loop and garbage collection of this process */
export function createMetrics(options: { process: boolean } = { process: true }): Metrics {
  const registry = new Registry()
  const registers = [registry]
  if (options.process) collectDefaultMetrics({ register: registry })

  const requests = new Histogram({
    name: 'hub_http_request_seconds',
    help: 'Time from the request line to the end of the answer.',
    labelNames: ['room', 'method', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 8],
    registers,
  })
  const authentication = new Counter({
    name: 'hub_authentication_failures_total',
    help: 'Requests with a missing, wrong or expired credential.',
    labelNames: ['room'],
    registers,
  })
  const addresses = new Counter({
    name: 'hub_source_address_refused_total',
    help: 'Requests with a right token of a source, from an address outside its networks.',
    registers,
  })
  const tolerated = new Counter({
    name: 'hub_scim_tolerated_total',
    help: 'SCIM requests in which a dialect was forgiven a departure from the RFCs, by kind.',
    labelNames: ['kind'],
    registers,
  })
  const connectorCalls = new Histogram({
    name: 'hub_connector_call_seconds',
    help: 'Calls to applications by connector, operation and outcome.',
    labelNames: ['connector', 'operation', 'outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const proven = new Histogram({
    name: 'hub_revocation_proven_seconds',
    help: 'Time from the opening of a revocation to its sealed proof.',
    buckets: [1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400],
    registers,
  })
  const owed = new Gauge({
    name: 'hub_revocations',
    help: 'Revocations that are not proven, waived or superseded: open, of these overdue, of these waiting for a person (human).',
    labelNames: ['kind'],
    registers,
  })
  const scrapeErrors = new Counter({
    name: 'hub_scrape_errors_total',
    help: 'Scrapes that could not read the storage; gauges of the storage are then absent.',
    registers,
  })
  const readers: (() => Promise<Owed>)[] = []

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
      owed.reset()
      for (const read of readers) {
        try {
          const { open, overdue, human } = await read()
          for (const [kind, count] of Object.entries({ open, overdue, human })) {
            owed.inc({ kind }, count)
          }
        } catch {
          // Counted, not hidden: zeros would look like "nothing is open".
          scrapeErrors.inc()
        }
      }
      return await registry.metrics()
    },
    contentType: registry.contentType,
  }
}
