import type { GroupRecord } from '../directory/types.ts'
import type { Instant } from '../shared/clock.ts'

type Touch = (key: string, at: Instant) => Promise<GroupRecord | null>

/**
 * Calls for one group that come in while it is being touched share the next touch: providers change members of one
 * group many at a time, and each touch would wait for the one before. What a call has committed before is in the
 * version that it is answered, and so is what the others have.
 */
export function sharedTouch(touch: Touch): Touch {
  const underWay = new Map<string, Promise<unknown>>()
  const next = new Map<string, { at: Instant; done: Promise<GroupRecord | null> }>()

  const begin = (key: string, at: Instant): Promise<GroupRecord | null> => {
    const mine = touch(key, at)
    underWay.set(key, mine)
    const leave = (): void => {
      if (underWay.get(key) === mine) underWay.delete(key)
    }
    mine.then(leave, leave)
    return mine
  }

  return (key, at) => {
    const before = underWay.get(key)
    if (before === undefined) return begin(key, at)
    const waiting = next.get(key)
    if (waiting !== undefined) {
      waiting.at = Math.max(waiting.at, at)
      return waiting.done
    }
    const go = (): Promise<GroupRecord | null> => {
      next.delete(key)
      return begin(key, shared.at)
    }
    const shared = { at, done: before.then(go, go) }
    next.set(key, shared)
    return shared.done
  }
}
