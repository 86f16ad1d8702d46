import { createHash } from 'node:crypto'
import type { Instant } from '../shared/clock.ts'
import type { Alert } from './alert.ts'

/** What people are told about an alert: that it is there, and that its cause is gone. */
export interface AlertEvent {
  /** The same for every try and every sink: what a receiver knows it again by. 32 hex digits. */
  id: string
  kind: 'opened' | 'resolved'
  at: Instant
  /** As it was when it was put into the queue; its state is the one that `kind` says. */
  alert: Alert
}

/** @param pending what the alert's document announces */
export function alertEvent(
  alert: Alert,
  pending: { kind: AlertEvent['kind']; at: Instant },
): AlertEvent {
  const { kind, at } = pending
  return {
    id: createHash('sha256').update(`${kind}\n${at}\n${alert.id}`).digest('hex').slice(0, 32),
    kind,
    at,
    alert: { ...alert, state: kind === 'opened' ? 'open' : 'resolved' },
  }
}
