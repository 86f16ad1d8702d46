import type { mongo } from 'mongoose'
import type { Lane } from '../revocation/lane.ts'
import { newId } from '../shared/ids.ts'
import { translated } from './errors.ts'
import { gathered } from './lane-batch.ts'
import { type LaneRow, laneOf, laneRow } from './lane-rows.ts'

/** Lanes are a few KiB; a batch must stay far below the 48 MB of one message. */
const MOST = 500

interface Swap {
  before: Lane
  after: Lane
}

/** Compare-and-swaps of many lanes in one command. Null: somebody else moved that lane first. */
export function createLaneSwap(
  lanes: mongo.Collection<LaneRow>,
): (swap: Swap) => Promise<Lane | null> {
  const run = async (swaps: readonly Swap[]): Promise<(Lane | null)[]> => {
    const stamp = newId()
    // A second swap of one rev has lost, whatever the first one came to.
    const taken = new Set<string>()
    const rows = swaps.map(({ before, after }) => {
      if (taken.has(before.id)) return null
      taken.add(before.id)
      return { before, row: { ...laneRow(after, before.rev + 1), stamp } }
    })
    const first = rows.filter((row) => row !== null)
    const { matchedCount } = await lanes.bulkWrite(
      first.map(({ before, row }) => ({
        replaceOne: { filter: { _id: before.id, rev: before.rev }, replacement: row },
      })),
      { ordered: false },
    )
    if (matchedCount === first.length) return rows.map((kept) => kept && laneOf(kept.row))
    // Some lost the race; the stamp says which ones did not.
    const ids = first.map(({ before }) => before.id)
    const found = lanes.find({ _id: { $in: ids }, stamp }, { projection: { _id: 1 } })
    const ours = new Set(await found.map((row) => row._id).toArray())
    return rows.map((kept) => (kept !== null && ours.has(kept.before.id) ? laneOf(kept.row) : null))
  }
  return gathered({ most: MOST, run: (swaps) => translated(() => run(swaps)) })
}
