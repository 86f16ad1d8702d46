import { performance } from 'node:perf_hooks'
import type { Lane } from './lane.ts'
import type { WorkerLaneStore } from './worker-store.ts'

/** Between two looks at all lanes, while there is work: what others moved is mostly theirs to carry. */
const SWEEP_MS = 1_000

/**
 * Which lanes are projected next: those that this process moved, and now and then all that have news. Side by side,
 * processes that carry the same lanes would only be in each other's way.
 */
export interface News {
  /** Up to `limit` lanes; empty when there is nothing to be looked at yet. */
  next(limit: number): Promise<Lane[]>
  /** This process gave that lane back. */
  moved(laneId: string): void
  /** Any lane may have news: all are looked at within a second. */
  anywhere(): void
  /** Looked at, and not carried. */
  again(lanes: readonly Lane[]): void
  /** ms until something is to be looked at; undefined when nothing is known of. */
  waitMs(): number | undefined
}

export function createNews(lanes: Pick<WorkerLaneStore, 'dirty'>): News {
  const own = new Set<string>()
  let sweptAt = Number.NEGATIVE_INFINITY
  let isComplete = true
  let asked = false
  const freshMs = (): number => Math.max(sweptAt + SWEEP_MS - performance.now(), 0)

  const sweep = async (limit: number): Promise<Lane[]> => {
    const known = [...own]
    asked = false
    const at = performance.now()
    const all = await lanes.dirty(limit)
    isComplete = all.length < limit
    if (isComplete) {
      sweptAt = at
      for (const id of known) own.delete(id)
    }
    return all
  }

  return {
    next: async (limit) => {
      if (freshMs() === 0) return await sweep(limit)
      const some = [...own].slice(0, limit)
      for (const id of some) own.delete(id)
      return some.length === 0 ? [] : await lanes.dirty(limit, some)
    },
    moved: (laneId) => {
      own.add(laneId)
    },
    anywhere: () => {
      asked = true
    },
    again: (left) => {
      for (const { id } of left) own.add(id)
    },
    waitMs: () => {
      if (own.size > 0 || !isComplete) return 0
      return asked ? freshMs() : undefined
    },
  }
}
