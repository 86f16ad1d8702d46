import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mongoose'
import { type Clock, MINUTE, SECOND, systemClock } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'

const AGAIN_MS = SECOND / 4
/** Millions of rows take minutes; after this something else is wrong. */
const MOST_MS = 60 * MINUTE

/**
 * Prepares collections, however long that takes. A new index on a large collection is built for minutes, and a call may
 * last seconds: the server goes on with the index, and asking again waits for the same one. A server that does not
 * answer at all is not waited for.
 *
 * @param onWait told once, when it takes longer than one call
 * @throws HubError ERR_STORAGE_UNAVAILABLE, and whatever else `prepare` throws
 */
export async function preparePatiently(
  connection: Connection,
  prepare: (connection: Connection) => Promise<void>,
  { onWait, clock = systemClock }: { onWait?: () => void; clock?: Clock } = {},
): Promise<void> {
  const from = clock.now()
  for (let tries = 1; ; tries += 1) {
    try {
      await prepare(connection)
      return
    } catch (error) {
      const isSlow =
        isHubError(error, 'ERR_STORAGE_UNAVAILABLE') &&
        clock.now() < from + MOST_MS &&
        (await answers(connection))
      if (!isSlow) throw error
      if (tries === 1) onWait?.()
      await sleep(AGAIN_MS)
    }
  }
}

async function answers(connection: Connection): Promise<boolean> {
  try {
    await connection.getClient().db('admin').command({ ping: 1 })
    return true
  } catch {
    // The failure that led here says more.
    return false
  }
}
