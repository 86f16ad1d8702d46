import { HubError } from './errors.ts'

/** So many wait for one document at most. Whoever sends more at once is answered sooner by waiting outside. */
const MOST_WAITING = 1_000

/**
 * Runs work of the same key one after the other, of different keys side by side. Only to save effort:
 * within one process it spares writers of one document the lost races. Safety is the compare-and-swap.
 *
 * @param mostWaiting bound of each key; the work under way does not count
 * @returns rejects with HubError ERR_BUSY, and has done nothing, when so many wait already
 */
export function createKeyedQueue(
  mostWaiting = MOST_WAITING,
): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const lines = new Map<string, { tail: Promise<unknown>; length: number }>()
  return async (key, work) => {
    const line = lines.get(key)
    if (line !== undefined && line.length > mostWaiting) {
      throw new HubError('ERR_BUSY', 'too many changes of one resource at once; send it again', {
        retryAfterSeconds: 1,
      })
    }
    const mine = line === undefined ? work() : line.tail.then(work, work)
    const now = line ?? { tail: mine, length: 0 }
    now.tail = mine
    now.length += 1
    lines.set(key, now)
    try {
      return await mine
    } finally {
      now.length -= 1
      if (now.length === 0) lines.delete(key)
    }
  }
}
