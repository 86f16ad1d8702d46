import { performance } from 'node:perf_hooks'
import type { Connection, mongo } from 'mongoose'
import type {
  CaseKeys,
  EvidenceRecord,
  EvidenceStore,
  StoredEvidence,
} from '../revocation/evidence.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import { decrypt, encrypt } from '../vault/vault.ts'
import { translated } from './errors.ts'
import { gathered } from './lane-batch.ts'

interface EvidenceRow {
  _id: string
  offboardingId: string
  revocationId: string
  sealed: Buffer
}

/** As the contract says; a connector that sends more is cut, not believed less. */
const MAX_BODY = 64 * 1024

const evidenceOf = (connection: Connection): mongo.Collection<EvidenceRow> =>
  connection
    .getClient()
    .db(connection.name)
    .collection<EvidenceRow>('evidence', { promoteBuffers: true })

/** Creates the collection and its indexes. Safe to repeat; run it before the first request. */
export async function prepareEvidence(connection: Connection): Promise<void> {
  await translated(async () => {
    await connection.createCollection('evidence')
    await evidenceOf(connection).createIndexes([{ key: { offboardingId: 1, _id: 1 } }])
  })
}

/** Evidence in MongoDB. Call `prepareEvidence` once before. */
export function createEvidenceStore(connection: Connection, caseKeys: CaseKeys): EvidenceStore {
  const rows = evidenceOf(connection)
  const keys = remembered(caseKeys)
  const insert = gathered<EvidenceRow, undefined>({
    most: 100,
    run: (batch) =>
      translated(async () => {
        await rows.insertMany([...batch], { ordered: false })
        return []
      }),
  })
  const open = async (row: EvidenceRow): Promise<StoredEvidence | null> => {
    const key = await keys.caseKey(row.offboardingId)
    return key && opened(row, key)
  }
  return {
    put: async (offboardingId, revocationId, record) => {
      const key = await keys.caseKey(offboardingId)
      if (key === null) throw new HubError('ERR_NOT_FOUND', 'the key of this case was erased')
      const id = newId()
      const bytes = Buffer.from(JSON.stringify(bounded(record)))
      const sealed = encrypt(key, bytes, context(id))
      await insert({ _id: id, offboardingId, revocationId, sealed })
      return id
    },

    get: async (id) => {
      const row = await translated(() => rows.findOne({ _id: id }))
      return row && (await open(row))
    },

    many: async (ids) => {
      if (ids.length === 0) return new Map()
      const found = await translated(() => rows.find({ _id: { $in: [...ids] } }).toArray())
      const all = await Promise.all(found.map(open))
      return new Map(all.flatMap((one) => (one === null ? [] : [[one.id, one]])))
    },

    ofOffboarding: async (offboardingId) => {
      const found = await translated(() => rows.find({ offboardingId }).sort({ _id: 1 }).toArray())
      const key = await keys.caseKey(offboardingId)
      return key === null ? [] : found.map((row) => opened(row, key))
    },
  }
}

/** One revocation asks for the key of its case half a dozen times within a second. Erased is gone after that. */
const REMEMBER_MS = 1_000

function remembered(caseKeys: CaseKeys): CaseKeys {
  const known = new Map<string, { until: number; key: Promise<Buffer | null> }>()
  return {
    caseKey: async (offboardingId) => {
      const now = performance.now()
      const recent = known.get(offboardingId)
      if (recent !== undefined && recent.until > now) return await recent.key
      // In the order of insertion, so the first ones are the oldest.
      for (const [id, { until }] of known) {
        if (until > now) break
        known.delete(id)
      }
      const key = caseKeys.caseKey(offboardingId)
      known.set(offboardingId, { until: now + REMEMBER_MS, key })
      key.catch(() => known.delete(offboardingId))
      return await key
    },
  }
}

const context = (id: string): string => `evidence:${id}`

function opened(row: EvidenceRow, key: Buffer): StoredEvidence {
  const bytes = decrypt(key, row.sealed, context(row._id))
  return {
    id: row._id,
    offboardingId: row.offboardingId,
    revocationId: row.revocationId,
    bytes,
    record: JSON.parse(bytes.toString('utf8')) as EvidenceRecord,
  }
}

function bounded(record: EvidenceRecord): EvidenceRecord {
  const { body } = record.evidence
  return body.length <= MAX_BODY
    ? record
    : { ...record, evidence: { ...record.evidence, body: body.slice(0, MAX_BODY) } }
}
