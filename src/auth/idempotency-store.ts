import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'

/** What is known of a request that came with an Idempotency-Key. */
export interface KnownRequest {
  /** Hex SHA-256 of method, path and body. */
  request: string
  /** Its act is committed, whether or not its answer was kept. */
  committed: boolean
  /** Present once it was answered. */
  answer?: KeptAnswer
}

/** An answer, sealed: it may hold a token that is shown once. */
export interface KeptAnswer {
  /** Hex SHA-256 of the plain answer. */
  hash: string
  sealed: Buffer
  wrapped: Buffer
}

/**
 * Requests by their Idempotency-Key, for 24 hours.
 *
 * @see draft-ietf-httpapi-idempotency-key-header-07
 */
export interface IdempotencyStore {
  /**
   * Takes the key, or says what is known of it. A request whose process died before its act was committed gives
   * the key up after a minute.
   *
   * @param row.id hex SHA-256 of principal and key
   * @param row.lock names this attempt
   */
  begin(row: {
    id: string
    request: string
    lock: string
    now: Instant
  }): Promise<'begun' | KnownRequest>
  /** In the transaction of the act. @throws HubError ERR_CONFLICT when another attempt took the key over */
  committed(id: string, lock: string, tx: Transaction): Promise<void>
  finish(id: string, lock: string, answer: KeptAnswer): Promise<void>
  /** The request was refused and did nothing: the key may be used again. */
  abandon(id: string, lock: string): Promise<void>
}
