import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mongoose'
import { transition } from '../../src/revocation/transition.ts'
import { lanesOf } from '../../src/storage/lane-models.ts'
import { laneOf } from '../../src/storage/lane-rows.ts'
import { createLaneStore } from '../../src/storage/lane-store.ts'
import { checkpointsOf, headsOf, intakeOf } from '../../src/storage/ledger-collections.ts'
import { offboardingsOf, revocationsOf } from '../../src/storage/revocation-models.ts'
import { createServerClock } from '../../src/storage/server-clock.ts'

/** What is still owed. */
export interface Owed {
  lanes: number
  revocations: number
  offboardings: number
  waiting: number
  unsigned: number
}

/** A wait shorter than this is left alone. */
const PATIENT_MS = 3_000

/**
 * Waits until nothing is owed. Waits of minutes after repeated faults are cut short by pressing "try again", as a
 * person would: a run has no quarter of an hour for each.
 *
 * @returns what is still owed when the patience ends; undefined when nothing is
 */
export async function comeToRest(
  connection: Connection,
  patienceMs: number,
  log: (line: string) => void,
): Promise<Owed | undefined> {
  const clock = await createServerClock(connection)
  const store = createLaneStore(connection)
  const began = Date.now()
  let last: Owed | undefined
  for (let round = 0; Date.now() - began < patienceMs; round += 1) {
    last = await owed(connection).catch(() => last)
    if (last !== undefined && Object.values(last).every((n) => n === 0)) return undefined
    if (round % 5 === 4) {
      log(`still owed: ${JSON.stringify(last)}`)
      const waiting = await lanesOf(connection)
        .find({ waits: true, dueAt: { $gt: clock.now() + PATIENT_MS } })
        .limit(2_000)
        .toArray()
      for (const row of waiting) {
        const lane = laneOf(row)
        await store.swap(lane, transition(lane, { kind: 'nudged' }, clock.now()))
      }
    }
    await sleep(1_000)
  }
  return last
}

async function owed(connection: Connection): Promise<Owed> {
  const head = await headsOf(connection).findOne({}, { projection: { size: 1 } })
  const signed = await checkpointsOf(connection).find().sort({ _id: -1 }).limit(1).toArray()
  return {
    lanes: await lanesOf(connection).countDocuments({
      $or: [{ state: { $ne: 'idle' } }, { dirty: true }],
    }),
    revocations: await revocationsOf(connection).countDocuments({ open: true }),
    offboardings: await offboardingsOf(connection).countDocuments({ state: 'open' }),
    waiting: await intakeOf(connection).countDocuments(),
    unsigned: (head?.size ?? 0) - (signed[0]?._id ?? 0),
  }
}
