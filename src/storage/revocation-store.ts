import type { Connection, mongo } from 'mongoose'
import { nextEscalation } from '../revocation/escalation.ts'
import type { ProjectionStore, RevocationNews } from '../revocation/projection-store.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { RevocationStore } from '../revocation/store.ts'
import type { Revocation } from '../revocation/types.ts'
import { HubError } from '../shared/errors.ts'
import { gatheredById, remembered } from './lane-batch.ts'
import { namesOf } from './people-search.ts'
import {
  caseKeysOf,
  offboardingsOf,
  type RevocationRow,
  revocationsOf,
} from './revocation-models.ts'
import { createRevocationReader, offboardingOf, revocationOf } from './revocation-reader.ts'
import { createSealEffects } from './seal-effects.ts'
import { sessionOf, within } from './transaction.ts'
import { writerOn } from './transaction-writes.ts'

/** Cases and revocations in MongoDB. Call `prepareRevocations` once before. */
export function createRevocationStore(
  connection: Connection,
): RevocationStore & RevocationReader & ProjectionStore {
  const offboardings = offboardingsOf(connection)
  const revocations = revocationsOf(connection)
  const caseKeys = caseKeysOf(connection)
  const write = writerOn(connection)
  const caseRow = gatheredById((ids) => offboardings.find({ _id: { $in: ids } }).toArray())
  // Each lane at work asks whom its case is about.
  const subject = remembered(async (id) => (await caseRow(id))?.subject ?? null)

  return {
    ...createRevocationReader(connection),

    offboarding: (id) =>
      within(undefined, async () => {
        const row = await caseRow(id)
        return row && offboardingOf(row)
      }),

    subject: (id) => within(undefined, () => subject(id)),

    insert: async (offboarding, planned, wrappedCaseKey, tx) => {
      const { id, ...fields } = offboarding
      const { sourceId, userId, generation } = fields
      const [opened] = await Promise.all([
        write(
          offboardings,
          [
            {
              updateOne: {
                filter: { sourceId, userId, generation },
                update: {
                  $setOnInsert: {
                    ...fields,
                    _id: id,
                    open: planned.length,
                    names: namesOf(fields.subject),
                  },
                },
                upsert: true,
              },
            },
          ],
          tx,
        ),
        write(caseKeys, [{ insertOne: { document: { _id: id, wrapped: wrappedCaseKey } } }], tx),
        write(
          revocations,
          planned.map((unit) => ({ insertOne: { document: insertedRow(unit) } })),
          tx,
        ),
      ])
      if (opened.upserted.length === 0) {
        throw new HubError('ERR_CONFLICT', 'this generation of the person has its case already')
      }
    },

    amend: async ({ offboardingId, from, to, revocations: added }, tx) => {
      const row = await offboardings.findOne(
        { _id: offboardingId },
        { projection: { state: 1, closing: 1, expected: 1 }, ...sessionOf(tx) },
      )
      if (row === null || row.state === 'closed' || row.closing) return 'closing'
      if (row.expected.root !== from.root) return 'moved'
      // Whoever closes or amends it after that read is a write conflict: the transaction starts over.
      await Promise.all([
        write(
          offboardings,
          [
            {
              updateOne: {
                filter: { _id: offboardingId },
                update: { $set: { expected: to }, $inc: { open: added.length } },
              },
            },
          ],
          tx,
        ),
        write(
          revocations,
          added.map((unit) => ({ insertOne: { document: insertedRow(unit) } })),
          tx,
        ),
      ])
      return 'amended'
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

    beginClosing: async (cases, tx) => {
      const session = sessionOf(tx)
      const rootOf = new Map(cases.map(({ id, expected }) => [id, expected.root]))
      const rows = await offboardings
        .find(
          { _id: { $in: [...rootOf.keys()] }, open: 0, closing: { $exists: false } },
          { projection: { expected: 1 }, ...session },
        )
        .toArray()
      // The outcomes that are to be sealed were read before: of a case that grew since, they are not all.
      const same = rows.filter((row) => row.expected.root === rootOf.get(row._id))
      const ids = same.map((row) => row._id)
      // A faster process is a write conflict: the transaction starts over and no longer finds it.
      if (ids.length > 0) {
        await offboardings.updateMany({ _id: { $in: ids } }, { $set: { closing: true } }, session)
      }
      return new Set(ids)
    },

    ofOffboardings: (ids) =>
      within(undefined, async () => {
        const rows = await revocations.find({ offboardingId: { $in: [...ids] } }).toArray()
        return rows.map(revocationOf)
      }),

    markSealed: createSealEffects(connection),
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
