import type { Look } from './look.ts'

/** Storms that hold something. */
export type HeldStorm = { id: string; sourceId: string; departures: number; revocations: number }

/** One alert for each; over when it was let go on, or when all of its people came back. */
export function stormLook(storms: () => Promise<readonly HeldStorm[]>): Look {
  return {
    rules: ['storm'],
    async *findings() {
      for (const { id, sourceId, departures, revocations } of await storms()) {
        if (revocations === 0) continue
        yield { rule: 'storm', key: id, about: { sourceId }, facts: { departures, revocations } }
      }
    },
  }
}
