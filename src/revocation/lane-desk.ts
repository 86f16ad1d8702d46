import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { type Lane, laneId } from './lane.ts'
import type { LaneEvent } from './lane-event.ts'
import { transition } from './transition.ts'
import type { WorkerLaneStore } from './worker-store.ts'

/** What people can do about a lane. */
export interface LaneDesk {
  /** Tries everything open of one person in one app again, now. @throws HubError ERR_NOT_FOUND */
  retry(key: { sourceId: string; userId: string; appId: string }): Promise<Lane>
  /** The app's credential or settings changed: takes up the lanes that waited for it. @returns how many */
  release(appId: string): Promise<number>
  /** Says which account is this person's, after an ambiguous match or none. @throws HubError ERR_NOT_FOUND */
  assign(key: { sourceId: string; userId: string; appId: string }, handleId: string): Promise<Lane>
}

const BATCH = 500

/** @param deps.onChanged something is due: poke the worker */
export function createLaneDesk(deps: {
  lanes: Pick<WorkerLaneStore, 'lane' | 'swap' | 'held'>
  clock: Clock
  onChanged(): void
}): LaneDesk {
  const move = async (id: string, event: LaneEvent): Promise<Lane> => {
    for (;;) {
      const lane = await deps.lanes.lane(id)
      if (lane === null) {
        throw new HubError('ERR_NOT_FOUND', 'nothing was ever wanted of this app for this person')
      }
      const stored = await deps.lanes.swap(lane, transition(lane, event, deps.clock.now()))
      if (stored === null) continue
      deps.onChanged()
      return stored
    }
  }

  return {
    retry: (key) => move(laneId(key), { kind: 'nudged' }),
    assign: (key, handleId) => move(laneId(key), { kind: 'assigned', handleId }),
    release: async (appId) => {
      let released = 0
      for (;;) {
        const held = await deps.lanes.held(appId, BATCH)
        for (const { id } of held) await move(id, { kind: 'nudged' })
        released += held.length
        if (held.length < BATCH) return released
      }
    },
  }
}
