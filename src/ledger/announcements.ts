import { type Instant, iso } from '../shared/clock.ts'
import type { PendingEntry } from './intake.ts'
import type { AnnouncedKey, KeyRole } from './keyring.ts'
import { entryKey, kidOf, type LedgerKeys } from './keys.ts'
import { createEntryWriter } from './leaf.ts'

/**
 * What a log says about itself: that it begins, and which keys may speak in it. All are signed by the log's
 * own key. A log has each of them once, however often a process starts.
 *
 * @param software `quittance@<version>`
 */
export function announcements(options: {
  origin: string
  keys: LedgerKeys
  /** Keys of other roles, e.g. of the workers. */
  others: readonly AnnouncedKey[]
  software: string
  size: number
  now: Instant
}): PendingEntry[] {
  const { origin, keys, others, software, size, now } = options
  const logKey = entryKey('log', keys.log)
  const writer = createEntryWriter({ origin, kid: logKey.kid, privateKey: logKey.privateKey })
  const common = { at: iso(now), log: origin, v: 1 } as const
  const key = (role: KeyRole, raw: Uint8Array): PendingEntry =>
    writer.write(
      {
        ...common,
        type: 'log.key',
        from_size: size,
        kid: kidOf(role, raw),
        public_key: Buffer.from(raw).toString('base64url'),
        role,
      },
      {},
    )
  return [
    writer.write({ ...common, type: 'log.genesis', software }, {}),
    key('log', keys.log.verifier.raw),
    key('cosigner', keys.cosigner.verifier.raw),
    ...others.map(({ role, publicKey }) =>
      key(role, Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')),
    ),
  ]
}
