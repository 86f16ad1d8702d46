import { silentAfterMs } from '../alerts/feed-findings.ts'
import { ledgerStatus } from '../ledger/status.ts'
import { type Instant, SECOND } from '../shared/clock.ts'
import type { Metrics, Sample } from '../telemetry/metrics.ts'
import type { Parts } from './parts.ts'

/** Classes of apps; each has a value, be it 0. */
const CLASSES = [0, 1, 2, 3] as const

/** What every process shows of the state of the hub. Each part is read by itself: one that fails hides no other. */
export function showState({
  config,
  stores,
  metrics,
}: Pick<Parts, 'config' | 'stores'> & { metrics: Pick<Metrics, 'onScrape'> }): void {
  const { clock, gauges } = stores
  const seconds = (ms: number): number => ms / SECOND
  const age = (since: Instant | null): number =>
    since === null ? 0 : Math.max(seconds(clock.now() - since), 0)

  metrics.onScrape(async () => {
    const now = clock.now()
    const open = await gauges.open(now)
    const sum = (kind: 'open' | 'overdue' | 'human'): number =>
      open.reduce((all, one) => all + one[kind], 0)
    const ofClass = (wanted: number): number =>
      open.find((one) => one.class === wanted)?.overdue ?? 0
    return [
      ...(['open', 'overdue', 'human'] as const).map(
        (kind): Sample => ({ gauge: 'revocations', labels: { kind }, value: sum(kind) }),
      ),
      ...CLASSES.map(
        (one): Sample => ({
          gauge: 'overdue',
          labels: { class: String(one) },
          value: ofClass(one),
        }),
      ),
      {
        gauge: 'oldestOpen',
        value: open.length === 0 ? 0 : age(Math.min(...open.map((one) => one.firstOpenedAt))),
      },
      ...(open.length === 0
        ? []
        : [
            {
              gauge: 'nextDeadline' as const,
              value: seconds(Math.min(...open.map((one) => one.firstDeadlineAt)) - now),
            },
          ]),
    ]
  })

  metrics.onScrape(async () => {
    const { due, leased, oldestDueAt } = await gauges.lanes(clock.now())
    return [
      { gauge: 'lanes', labels: { state: 'due' }, value: due },
      { gauge: 'lanes', labels: { state: 'leased' }, value: leased },
      { gauge: 'oldestDue', value: age(oldestDueAt) },
    ]
  })

  metrics.onScrape(async () => {
    const status = await ledgerStatus(config.ledgerOrigin, stores.ledger, undefined)
    const { waiting, sealed, lag, signer } = status
    const refuses = signer !== null && signer.refused !== null
    return [
      { gauge: 'ledgerEntries', labels: { state: 'sealed' }, value: sealed.size },
      { gauge: 'ledgerEntries', labels: { state: 'unsigned' }, value: lag },
      { gauge: 'ledgerEntries', labels: { state: 'waiting' }, value: waiting.count },
      { gauge: 'ledgerWaiting', value: age(waiting.since) },
      { gauge: 'ledgerRefused', value: refuses ? 1 : 0 },
    ]
  })

  metrics.onScrape(async () => {
    const now = clock.now()
    const silences = (await stores.feeds()).flatMap(({ lastCallAt, ...feed }) =>
      lastCallAt === undefined
        ? []
        : [{ ms: Math.max(now - lastCallAt, 0), most: silentAfterMs(feed) }],
    )
    const silent = silences.filter(({ ms, most }) => ms >= most).length
    return [
      { gauge: 'feedsSilent', value: silent },
      ...(silences.length === 0
        ? []
        : [
            {
              gauge: 'feedSilence' as const,
              value: seconds(Math.max(...silences.map(({ ms }) => ms))),
            },
          ]),
    ]
  })

  metrics.onScrape(async () => {
    const [alerts, deliveries] = await Promise.all([gauges.alerts(), gauges.deliveries()])
    return [
      ...alerts.map(
        ({ rule, count }): Sample => ({ gauge: 'alerts', labels: { rule }, value: count }),
      ),
      { gauge: 'deliveries', labels: { state: 'waiting' }, value: deliveries.waiting },
      { gauge: 'deliveries', labels: { state: 'undelivered' }, value: deliveries.undelivered },
    ]
  })
}
