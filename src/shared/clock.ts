/** Milliseconds since the Unix epoch. The rim formats it (ISO 8601 in JSON); the core only compares and adds. */
export type Instant = number

/** Where "now" comes from. Cores take an Instant or a Clock as an argument; nobody else reads the time. */
export interface Clock {
  now(): Instant
}

/** This machine's clock. Only the rim uses it: leases and due times follow the database's clock. */
export const systemClock: Clock = { now: () => Date.now() }

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** `YYYY-MM-DDTHH:MM:SS.mmmZ`, the only date form that leaves the hub. */
export function iso(at: Instant): string {
  return new Date(at).toISOString()
}
