import { type Instant, iso } from '../shared/clock.ts'
import type { PendingEntry } from './intake.ts'
import type { AnnouncedKey, KeyRole } from './keyring.ts'
import { kidOf, type LedgerKeys } from './keys.ts'
import { signEntry } from './leaf.ts'

/**
 * What a log says about itself: that it begins, and which keys may speak in it. All are signed by the log's
 * own key. A log has each of them once, however often a process starts.
 *
 * @param software `quittance@<version>`
 */
export async function announcements(options: {
  origin: string
  keys: LedgerKeys
  /** Keys of other roles, e.g. of the workers. */
  others: readonly AnnouncedKey[]
  software: string
  size: number
  now: Instant
}): Promise<PendingEntry[]> {
  const { origin, keys, others, software, size, now } = options
  const by = { origin, kid: kidOf('log', keys.log.verifier.raw), sign: keys.log.sign }
  const common = { at: iso(now), log: origin, v: 1 } as const
  const key = (role: KeyRole, raw: Uint8Array): Promise<PendingEntry> =>
    signEntry(
      {
        ...common,
        type: 'log.key',
        from_size: size,
        kid: kidOf(role, raw),
        public_key: Buffer.from(raw).toString('base64url'),
        role,
      },
      by,
    )
  return await Promise.all([
    signEntry({ ...common, type: 'log.genesis', software }, by),
    key('log', keys.log.verifier.raw),
    // The successor of the log's own key, while both sign.
    ...(keys.next === undefined ? [] : [key('log', keys.next.verifier.raw)]),
    key('cosigner', keys.cosigner.verifier.raw),
    ...others.map(({ role, publicKey }) =>
      key(role, Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')),
    ),
  ])
}
