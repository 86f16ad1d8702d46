import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { type Lane, laneId } from './lane.ts'
import type { LaneEvent } from './lane-event.ts'
import { transition } from './transition.ts'
import type { WorkerLaneStore } from './worker-store.ts'

interface LaneKeyParts {
  sourceId: string
  userId: string
  appId: string
}

/** What people can do about a lane. In a transaction, call `poke` after its commit. */
export interface LaneDesk {
  /** Tries everything open of one person in one app again, now. @throws HubError ERR_NOT_FOUND */
  retry(key: LaneKeyParts, tx?: Transaction): Promise<Lane>
  /** The app's credential or settings changed: takes up the lanes that waited for it. @returns how many */
  release(appId: string): Promise<number>
  /** Says which account is this person's, after an ambiguous match or none. @throws HubError ERR_NOT_FOUND */
  assign(key: LaneKeyParts, handleId: string, tx?: Transaction): Promise<Lane>
  /** Something is due: the worker looks at once. */
  poke(): void
}

const BATCH = 500

/** @param deps.onChanged something is due: poke the worker */
export function createLaneDesk(deps: {
  lanes: Pick<WorkerLaneStore, 'lane' | 'swap' | 'swapAll' | 'held'>
  clock: Clock
  onChanged(): void
}): LaneDesk {
  const { lanes, clock } = deps
  const moveIn = async (tx: Transaction, id: string, event: LaneEvent): Promise<Lane> => {
    const before = await lanes.lane(id, tx)
    if (before === null) throw unknown()
    const after = transition(before, event, clock.now())
    if (after === before) return before
    const kept = await lanes.swapAll([{ before, after }], tx)
    if (!kept.has(id)) {
      throw new HubError('ERR_CONFLICT', 'this is being worked on at the same time; try again', {
        retryAfterSeconds: 1,
      })
    }
    return after
  }
  const move = async (id: string, event: LaneEvent, tx?: Transaction): Promise<Lane> => {
    if (tx !== undefined) return await moveIn(tx, id, event)
    for (;;) {
      const lane = await lanes.lane(id)
      if (lane === null) throw unknown()
      const stored = await lanes.swap(lane, transition(lane, event, clock.now()))
      if (stored === null) continue
      deps.onChanged()
      return stored
    }
  }

  return {
    retry: (key, tx) => move(laneId(key), { kind: 'nudged' }, tx),
    assign: (key, handleId, tx) => move(laneId(key), { kind: 'assigned', handleId }, tx),
    release: async (appId) => {
      let released = 0
      for (;;) {
        const held = await lanes.held(appId, BATCH)
        for (const { id } of held) await move(id, { kind: 'nudged' })
        released += held.length
        if (held.length < BATCH) return released
      }
    },
    poke: () => deps.onChanged(),
  }
}

const unknown = (): HubError =>
  new HubError('ERR_NOT_FOUND', 'nothing was ever wanted of this app for this person')
