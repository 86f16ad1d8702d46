import type { Lane, LaneRecord } from '../../../../src/revocation/lane.ts'
import type { Move, Mutant } from './mutants.ts'
import type { SimTarget } from './target.ts'
import type { World } from './world.ts'

/** The one stored lane, as all processes share it. */
export interface SimStore {
  lane: Lane | undefined
  /** Stores the result of an event on the present state, as the compare-and-swap loop would. */
  move(event: Parameters<Move>[1], at?: number): Lane
  records: LaneRecord[]
  /** Records that claimed death while the target said life. */
  lies: string[]
}

/** How rough it gets: chance of dying at each pause, and the length of a lease in ms. */
export interface Weather {
  die: number
  leaseMs: number
}

export const ROUGH: Weather = { die: 0.02, leaseMs: 200 }
/** Leases shorter than the latest effect, and many deaths: shows what only a reaped lease can break. */
export const DEADLY: Weather = { die: 0.08, leaseMs: 60 }

export interface Stage {
  weather: Weather
  world: World
  store: SimStore
  target: SimTarget
  mutant: Mutant
  /** No process ends before this generation is wanted. */
  lastGeneration: number
  stormy(): boolean
}

export function isAtRest({ store: { lane }, stormy, lastGeneration }: Stage): boolean {
  return (
    !stormy() && lane?.state === 'idle' && !lane.dirty && lane.want?.generation === lastGeneration
  )
}

/** After the storm nothing happens for long: sleep until the lane is due instead of polling through hours. */
export function calmWait({ world, store: { lane }, stormy }: Stage): number {
  if (stormy()) return 0
  const waits = lane?.lease === undefined && lane?.dirty === false && lane.state !== 'idle'
  return waits ? Math.max(300, lane.dueAt - world.now()) : 300
}
