import { createHmac, timingSafeEqual } from 'node:crypto'
import type { PendingEntry } from './intake.ts'

/**
 * The seal of a waiting row: processes of one hub recognise each other's rows by it. It covers everything that the
 * sequencer takes from the row, so a row with a good one needs no further look. A public signature costs the reader
 * a hundred times as much; it stays in the leaf for everybody who has no key.
 *
 * @param key 32 bytes, derived from the master key, which the database never sees
 * @param origin name of the log
 * @returns HMAC-SHA256, 32 bytes
 */
export function intakeMac(
  key: Buffer,
  origin: string,
  { eid, type, references, leaf }: Omit<PendingEntry, 'mac'>,
): Buffer {
  const { offboardingId = null, revocationId = null } = references
  // JSON has no newline of its own: nothing can move from one part into the other.
  const about = `${JSON.stringify([origin, eid, type, offboardingId, revocationId])}\n`
  return createHmac('sha256', key).update(about).update(leaf).digest()
}

/** Was this row made, as it stands, by a process with this key? */
export function hasIntakeMac(key: Buffer, origin: string, entry: PendingEntry): boolean {
  const { mac } = entry
  return mac?.length === 32 && timingSafeEqual(mac, intakeMac(key, origin, entry))
}
