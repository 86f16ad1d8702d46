import type { Connection, mongo } from 'mongoose'
import type {
  CaseKeys,
  EvidenceRecord,
  EvidenceStore,
  SealedEvidence,
  StoredEvidence,
} from '../revocation/evidence.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import { decrypt, encrypt } from '../vault/vault.ts'
import { translated } from './errors.ts'
import { remembered } from './lane-batch.ts'

export type EvidenceRow = Omit<SealedEvidence, 'id'> & { _id: string }

export const evidenceRow = ({ id, ...row }: SealedEvidence): EvidenceRow => ({ _id: id, ...row })

/** As the contract says; a connector that sends more is cut, not believed less. */
const MAX_BODY = 64 * 1024

export const evidenceOf = (connection: Connection): mongo.Collection<EvidenceRow> =>
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
  const caseKey = remembered(caseKeys.caseKey)
  const open = async (row: EvidenceRow): Promise<StoredEvidence | null> => {
    const key = await caseKey(row.offboardingId)
    return key && opened(row, key)
  }
  return {
    seal: async (offboardingId, revocationId, record) => {
      const key = await caseKey(offboardingId)
      if (key === null) throw new HubError('ERR_NOT_FOUND', 'the key of this case was erased')
      const id = newId()
      const bytes = Buffer.from(JSON.stringify(bounded(record)))
      return { id, offboardingId, revocationId, sealed: encrypt(key, bytes, context(id)) }
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
      const key = await caseKey(offboardingId)
      return key === null ? [] : found.map((row) => opened(row, key))
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
