/** Sealing takes a fraction of a second: older rows say that more comes in than is sealed, or that nobody seals. */
const PATIENCE_MS = 2_000
/** What a worker has seen must not stay unseen by people for longer than this on account of the ledger. */
const MOST_MS = 5_000

/**
 * How long a worker rests before it puts more entries into the intake. Accepting a change never waits, nor does
 * revoking: it is the asking for seals of what was revoked that becomes slower, so that what waits grows slowly.
 *
 * @param ageMs how long the oldest row has waited; null when none waits
 * @returns ms, at most 5000; 0 while sealing keeps up
 */
export function backPressureMs(ageMs: number | null): number {
  return ageMs === null || ageMs <= PATIENCE_MS ? 0 : Math.min(ageMs / 2, MOST_MS)
}
