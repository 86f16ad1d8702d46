/** Lets timers, sockets and other requests have their turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Members of a group that are handled in one go: about a millisecond. */
export const SLICE = 250

/** Maps a list that may be very long slice by slice, so that nobody else waits for all of it. */
export async function inTurns<T, R>(
  items: readonly T[],
  work: (slice: readonly T[]) => readonly R[],
): Promise<R[]> {
  if (items.length <= SLICE) return [...work(items)]
  const result: R[] = []
  for (let from = 0; from < items.length; from += SLICE) {
    if (from > 0) await nextTurn()
    for (const one of work(items.slice(from, from + SLICE))) result.push(one)
  }
  return result
}
