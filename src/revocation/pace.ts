import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock, Instant } from '../shared/clock.ts'

/** Slots are taken for this much time ahead: at most so many are lost when their process dies. */
const AHEAD_MS = 250

/**
 * Spreads the calls of all processes evenly: each waits for its slot. Slots are taken from one row per app, several
 * at a time, so that the rate holds however many processes share it.
 *
 * @param options.perSecond absent: no limit
 * @param options.reserve takes `count` slots in a row, `gapMs` apart; @returns when the first one begins
 * @param options.stop cuts a wait short, which then throws
 */
export function createPace(options: {
  perSecond: number | undefined
  reserve: (gapMs: number, count: number) => Promise<Instant>
  clock: Clock
  stop?: AbortSignal
}): () => Promise<void> {
  const { perSecond, reserve, clock, stop } = options
  if (perSecond === undefined) return async () => {}
  const gapMs = 1_000 / perSecond
  const most = Math.max(1, Math.floor(AHEAD_MS / gapMs))
  let slots: Instant[] = []
  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()

  const take = async (): Promise<Instant> => {
    // A slot that passed unused is gone: to use it now would be one call too many now.
    slots = slots.filter((at) => at >= clock.now() - gapMs)
    if (slots.length === 0) {
      const count = Math.min(most, waiting)
      const first = await reserve(gapMs, count)
      slots = Array.from({ length: count }, (_, n) => first + n * gapMs)
    }
    waiting -= 1
    return slots.shift() ?? clock.now()
  }

  return async () => {
    waiting += 1
    const taken = turn.then(take)
    turn = taken.catch(() => {
      waiting -= 1
    })
    const wait = (await taken) - clock.now()
    if (wait > 0) await sleep(wait, undefined, stop === undefined ? {} : { signal: stop })
  }
}
