import type { mongo } from 'mongoose'
import type { Lane } from '../revocation/lane.ts'
import { newId } from '../shared/ids.ts'
import { translated } from './errors.ts'
import { gathered } from './lane-batch.ts'
import { type LaneRow, laneChange } from './lane-rows.ts'

/** Lanes are a few KiB; a batch must stay far below the 48 MB of one message. */
const MOST = 500

/** `before` as it was read or kept, untouched; `after` derived from it. */
export interface Swap {
  before: Lane
  after: Lane
}

/** What keeps `after` if the stored rev is still that of `before`. */
export const swapWrite = (
  { before, after }: Swap,
  more: Partial<LaneRow> = {},
): mongo.AnyBulkWriteOperation<LaneRow> => ({
  updateOne: {
    filter: { _id: before.id, rev: before.rev },
    update: { $set: { ...laneChange(before, after), ...more } },
  },
})

/** Compare-and-swaps of many lanes in one command. Null: somebody else moved that lane first. */
export function createLaneSwap(
  lanes: mongo.Collection<LaneRow>,
): (swap: Swap) => Promise<Lane | null> {
  const run = async (swaps: readonly Swap[]): Promise<(Lane | null)[]> => {
    const stamp = newId()
    // A second swap of one rev has lost, whatever the first one came to.
    const taken = new Set<string>()
    const first = swaps.filter(({ before }) => !taken.has(before.id) && taken.add(before.id))
    const { matchedCount } = await lanes.bulkWrite(
      first.map((swap) => swapWrite(swap, { stamp })),
      { ordered: false },
    )
    const kept = new Set<Swap>(matchedCount === first.length ? first : [])
    if (matchedCount < first.length) {
      // Some lost the race; the stamp says which ones did not.
      const ids = first.map(({ before }) => before.id)
      const found = lanes.find({ _id: { $in: ids }, stamp }, { projection: { _id: 1 } })
      const ours = new Set(await found.map((row) => row._id).toArray())
      for (const swap of first) if (ours.has(swap.before.id)) kept.add(swap)
    }
    return swaps.map((swap) =>
      kept.has(swap) ? { ...swap.after, rev: swap.before.rev + 1 } : null,
    )
  }
  return gathered({ most: MOST, run: (swaps) => translated(() => run(swaps)) })
}
