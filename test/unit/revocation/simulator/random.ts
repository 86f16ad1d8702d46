/** A small seeded generator (mulberry32): the same seed gives the same schedule, on every machine. */
export interface Random {
  /** 0 ≤ n < 1 */
  next(): number
  /** Whole number from `least` to `most`, both included. */
  between(least: number, most: number): number
  chance(probability: number): boolean
}

export function createRandom(seed: number): Random {
  let state = (seed * 0x9e3779b1) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    chance: (probability) => next() < probability,
  }
}
