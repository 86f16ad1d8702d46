import type { Config } from '../config/config.ts'
import type { WormStore } from '../ledger/worm.ts'
import { createWormDirectory } from '../ledger/worm-directory.ts'
import { createWormS3 } from '../ledger/worm-s3.ts'
import { systemClock } from '../shared/clock.ts'

/** Where the write-once copy is kept; undefined where none is. */
export function wormStoreOf({
  ledgerWormDirectory: directory,
  ledgerWormS3: s3,
}: Pick<Config, 'ledgerWormDirectory' | 'ledgerWormS3'>): WormStore | undefined {
  if (s3 !== undefined) return createWormS3(s3, { clock: systemClock })
  return directory === undefined ? undefined : createWormDirectory(directory)
}
