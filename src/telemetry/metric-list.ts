/** One metric as Prometheus sees it. docs/telemetry.md has a table of them. */
export interface MetricDefinition {
  name: string
  kind: 'counter' | 'gauge' | 'histogram'
  help: string
  /** Each has few values: never a person, a source or an app. */
  labels: readonly string[]
  /** Upper bounds, in the unit of the name. */
  buckets?: readonly number[]
}

/** What happens, counted by the process in which it happens. */
export const EVENTS = {
  requests: {
    name: 'hub_http_request_seconds',
    kind: 'histogram',
    help: 'Time from the request line to the end of the answer.',
    labels: ['room', 'method', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 8],
  },
  authentication: {
    name: 'hub_authentication_failures_total',
    kind: 'counter',
    help: 'Requests with a missing, wrong or expired credential.',
    labels: ['room'],
  },
  addresses: {
    name: 'hub_source_address_refused_total',
    kind: 'counter',
    help: 'Requests with a right token of a source, from an address outside its networks.',
    labels: [],
  },
  tolerated: {
    name: 'hub_scim_tolerated_total',
    kind: 'counter',
    help: 'SCIM requests in which a dialect was forgiven a departure from the RFCs, by kind.',
    labels: ['kind'],
  },
  connectorCalls: {
    name: 'hub_connector_call_seconds',
    kind: 'histogram',
    help: 'Calls to applications by connector, operation and outcome: ok or the fault.',
    labels: ['connector', 'operation', 'outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  proven: {
    name: 'hub_revocation_proven_seconds',
    kind: 'histogram',
    help: 'Time from the opening of a revocation to its sealed proof, in the process that seals.',
    labels: [],
    buckets: [1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400],
  },
  scrapeErrors: {
    name: 'hub_scrape_errors_total',
    kind: 'counter',
    help: 'Parts of the state that a scrape could not read; their gauges are then absent.',
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>

/** The state of the whole hub, read from the storage at each scrape: the same from every process. */
export const GAUGES = {
  revocations: {
    name: 'hub_revocations',
    kind: 'gauge',
    help: 'Revocations that are not proven, waived or superseded: open, of these overdue, of these waiting for a person (human).',
    labels: ['kind'],
  },
  overdue: {
    name: 'hub_revocations_overdue',
    kind: 'gauge',
    help: 'Open revocations past their deadline, by class.',
    labels: ['class'],
  },
  oldestOpen: {
    name: 'hub_revocation_oldest_open_seconds',
    kind: 'gauge',
    help: 'Age of the revocation that is open for the longest time; 0 when none is.',
    labels: [],
  },
  nextDeadline: {
    name: 'hub_revocation_next_deadline_seconds',
    kind: 'gauge',
    help: 'Time until the earliest deadline of what is open, below 0 once it has passed; absent when nothing is open.',
    labels: [],
  },
  lanes: {
    name: 'hub_lanes',
    kind: 'gauge',
    help: 'Work by person and application: due now and waiting for a worker (due, at most 10000 are counted), in the hands of one (leased).',
    labels: ['state'],
  },
  oldestDue: {
    name: 'hub_lane_oldest_due_seconds',
    kind: 'gauge',
    help: 'How long the oldest due work waits for a worker; 0 when none does.',
    labels: [],
  },
  ledgerEntries: {
    name: 'hub_ledger_entries',
    kind: 'gauge',
    help: 'Entries of the ledger: sealed, of these unsigned, and waiting to be sealed.',
    labels: ['state'],
  },
  ledgerWaiting: {
    name: 'hub_ledger_oldest_waiting_seconds',
    kind: 'gauge',
    help: 'How long the oldest entry waits to be sealed; 0 when none does.',
    labels: [],
  },
  ledgerRefused: {
    name: 'hub_ledger_signer_refuses',
    kind: 'gauge',
    help: '1 while the signer refuses to sign, because the ledger is not the one that it signed before.',
    labels: [],
  },
  feedsSilent: {
    name: 'hub_feeds_silent',
    kind: 'gauge',
    help: 'Sources that have called before and are silent for longer than they usually are.',
    labels: [],
  },
  feedSilence: {
    name: 'hub_feed_longest_silence_seconds',
    kind: 'gauge',
    help: 'Time since the last call of the source that is quiet for the longest time; absent while none has ever called.',
    labels: [],
  },
  alerts: {
    name: 'hub_alerts',
    kind: 'gauge',
    help: 'Alerts that are open or acknowledged, by rule.',
    labels: ['rule'],
  },
  deliveries: {
    name: 'hub_alert_deliveries',
    kind: 'gauge',
    help: 'Alerts on their way to receivers: waiting for a try, or given up (undelivered).',
    labels: ['state'],
  },
  eventLoop: {
    name: 'hub_event_loop_utilization',
    kind: 'gauge',
    help: 'Share of the time since the last scrape in which the event loop of this process was busy, 0 to 1.',
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>

/** All of them, in the order of the documentation. Processes add `process_*` and `nodejs_*`. */
export const METRIC_LIST: readonly MetricDefinition[] = [
  ...Object.values(EVENTS),
  ...Object.values(GAUGES),
]

/**
 * A page with the table of these metrics between its marks.
 *
 * @throws RangeError when the page has no marks
 */
export function withMetricTable(
  page: string,
  list: readonly MetricDefinition[] = METRIC_LIST,
): string {
  const marks = /(<!-- metrics -->\n)[\s\S]*(\n<!-- \/metrics -->)/
  if (!marks.test(page)) throw new RangeError('the page has no marks for metrics')
  const rows = list.map(
    ({ name, kind, labels, help }) =>
      `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  )
  const table = ['| Metric | Kind | Labels | Meaning |', '|---|---|---|---|', ...rows].join('\n')
  return page.replace(marks, (_, begin: string, end: string) => `${begin}\n${table}\n${end}`)
}
