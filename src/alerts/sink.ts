import type { AlertEvent } from './alert-event.ts'

/** How one try ended. Reasons go into the log and into alerts: no secrets, no addresses with secrets. */
export type Delivered =
  | { kind: 'delivered' }
  | { kind: 'failed'; reason: string; retryAfterMs?: number }
  /** The receiver wants nothing more of this kind (HTTP 410). */
  | { kind: 'gone'; reason: string }

/** A place where alerts go. */
export interface Sink {
  id: string
  wants(event: AlertEvent): boolean
  /**
   * One try, over within 20 s. At least once: the same event may come again, with the same `event.id`.
   * Does not throw for what the receiver or the network does.
   */
  deliver(event: AlertEvent, signal: AbortSignal): Promise<Delivered>
  close(): Promise<void>
}

/** ms of one exchange with a receiver. */
export const SINK_TIMEOUT_MS = 15_000
