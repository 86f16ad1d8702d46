import type { Connection, mongo } from 'mongoose'
import { nextEscalation } from '../revocation/escalation.ts'
import type { ProjectionStore, RevocationNews } from '../revocation/projection-store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import { FIRST_REOBSERVATION_MS } from '../revocation/reobservation.ts'
import type { RevocationStore } from '../revocation/store.ts'
import type { Revocation } from '../revocation/types.ts'
import {
  caseKeysOf,
  offboardingsOf,
  type RevocationRow,
  revocationsOf,
} from './revocation-models.ts'
import { createRevocationReader, offboardingOf } from './revocation-reader.ts'
import { sessionOf, within } from './transaction.ts'

/** The database's clock in ms, as an expression of an update. */
const NOW = { $toLong: '$$NOW' }

/** What a sealed proof makes of a revocation. */
const PROVEN = {
  state: 'proven',
  provenAt: NOW,
  reobserveAt: { $add: [NOW, FIRST_REOBSERVATION_MS] },
  reobserved: 0,
}

/** Cases and revocations in MongoDB. Call `prepareRevocations` once before. */
export function createRevocationStore(
  connection: Connection,
): RevocationStore & RevocationReader & ProjectionStore {
  const offboardings = offboardingsOf(connection)
  const revocations = revocationsOf(connection)
  const caseKeys = caseKeysOf(connection)

  return {
    ...createRevocationReader(connection),

    insert: async (offboarding, planned, wrappedCaseKey, tx) => {
      const session = sessionOf(tx)
      const { id, ...fields } = offboarding
      const { sourceId, userId, generation } = fields
      const inserted = await offboardings.updateOne(
        { sourceId, userId, generation },
        { $setOnInsert: { ...fields, _id: id, open: planned.length } },
        { ...session, upsert: true },
      )
      if (inserted.upsertedCount === 0) return
      await caseKeys.insertOne({ _id: id, wrapped: wrappedCaseKey }, session)
      if (planned.length === 0) return
      await revocations.insertMany(planned.map(insertedRow), session)
    },

    project: async (news, tx) => {
      if (news.length > 0) await revocations.bulkWrite(news.map(projected), sessionOf(tx))
    },

    closable: (limit) =>
      within(undefined, async () => {
        const rows = await offboardings
          .find({ state: 'open', open: 0, closing: { $exists: false } })
          .limit(limit)
          .toArray()
        return rows.map(offboardingOf)
      }),

    beginClosing: async (offboardingId, tx) => {
      const filter = { _id: offboardingId, open: 0, closing: { $exists: false } }
      const result = await offboardings.updateOne(
        filter,
        { $set: { closing: true } },
        sessionOf(tx),
      )
      return result.modifiedCount === 1
    },

    markSealed: async (entries, tx) => {
      const outcomes: mongo.AnyBulkWriteOperation<RevocationRow>[] = []
      const settled = new Map<string, number>()
      const closed: string[] = []
      for (const { type, references, index, leafHash } of entries) {
        const { offboardingId, revocationId } = references
        if (type === 'offboarding.closed' && offboardingId !== undefined) closed.push(offboardingId)
        if (!type.startsWith('revocation.') || revocationId === undefined) continue
        const proof = type === 'revocation.verified' ? PROVEN : {}
        outcomes.push({
          updateOne: {
            filter: { _id: revocationId, open: true },
            update: [
              { $set: { entry: { index, leafHash }, open: false, updatedAt: NOW, ...proof } },
            ],
          },
        })
        if (offboardingId !== undefined) {
          settled.set(offboardingId, (settled.get(offboardingId) ?? 0) + 1)
        }
      }
      const session = sessionOf(tx)
      if (outcomes.length > 0) await revocations.bulkWrite(outcomes, { ...session, ordered: false })
      if (settled.size > 0) {
        await offboardings.bulkWrite(
          [...settled].map(([id, count]) => ({
            updateOne: { filter: { _id: id }, update: { $inc: { open: -count } } },
          })),
          { ...session, ordered: false },
        )
      }
      if (closed.length > 0) {
        await offboardings.updateMany(
          { _id: { $in: closed } },
          [{ $set: { state: 'closed', closedAt: NOW } }],
          session,
        )
      }
    },
  }
}

function insertedRow({ id, ...row }: Revocation): RevocationRow {
  const escalateAt = nextEscalation(row, 0)
  return {
    ...row,
    _id: id,
    open: true,
    escalated: 0,
    ...(escalateAt === undefined ? {} : { escalateAt }),
  }
}

function projected(news: RevocationNews): mongo.AnyBulkWriteOperation<RevocationRow> {
  // What is sealed, or waived by people, is not the lane's to change.
  const filter = { _id: news.id, open: true, state: { $ne: 'waived' as const } }
  if (news.state === 'superseded') {
    return {
      updateOne: { filter, update: { $set: { state: 'superseded', updatedAt: news.at } } },
    }
  }
  const { state, attempts, at, reason, verdict, fault } = news
  const kept = {
    ...(reason === undefined ? {} : { reason }),
    ...(verdict === undefined ? {} : { verdict }),
    ...(fault === undefined ? {} : { fault }),
  }
  const gone: { reason?: ''; verdict?: ''; fault?: '' } = {
    ...(reason === undefined ? { reason: '' } : {}),
    ...(verdict === undefined ? { verdict: '' } : {}),
    ...(fault === undefined ? { fault: '' } : {}),
  }
  return {
    updateOne: {
      filter: { ...filter, state: { $nin: ['waived', 'superseded'] } },
      update: { $set: { state, attempts, updatedAt: at, ...kept }, $unset: gone },
    },
  }
}
