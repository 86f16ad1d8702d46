import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Spreads calls evenly: each waits for its slot.
 *
 * @param perSecond absent: no limit
 */
export function createPace(perSecond: number | undefined): () => Promise<void> {
  if (perSecond === undefined) return async () => {}
  const gap = 1_000 / perSecond
  let next = 0
  return async () => {
    const now = performance.now()
    const slot = Math.max(now, next)
    next = slot + gap
    if (slot > now) await sleep(slot - now)
  }
}
