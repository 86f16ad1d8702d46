import type { Random } from './random.ts'

/** A process of the simulation: it yields how many virtual ms it waits. */
export type Process = Generator<number, void, void>

interface Waiting {
  at: number
  order: number
  process: Process
}

/** Virtual time and the processes in it. One thing happens at a time, in the order of time. */
export interface World {
  now(): number
  spawn(process: Process, delay?: number): void
  after(delay: number, effect: () => void): void
  /** Runs until nobody waits any more, or `limit` steps were made. */
  run(limit: number): { steps: number; exhausted: boolean }
  random: Random
}

export function createWorld(random: Random): World {
  const waiting: Waiting[] = []
  let now = 1_000_000
  let order = 0

  const push = (process: Process, delay: number): void => {
    const item = { at: now + delay, order: order++, process }
    let index = waiting.length
    // Kept in order of time, latest first: a schedule has few processes, so this beats a heap.
    while (index > 0 && isBefore(waiting[index - 1], item)) index -= 1
    waiting.splice(index, 0, item)
  }

  return {
    now: () => now,
    random,
    spawn: (process, delay = 0) => push(process, delay),
    after: (delay, effect) => push(once(effect), delay),
    run: (limit) => {
      for (let steps = 0; steps < limit; steps += 1) {
        const next = waiting.pop()
        if (next === undefined) return { steps, exhausted: false }
        now = next.at
        const { done, value } = next.process.next()
        if (done !== true) push(next.process, value)
      }
      return { steps: limit, exhausted: true }
    },
  }
}

const isBefore = (a: Waiting | undefined, b: Waiting): boolean =>
  a !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order))

// biome-ignore lint/correctness/useYield: a process of one step
function* once(effect: () => void): Process {
  effect()
}
