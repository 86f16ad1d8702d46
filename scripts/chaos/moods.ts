/** What an application does to one write. Times in ms. */
export type Mood =
  | { kind: 'well' }
  /** A 5xx; `after` the deed or instead of it. */
  | { kind: 'broken'; done: boolean }
  | { kind: 'throttled' }
  /** The connection is cut, before or after the deed. */
  | { kind: 'reset'; done: boolean }
  /** The connection is cut, and the deed happens later all the same. */
  | { kind: 'late'; afterMs: number }
  /** A friendly 200, and nothing happens. */
  | { kind: 'lies' }
  /** Done, and once more before the answer leaves. */
  | { kind: 'twice' }
  /** Done; the answer comes a byte at a time, and takes longer than anybody waits. */
  | { kind: 'drips' }
  /** Done, but the answer takes its time. */
  | { kind: 'slow'; ms: number }

/** The latest time after a request at which it may still take effect here; the quarantine must be longer. */
export const LATEST_EFFECT_MS = 3_000

/** Shares of all writes, in thousandths; the rest goes well. */
const SHARES: readonly [share: number, mood: (random: () => number) => Mood][] = [
  [15, () => ({ kind: 'broken', done: false })],
  [10, () => ({ kind: 'broken', done: true })],
  [3, () => ({ kind: 'throttled' })],
  [10, () => ({ kind: 'reset', done: false })],
  [20, () => ({ kind: 'reset', done: true })],
  [15, (random) => ({ kind: 'late', afterMs: Math.round(random() * LATEST_EFFECT_MS) })],
  [15, () => ({ kind: 'lies' })],
  [10, () => ({ kind: 'twice' })],
  [2, () => ({ kind: 'drips' })],
  [40, (random) => ({ kind: 'slow', ms: Math.round(50 + random() * 700) })],
]

/** @param random 0 ≤ n < 1 */
export function drawMood(random: () => number): Mood {
  let left = random() * 1_000
  for (const [share, mood] of SHARES) {
    left -= share
    if (left < 0) return mood(random)
  }
  return { kind: 'well' }
}

/** What happens to one read: most are answered. */
export function readFault(random: () => number): 'none' | 'broken' | 'reset' {
  const dice = random()
  return dice < 0.008 ? 'broken' : dice < 0.014 ? 'reset' : 'none'
}
