import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

/** Between two batches: more callers come along, and each of them waits a moment at most. Under load, longer. */
const REST_MS = 4
const LOADED_MS = 12
const LOADED = 4

/**
 * Group commit. Calls that come in while the last batch is under way, or within a few ms of it, go together in the
 * next one: a round trip and a journal flush then serve many callers. A lone call goes at once.
 *
 * @param options.most items of one batch
 * @param options.run answers in the order of the items; when it throws, every caller of the batch hears it
 */
export function gathered<T, R>(options: {
  most: number
  run: (items: readonly T[]) => Promise<readonly R[]>
}): (item: T) => Promise<R> {
  const { most, run } = options
  interface Call {
    item: T
    resolve(result: R): void
    reject(error: unknown): void
  }
  let waiting: Call[] = []
  let draining = false

  const flush = async (calls: readonly Call[]): Promise<void> => {
    try {
      const results = await run(calls.map(({ item }) => item))
      for (const [index, call] of calls.entries()) call.resolve(results[index] as R)
    } catch (error) {
      for (const call of calls) call.reject(error)
    }
  }

  const drain = async (): Promise<void> => {
    draining = true
    // Whoever calls in the same turn of the event loop comes along.
    await nextTurn()
    while (waiting.length > 0) {
      const calls = waiting.slice(0, most)
      waiting = waiting.slice(most)
      await flush(calls)
      if (calls.length > 1 && waiting.length < most) {
        await sleep(calls.length < LOADED ? REST_MS : LOADED_MS)
      }
    }
    draining = false
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (!draining) void drain()
    })
}

/** Look-ups by id that meet in time share one command. Null: looked, and it is not there. */
export function gatheredById<Row extends { _id: string }>(
  find: (ids: string[]) => Promise<Row[]>,
): (id: string) => Promise<Row | null> {
  return gathered<string, Row | null>({
    most: 1_000,
    run: async (ids) => {
      const found = new Map((await find([...new Set(ids)])).map((row) => [row._id, row]))
      return ids.map((id) => found.get(id) ?? null)
    },
  })
}

/** One lane asks for the same of its case half a dozen times within a second, and so do the other lanes of the case. */
const REMEMBER_MS = 1_000

/** Answers are given again for a second. Only for what does not change: what was erased meanwhile is gone after that. */
export function remembered<T>(look: (id: string) => Promise<T>): (id: string) => Promise<T> {
  const known = new Map<string, { until: number; found: Promise<T> }>()
  return async (id) => {
    const now = performance.now()
    const recent = known.get(id)
    if (recent !== undefined && recent.until > now) return await recent.found
    // In the order of insertion, so the first ones are the oldest.
    for (const [old, { until }] of known) {
      if (until > now) break
      known.delete(old)
    }
    const found = look(id)
    known.set(id, { until: now + REMEMBER_MS, found })
    found.catch(() => known.delete(id))
    return await found
  }
}
