import type { Connection, mongo } from 'mongoose'
import type { SealedEvidence } from '../revocation/evidence.ts'
import type { Lane } from '../revocation/lane.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import { isDuplicateKey, translated } from './errors.ts'
import { type EvidenceRow, evidenceOf, evidenceRow } from './evidence-store.ts'
import { gathered } from './lane-batch.ts'
import { lanesOf } from './lane-models.ts'
import { type LaneRow, laneChange } from './lane-rows.ts'
import { createStuckRows, isOutOfTime, LONGEST_MS } from './lane-stuck.ts'
import { causeOf, named, takesOneMessage } from './one-message.ts'

/**
 * A lane changes by some hundred bytes, and the evidence with it may have 64 KiB and more: a batch must stay below the
 * 48 MB of one message, and heartbeats wait behind it.
 */
const MOST = 100

const IN_TIME = { ordered: false, maxTimeMS: LONGEST_MS } as const

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
 * Throws ERR_STORAGE_UNAVAILABLE for a lane that nobody can change at present, and for no other of its command.
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

  const stuck = createStuckRows()

  const keepEvidence = async (rows: readonly EvidenceRow[]): Promise<void> => {
    if (rows.length === 0) return
    await evidence.bulkWrite(
      rows.map(({ _id, ...fields }) => ({
        updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true },
      })),
      { ordered: false },
    )
  }

  /** @returns how many lanes were moved */
  const write = async (
    updates: mongo.AnyBulkWriteOperation<LaneRow>[],
    rows: readonly EvidenceRow[],
  ): Promise<number> => {
    if (rows.length > 0 && (await oneMessage(client))) {
      const moved = await together(rows, updates)
      if (moved !== undefined) return moved
    }
    await keepEvidence(rows)
    return (await lanes.bulkWrite(updates, IN_TIME)).matchedCount
  }

  /** @returns undefined when some evidence was there already: an attempt before was carried out and not answered */
  const together = async (
    rows: readonly EvidenceRow[],
    updates: readonly mongo.AnyBulkWriteOperation<LaneRow>[],
  ): Promise<number | undefined> => {
    try {
      // In this order: no lane may name what is not there.
      const { matchedCount } = await client.bulkWrite(
        [
          ...rows.map((document) => named(evidence, { insertOne: { document } })),
          ...updates.map((update) => named(lanes, update)),
        ],
        { maxTimeMS: LONGEST_MS },
      )
      return matchedCount
    } catch (error) {
      const cause = causeOf(error)
      if (isDuplicateKey(cause)) return undefined
      throw cause
    }
  }

  const run = async (
    swaps: readonly (Swap & { evidence: readonly SealedEvidence[] })[],
  ): Promise<(Lane | null | 'stuck')[]> => {
    const leftOut = stuck.present()
    const free = swaps.filter(({ before }) => !leftOut.has(before.id))
    if (free.length === 0) return swaps.map(() => 'stuck')
    const stamp = newId()
    // A second swap of one rev has lost, whatever the first one came to.
    const taken = new Set<string>()
    const first = free.filter(({ before }) => !taken.has(before.id) && taken.add(before.id))
    const rows = free.flatMap((swap) => swap.evidence.map(evidenceRow))
    const writes = first.map((swap) => swapWrite(swap, { stamp }))
    const late = new Set<Swap>()
    const moved = await inTime(write(writes, rows))
    if (moved === undefined) {
      // One of them is in an open transaction. Alone, each waits for nobody else; what was moved is not moved again.
      await keepEvidence(rows)
      await Promise.all(
        first.map(async (swap, index) => {
          const alone = writes.slice(index, index + 1)
          if ((await inTime(lanes.bulkWrite(alone, IN_TIME))) === undefined) late.add(swap)
        }),
      )
    }
    const kept = new Set<Swap>(moved === first.length ? first : [])
    if (moved !== first.length) {
      // Some lost the race; the stamp says which ones did not.
      const ids = first.map(({ before }) => before.id)
      const found = lanes.find({ _id: { $in: ids }, stamp }, { projection: { _id: 1 } })
      const ours = new Set(await found.map((row) => row._id).toArray())
      for (const swap of first) if (ours.has(swap.before.id)) kept.add(swap)
    }
    for (const swap of late) if (!kept.has(swap)) stuck.add(swap.before.id)
    const stuckNow = new Set([...leftOut, ...stuck.present()])
    return swaps.map((swap) => {
      if (kept.has(swap)) return { ...swap.after, rev: swap.before.rev + 1 }
      return stuckNow.has(swap.before.id) ? 'stuck' : null
    })
  }

  const swapTogether = gathered({
    most: MOST,
    run: (swaps: Parameters<typeof run>[0]) => translated(() => run(swaps)),
  })
  return async (swap) => {
    const kept = await swapTogether(swap)
    if (kept !== 'stuck') return kept
    throw new HubError('ERR_STORAGE_UNAVAILABLE', 'this lane cannot be changed now; try again', {
      retryAfterSeconds: 5,
    })
  }
}

/** @returns undefined when the server ran out of time */
async function inTime<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isOutOfTime(error)) return undefined
    throw error
  }
}
