import type { Instant } from '../shared/clock.ts'
import type { AlertEvent } from './alert-event.ts'

/** One event on its way to one sink, in the hands of one process until its lease ends. */
export interface Delivery {
  id: string
  sinkId: string
  event: AlertEvent
  /** Tries, this one included. */
  attempts: number
  leaseId: string
}

/** A sink that has given up on deliveries, and has taken none since. */
export interface DeadSink {
  sinkId: string
  count: number
  /** Of the newest one; no secrets. */
  reason: string
}

type Held = Pick<Delivery, 'id' | 'leaseId'>

/**
 * The queue between alerts and sinks. What is to be told is written into the alert's own document in the same update
 * that opens or resolves it; `spread` makes deliveries of it. So nothing that was raised can miss its way, and whoever
 * raises needs to know no sink.
 */
export interface DeliveryStore {
  /**
   * Makes one delivery for each event and each sink that wants it. Safe to repeat and from several processes.
   *
   * @param sinksFor ids of sinks
   * @returns how many alerts were spread; `limit` says that there may be more
   */
  spread(
    sinksFor: (event: AlertEvent) => readonly string[],
    limit: number,
    now: Instant,
  ): Promise<number>
  /** The longest due one, until `until` for this process alone. A process that dies is replaced after that. */
  claim(options: {
    sinkId: string
    leaseId: string
    now: Instant
    until: Instant
  }): Promise<Delivery | undefined>
  /** False when the lease was lost meanwhile: another process delivers it again. */
  delivered(held: Held, now: Instant): Promise<boolean>
  /** Tried again from `dueAt` on. False as above. */
  failed(held: Held, reason: string, dueAt: Instant): Promise<boolean>
  /** Kept, and tried again when the sink takes another one. False as above. */
  gaveUp(held: Held, reason: string, now: Instant): Promise<boolean>
  /** Of the sinks in `sinkIds`. */
  dead(sinkIds: readonly string[]): Promise<DeadSink[]>
  /** Puts what was given up into the queue again; returns how many. */
  retryDead(sinkId: string, now: Instant): Promise<number>
}
