/** Rows up from which counting takes long enough to be worth remembering. */
const MANY = 10_000
/** How old a remembered total may be. A client pages through a long list faster than it changes. */
const KEPT_MS = 10_000
/** Lists whose totals are remembered. */
const MAX_LISTS = 500

/**
 * Remembers the totals of long lists: to count a million rows takes most of a second, and a client that
 * pages by index would pay it for every page. The last page is always told from its own rows, and short
 * lists are counted each time.
 *
 * @param now monotonic milliseconds
 */
export function createTotals(now: () => number = () => performance.now()) {
  const kept = new Map<string, { total: number; until: number }>()
  return async (list: string, count: () => Promise<number>): Promise<number> => {
    const known = kept.get(list)
    if (known !== undefined && now() < known.until) return known.total
    kept.delete(list)
    const total = await count()
    if (total >= MANY) {
      const [oldest] = kept.keys()
      if (kept.size >= MAX_LISTS && oldest !== undefined) kept.delete(oldest)
      kept.set(list, { total, until: now() + KEPT_MS })
    }
    return total
  }
}
