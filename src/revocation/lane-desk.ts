import type { Facet } from '../connector-sdk/contract.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { type Lane, laneId, newLane } from './lane.ts'
import type { LaneEvent } from './lane-event.ts'
import type { LaneStore } from './store.ts'
import { transition } from './transition.ts'
import type { WorkerLaneStore } from './worker-store.ts'

interface LaneKeyParts {
  sourceId: string
  userId: string
  appId: string
}

/** What people can do about a lane. In a transaction, call `poke` after its commit. */
export interface LaneDesk {
  /** Tries everything open of one person in one app again, now; what is to be put back, too. @throws HubError ERR_NOT_FOUND */
  retry(key: LaneKeyParts, tx?: Transaction): Promise<Lane>
  /** The person is back, and the app refuses to put something back. */
  isStuck(key: LaneKeyParts): Promise<boolean>
  /** Two persons let a storm go on. A lane that knows nothing of it stays as it is. @throws HubError ERR_NOT_FOUND */
  unhold(laneId: string, storm: string): Promise<void>
  /** The app's credential or settings changed: takes up the lanes that waited for it. @returns how many */
  release(appId: string): Promise<number>
  /** Says which account is this person's, after an ambiguous match or none. @throws HubError ERR_NOT_FOUND */
  assign(key: LaneKeyParts, handleId: string, tx?: Transaction): Promise<Lane>
  /** The same ahead of any departure: a lane is made when there is none. */
  bind(
    key: LaneKeyParts,
    link: { handleId: string; facets: readonly Facet[] },
    tx: Transaction,
  ): Promise<void>
  /** What the hub believes about the account is wrong. @throws HubError ERR_NOT_FOUND */
  unbind(key: LaneKeyParts, tx: Transaction): Promise<Lane>
  /**
   * Nothing more is done about this revocation: it is waived in the same transaction.
   * @throws HubError ERR_CONFLICT when it is verified, or a request about it is on its way
   */
  drop(revocation: LaneKeyParts & { id: string }, tx: Transaction): Promise<void>
  /** Something is due: the worker looks at once. */
  poke(): void
}

const BATCH = 500

/** @param deps.onChanged something is due: poke the worker */
export function createLaneDesk(deps: {
  lanes: Pick<WorkerLaneStore, 'lane' | 'swap' | 'swapAll' | 'held'> & Pick<LaneStore, 'save'>
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
    isStuck: async (key) =>
      (await lanes.lane(laneId(key)))?.undo.some(({ stuck }) => stuck !== undefined) ?? false,
    assign: (key, handleId, tx) => move(laneId(key), { kind: 'assigned', handleId }, tx),
    unhold: async (id, storm) => {
      await move(id, { kind: 'unheld', storm })
    },
    release: async (appId) => {
      let released = 0
      for (;;) {
        const held = await lanes.held(appId, BATCH)
        for (const { id } of held) await move(id, { kind: 'nudged' })
        released += held.length
        if (held.length < BATCH) return released
      }
    },
    bind: async (key, link, tx) => {
      const { sourceId, userId, appId } = key
      const id = laneId(key)
      const event = { kind: 'bound', ...link } as const
      if ((await lanes.lane(id, tx)) !== null) await moveIn(tx, id, event)
      else
        await lanes.save(
          [transition(newLane({ id, sourceId, userId, appId }), event, clock.now())],
          tx,
        )
    },
    unbind: (key, tx) => move(laneId(key), { kind: 'unbound' }, tx),
    drop: async (revocation, tx) => {
      const id = laneId(revocation)
      const before = await lanes.lane(id, tx)
      // A lane without it has nothing to do for it: a newer case took over.
      if (before === null || !isKnownTo(before, revocation.id)) return
      const after = await moveIn(tx, id, { kind: 'dropped', revocationId: revocation.id })
      if (isKnownTo(after, revocation.id)) {
        throw new HubError('ERR_CONFLICT', 'it is being revoked at this moment; look again', {
          retryAfterSeconds: 5,
        })
      }
    },
    poke: () => deps.onChanged(),
  }
}

const isKnownTo = (lane: Lane, revocationId: string): boolean =>
  [...lane.work, ...(lane.want?.units ?? [])].some((unit) => unit.revocationId === revocationId)

const unknown = (): HubError =>
  new HubError('ERR_NOT_FOUND', 'nothing was ever wanted of this app for this person')
