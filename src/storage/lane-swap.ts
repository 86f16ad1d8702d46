import type { Connection, mongo } from 'mongoose'
import type { SealedEvidence } from '../revocation/evidence.ts'
import type { Lane } from '../revocation/lane.ts'
import { newId } from '../shared/ids.ts'
import { isDuplicateKey, translated } from './errors.ts'
import { type EvidenceRow, evidenceOf, evidenceRow } from './evidence-store.ts'
import { gathered } from './lane-batch.ts'
import { lanesOf } from './lane-models.ts'
import { type LaneRow, laneChange } from './lane-rows.ts'
import { causeOf, named, takesOneMessage } from './one-message.ts'

/**
 * A lane changes by some hundred bytes, and the evidence with it may have 64 KiB and more: a batch must stay below the
 * 48 MB of one message, and heartbeats wait behind it.
 */
const MOST = 100

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

/**
 * Compare-and-swaps of many lanes in one command, with what they name. Null: somebody else moved that lane first.
 *
 * @param oneMessage whether the server takes writes to several collections in one message
 */
export function createLaneSwap(
  connection: Connection,
  oneMessage: (client: mongo.MongoClient) => Promise<boolean> = takesOneMessage,
): (swap: Swap & { evidence: readonly SealedEvidence[] }) => Promise<Lane | null> {
  const lanes = lanesOf(connection)
  const evidence = evidenceOf(connection)
  const client = connection.getClient()

  /** @returns how many lanes were moved */
  const write = async (
    updates: mongo.AnyBulkWriteOperation<LaneRow>[],
    taken: readonly SealedEvidence[],
  ): Promise<number> => {
    const rows = taken.map(evidenceRow)
    if (rows.length > 0) {
      if (await oneMessage(client)) {
        const moved = await together(rows, updates)
        if (moved !== undefined) return moved
      }
      await evidence.bulkWrite(
        rows.map(({ _id, ...fields }) => ({
          updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true },
        })),
        { ordered: false },
      )
    }
    return (await lanes.bulkWrite(updates, { ordered: false })).matchedCount
  }

  /** @returns undefined when some evidence was there already: an attempt before was carried out and not answered */
  const together = async (
    rows: readonly EvidenceRow[],
    updates: readonly mongo.AnyBulkWriteOperation<LaneRow>[],
  ): Promise<number | undefined> => {
    try {
      // In this order: no lane may name what is not there.
      const { matchedCount } = await client.bulkWrite([
        ...rows.map((document) => named(evidence, { insertOne: { document } })),
        ...updates.map((update) => named(lanes, update)),
      ])
      return matchedCount
    } catch (error) {
      const cause = causeOf(error)
      if (isDuplicateKey(cause)) return undefined
      throw cause
    }
  }

  const run = async (
    swaps: readonly (Swap & { evidence: readonly SealedEvidence[] })[],
  ): Promise<(Lane | null)[]> => {
    const stamp = newId()
    // A second swap of one rev has lost, whatever the first one came to.
    const taken = new Set<string>()
    const first = swaps.filter(({ before }) => !taken.has(before.id) && taken.add(before.id))
    const moved = await write(
      first.map((swap) => swapWrite(swap, { stamp })),
      swaps.flatMap((swap) => swap.evidence),
    )
    const kept = new Set<Swap>(moved === first.length ? first : [])
    if (moved < first.length) {
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
