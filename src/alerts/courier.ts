import { createLoop, type Loop } from '../revocation/loop.ts'
import { assertNever } from '../shared/assert-never.ts'
import { type Clock, HOUR, MINUTE, SECOND } from '../shared/clock.ts'
import type { Finding } from './alert.ts'
import type { Delivery, DeliveryStore } from './delivery.ts'
import type { Look } from './look.ts'
import type { Delivered, Sink } from './sink.ts'

/** Waits before the next tries; the last one repeats. */
const WAITS_MS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR] as const
/** About seven hours; then a person must look at the receiver. */
const MOST_ATTEMPTS = 12
/** Longer than any try: a process that still lives keeps its delivery. */
const LEASE_MS = MINUTE
const IDLE_MS = 2 * SECOND
const SPREAD_AT_ONCE = 100

export interface Courier {
  start(): void
  /** An alert was raised or resolved in this process. */
  poke(): void
  stop(): Promise<void>
  /** One round of everything that is due, without the loops; for tests and tools. */
  round(): Promise<void>
}

/**
 * Carries what alerts announce to the sinks. Any number of processes may; each delivery is in the hands of one of them.
 * A sink that is slow or away delays no other.
 */
export function createCourier(options: {
  deliveries: DeliveryStore
  sinks: readonly Sink[]
  clock: Clock
  newId(): string
  log: {
    info(f: object, m: string): void
    warn(f: object, m: string): void
    error(f: object, m: string): void
  }
}): Courier {
  const { deliveries, sinks, clock, log } = options
  const stopping = new AbortController()

  const spread = async (): Promise<number> => {
    const count = await deliveries.spread(
      (event) => sinks.filter((sink) => sink.wants(event)).map(({ id }) => id),
      SPREAD_AT_ONCE,
      clock.now(),
    )
    if (count > 0) for (const loop of senders) loop.poke()
    if (count === SPREAD_AT_ONCE) return 0
    return sinks.length === 0 ? MINUTE : IDLE_MS
  }

  /** It takes alerts again: what it missed goes out, too. */
  const retryKept = async (sinkId: string): Promise<void> => {
    const count = await deliveries.retryDead(sinkId, clock.now())
    if (count > 0) log.info({ sinkId, count }, 'alerts that were given up are tried again')
  }

  const settle = async (delivery: Delivery, result: Delivered): Promise<void> => {
    const { sinkId, attempts, event } = delivery
    const fields = { sinkId, alertId: event.alert.id, attempt: attempts }
    switch (result.kind) {
      case 'delivered':
        await deliveries.delivered(delivery, clock.now())
        log.info(fields, 'an alert was delivered')
        await retryKept(sinkId)
        return
      case 'failed':
        if (attempts < MOST_ATTEMPTS) {
          const wait = Math.max(backoffMs(attempts), result.retryAfterMs ?? 0)
          await deliveries.failed(delivery, result.reason, clock.now() + wait)
          log.info({ ...fields, reason: result.reason }, 'an alert is tried again')
          return
        }
        break
      case 'gone':
        break
      default:
        assertNever(result)
    }
    await deliveries.gaveUp(delivery, result.reason, clock.now())
    log.error({ ...fields, reason: result.reason }, 'an alert was not delivered; no more tries')
  }

  const sendOne = async (sink: Sink): Promise<boolean> => {
    const now = clock.now()
    const leaseId = options.newId()
    const delivery = await deliveries.claim({
      sinkId: sink.id,
      leaseId,
      now,
      until: now + LEASE_MS,
    })
    if (delivery === undefined) return false
    await settle(delivery, await sink.deliver(delivery.event, stopping.signal))
    return true
  }

  const spreader = createLoop({ name: 'alert spreader', run: spread, log })
  const senders: Loop[] = sinks.map((sink) =>
    createLoop({
      name: `sink ${sink.id}`,
      run: async () => ((await sendOne(sink)) ? 0 : IDLE_MS),
      log,
    }),
  )
  return {
    start: () => {
      for (const loop of [spreader, ...senders]) loop.start()
    },
    poke: spreader.poke,
    stop: async () => {
      stopping.abort()
      await Promise.all([spreader, ...senders].map((loop) => loop.stop()))
      await Promise.all(sinks.map((sink) => sink.close()))
    },
    round: async () => {
      while ((await spread()) === 0);
      for (const sink of sinks) while (await sendOne(sink));
    },
  }
}

/** @param attempts tries so far, at least 1 */
export function backoffMs(attempts: number): number {
  return WAITS_MS[Math.min(attempts, WAITS_MS.length) - 1] ?? HOUR
}

/** Sinks that take nothing any more, told through the others; over when one delivery gets through. */
export function deliveryLook(
  deliveries: Pick<DeliveryStore, 'dead'>,
  sinkIds: readonly string[],
): Look {
  return {
    rules: ['alert-undelivered'],
    async *findings() {
      for (const { sinkId, count, reason } of await deliveries.dead(sinkIds)) {
        const finding: Finding = {
          rule: 'alert-undelivered',
          key: sinkId,
          about: { sinkId },
          facts: { count, reason },
        }
        yield finding
      }
    },
  }
}
