import type { Instant } from '../shared/clock.ts'

/**
 * A person's word that access is gone, with the hash of what shows it. Grade C: it proves nothing and closes
 * nothing, it tells the two persons who decide about a waiver what was done.
 */
export interface Attestation {
  at: Instant
  /** Principal id. */
  by: string
  artifact: {
    /** Hex SHA-256 of the file that the person keeps. */
    sha256: string
    sizeBytes?: number
  }
  /** Id of the act in the audit trail, which has the words. */
  act: string
}

/** A risk accepted by two persons, for a time. */
export interface Waiver {
  at: Instant
  until: Instant
  /** Id of the approval. */
  approval: string
  /** Set when it has run out, or was taken back: the revocation is owed again in a case of its own. */
  endedAt?: Instant
}

/**
 * What the hub saw when it looked again after the proof. `unknown`: the app did not say, and is asked again;
 * `moot`: there is nothing to look at, or newer work answers for it.
 */
export interface LaterLook {
  at: Instant
  seen: 'gone' | 'live' | 'unknown' | 'moot'
}

/** What people have said about a revocation, and what was seen later. */
export interface RevocationNotes {
  /** Who takes care of it: a name or an e-mail address. */
  assignee?: string
  attestation?: Attestation
  waiver?: Waiver
  looked?: LaterLook
}
