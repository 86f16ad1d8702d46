import type { Facet } from '../../../../src/connector-sdk/contract.ts'
import type { World } from './world.ts'

/** Longest time after which a request that left may take effect; the quarantine is a little longer. */
export const LATEST_EFFECT = 95

/** What became of a request, as its sender sees it. */
export type Answer = 'done' | 'no-answer' | 'refused'

export interface Effect {
  at: number
  facet: Facet
  live: boolean
  generation: number
}

/** An application that loses requests, applies them late, drops answers, and says that it did what it did not. */
export interface SimTarget {
  live: Map<Facet, boolean>
  effects: Effect[]
  /** A request leaves now; it waits as long as the sender would. */
  write(request: { facet: Facet; live: boolean; generation: number }): {
    answer: Answer
    takesMs: number
  }
  read(facet: Facet): boolean
  /** From here on it works. */
  heal(): void
}

export function createSimTarget(world: World, facets: readonly Facet[]): SimTarget {
  const { random } = world
  const live = new Map(facets.map((facet) => [facet, true]))
  const effects: Effect[] = []
  let ill = true

  return {
    live,
    effects,
    read: (facet) => live.get(facet) ?? false,
    heal: () => {
      ill = false
    },
    write: ({ facet, live: wanted, generation }) => {
      const apply = (): void => {
        live.set(facet, wanted)
        effects.push({ at: world.now(), facet, live: wanted, generation })
      }
      const dice = ill ? random.next() : 1
      if (dice < 0.1) return { answer: 'refused', takesMs: random.between(1, 20) }
      if (dice < 0.16) return { answer: 'no-answer', takesMs: 40 }
      if (ill && dice > 0.97) return { answer: 'done', takesMs: random.between(0, 5) }
      const delay = dice < 0.34 ? random.between(1, LATEST_EFFECT) : random.between(0, 5)
      world.after(delay, apply)
      return dice < 0.34
        ? { answer: 'no-answer', takesMs: random.between(1, 40) }
        : { answer: 'done', takesMs: delay + random.between(0, 5) }
    },
  }
}
