import type { Connection, mongo } from 'mongoose'
import type { EscalationLevel } from '../revocation/escalation.ts'
import type { Offboarding, Revocation } from '../revocation/types.ts'
import type { Instant } from '../shared/clock.ts'
import { translated } from './errors.ts'

export type OffboardingRow = Omit<Offboarding, 'id'> & {
  _id: string
  /** Set when `offboarding.closed` waits in the ledger's intake: it is written once. */
  closing?: boolean
  /** How the person is called, folded, for searches. Erased together with `subject`. */
  names?: string[]
  /** Revocations that are not closed yet; 0 tells the closer to look. */
  open: number
}

export type RevocationRow = Omit<Revocation, 'id'> & {
  _id: string
  /** Its outcome is not sealed yet. */
  open: boolean
  /** Next level of escalation, and the last one told; see escalation.ts. */
  escalateAt?: Instant
  escalated?: EscalationLevel
  /** Next look after the proof, and how many there were; see reobservation.ts. */
  reobserveAt?: Instant
  reobserved?: number
}

/** The wrapped key of one case. Deleting it erases what its commitments say. */
export interface CaseKeyRow {
  _id: string
  wrapped: Buffer
}

const options = { ignoreUndefined: true, promoteBuffers: true } as const
const dbOf = (connection: Connection): mongo.Db => connection.getClient().db(connection.name)

export const offboardingsOf = (connection: Connection): mongo.Collection<OffboardingRow> =>
  dbOf(connection).collection<OffboardingRow>('offboardings', options)
export const revocationsOf = (connection: Connection): mongo.Collection<RevocationRow> =>
  dbOf(connection).collection<RevocationRow>('revocations', options)
export const caseKeysOf = (connection: Connection): mongo.Collection<CaseKeyRow> =>
  dbOf(connection).collection<CaseKeyRow>('case_keys', options)

const OFFBOARDING_INDEXES: mongo.IndexDescription[] = [
  // A repeated intake creates nothing new; also serves the cases of one user.
  { key: { sourceId: 1, userId: 1, generation: 1 }, unique: true },
  { key: { sourceId: 1, openedAt: -1 } },
  { key: { sourceId: 1, names: 1 } },
  { key: { openedAt: -1, _id: -1 } },
  { key: { state: 1, openedAt: -1, _id: -1 } },
  { key: { open: 1, closing: 1 }, partialFilterExpression: { state: 'open' } },
]

const OPEN = { partialFilterExpression: { open: true } }

/** Every filter of the API ends in the order of the page: (deadlineAt, _id). */
const REVOCATION_INDEXES: mongo.IndexDescription[] = [
  { key: { offboardingId: 1 } },
  { key: { deadlineAt: 1, _id: 1 } },
  { key: { sourceId: 1, userId: 1, deadlineAt: 1, _id: 1 } },
  { key: { appId: 1, deadlineAt: 1, _id: 1 } },
  { key: { state: 1, deadlineAt: 1, _id: 1 } },
  { key: { facet: 1, deadlineAt: 1, _id: 1 } },
  { key: { 'verdict.grade': 1, deadlineAt: 1, _id: 1 } },
  // What is open is a small part of all: a list of it must not read the closed ones between.
  { key: { appId: 1, deadlineAt: 1, _id: 1 }, name: 'open_of_app', ...OPEN },
  {
    key: { assignee: 1, deadlineAt: 1, _id: 1 },
    partialFilterExpression: { open: true, assignee: { $exists: true } },
  },
  // Waivers that are over stay waived: one that has been ended is read no more.
  {
    key: { 'waiver.endedAt': 1, 'waiver.until': 1 },
    partialFilterExpression: { state: 'waived' },
  },
  { key: { heldBy: 1, _id: 1 }, partialFilterExpression: { heldBy: { $exists: true } } },
  { key: { escalateAt: 1 }, partialFilterExpression: { open: true } },
  // By app, too: the looks that wait for one that is paused or down are passed over, not read.
  { key: { reobserveAt: 1, appId: 1 }, partialFilterExpression: { state: 'proven' } },
  { key: { open: 1, deadlineAt: 1, _id: 1 }, partialFilterExpression: { open: true } },
  // Sums of all that is open are read from here alone: 50,000 rows would take seconds.
  {
    key: { open: 1, state: 1, class: 1, appId: 1, deadlineAt: 1, openedAt: 1 },
    name: 'open_summary',
    ...OPEN,
  },
]

/** Creates the collections and their indexes. Safe to repeat; run it before the first request. */
export async function prepareRevocations(connection: Connection): Promise<void> {
  await translated(async () => {
    for (const name of ['offboardings', 'revocations', 'case_keys']) {
      await connection.createCollection(name)
    }
    await offboardingsOf(connection).createIndexes(OFFBOARDING_INDEXES)
    await revocationsOf(connection).createIndexes(REVOCATION_INDEXES)
  })
}
