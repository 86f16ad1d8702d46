import type { Connection } from 'mongoose'
import { ENDINGS } from '../ledger/entries.ts'
import type { ProjectionStore, ProvenNow } from '../revocation/projection-store.ts'
import { FIRST_REOBSERVATION_MS } from '../revocation/reobservation.ts'
import { offboardingsOf, revocationsOf } from './revocation-models.ts'
import { sessionOf } from './transaction.ts'

const ENDS: ReadonlySet<string> = new Set(ENDINGS)

/** The database's clock in ms, as an expression of an update. */
const NOW = { $toLong: '$$NOW' }

/** What a sealed proof makes of a revocation. */
const PROVEN = {
  state: 'proven',
  provenAt: NOW,
  reobserveAt: { $add: [NOW, FIRST_REOBSERVATION_MS] },
  reobserved: 0,
}

/** Where each outcome stands in the log, by the id of its revocation. */
type Places = Record<string, { index: number; leafHash: string }>

/** What sealing means for revocations and cases. A handful of commands, however many entries. */
export function createSealEffects(connection: Connection): ProjectionStore['markSealed'] {
  const offboardings = offboardingsOf(connection)
  const revocations = revocationsOf(connection)
  return async (entries, tx, tell) => {
    const session = sessionOf(tx)
    const closed: string[] = []
    const outcomes = new Map<string, (typeof entries)[number]>()
    for (const entry of entries) {
      const { offboardingId, revocationId } = entry.references
      if (entry.type === 'offboarding.closed' && offboardingId !== undefined) {
        closed.push(offboardingId)
      }
      if (ENDS.has(entry.type) && revocationId !== undefined) outcomes.set(revocationId, entry)
    }
    if (outcomes.size > 0) {
      // The first outcome counts: a waived revocation that is proven later was closed already.
      const owed = await revocations
        .find(
          { _id: { $in: [...outcomes.keys()] }, open: true },
          {
            projection: { offboardingId: 1, openedAt: 1, trace: 1 },
            batchSize: outcomes.size,
            ...session,
          },
        )
        .toArray()
      const proven: Places = {}
      const ended: Places = {}
      const settled = new Map<string, number>()
      const provenNow: ProvenNow[] = []
      for (const { _id, offboardingId, openedAt, trace } of owed) {
        const entry = outcomes.get(_id)
        if (entry === undefined) continue
        const isProof = entry.type === 'revocation.verified'
        if (isProof) provenNow.push({ openedAt, ...(trace === undefined ? {} : { trace }) })
        const places = isProof ? proven : ended
        places[_id] = { index: entry.index, leafHash: entry.leafHash }
        settled.set(offboardingId, (settled.get(offboardingId) ?? 0) + 1)
      }
      tell?.(provenNow)
      await mark(proven, PROVEN)
      await mark(ended, {})
      const ids = [...settled.keys()]
      if (ids.length > 0) {
        const less = {
          $set: { open: { $subtract: ['$open', ofItsId(Object.fromEntries(settled))] } },
        }
        await offboardings.updateMany({ _id: { $in: ids } }, [less], session)
      }
    }
    if (closed.length > 0) {
      await offboardings.updateMany(
        { _id: { $in: closed } },
        [{ $set: { state: 'closed', closedAt: NOW } }],
        session,
      )
    }

    async function mark(places: Places, more: object): Promise<void> {
      const ids = Object.keys(places)
      if (ids.length === 0) return
      const set = { $set: { entry: ofItsId(places), open: false, updatedAt: NOW, ...more } }
      await revocations.updateMany({ _id: { $in: ids } }, [set], session)
    }
  }
}

/** Each row takes what stands under its own id. A statement per row costs mongod twice as much. */
const ofItsId = (values: Record<string, unknown>) => ({
  $getField: { field: '$_id', input: { $literal: values } },
})
