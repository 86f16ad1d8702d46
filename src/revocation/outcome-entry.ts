import { commit } from '../ledger/commitment.ts'
import type { EntryBody } from '../ledger/entries.ts'
import { entryId } from '../ledger/entry-id.ts'
import type { EntryWriter, PendingEntry } from '../ledger/intake.ts'
import { type Instant, iso } from '../shared/clock.ts'
import type { CaseKeys, StoredEvidence } from './evidence.ts'
import type { Lane, LaneRecord, Work } from './lane.ts'

export interface OutcomeDeps {
  /** What the records name, by id. */
  evidence: ReadonlyMap<string, StoredEvidence>
  caseKeys: CaseKeys
  entries: EntryWriter
}

/**
 * What the ledger is told of one work. `erased`: the key of its case is gone, so that nothing can be committed to any
 * more. A case is erased only when it is closed, with every outcome sealed or waived: nothing is missing then.
 */
export type Outcome =
  | { kind: 'entry'; entry: PendingEntry }
  | { kind: 'nothing' }
  | { kind: 'erased'; offboardingId: string; revocationId: string }

const NOTHING: Outcome = { kind: 'nothing' }

/** Acknowledged by an app that offers no way to read back. */
export function isUnverifiable({ state, reason }: Work): boolean {
  return state === 'human' && reason === 'unobservable'
}

/** What the entry of this work commits to. */
export function evidenceIdsOfWork(work: Work): string[] {
  return isUnverifiable(work) && work.requestEvidence !== undefined ? [work.requestEvidence] : []
}

/**
 * Says that no proof is possible of this work; it ends nothing. Nothing where the answer of the app was lost: then
 * nothing was acknowledged. Deterministic as `outcomeEntry`.
 */
export async function unverifiableEntry(
  deps: OutcomeDeps,
  lane: Lane,
  work: Work,
): Promise<Outcome> {
  const { revocationId, verdict } = work
  const { offboardingId, generation } = lane.current ?? {}
  if (offboardingId === undefined || generation === undefined) return NOTHING
  const caseKey = await deps.caseKeys.caseKey(offboardingId)
  if (caseKey === null) return { kind: 'erased', offboardingId, revocationId }
  const request = found(deps, work.requestEvidence)
  if (request === undefined || verdict === undefined) return NOTHING
  const eid = entryId('revocation.unverifiable', revocationId)
  const committed = (path: string, bytes: Uint8Array): string => commit(caseKey, eid, path, bytes)
  const entry = deps.entries.write({
    type: 'revocation.unverifiable',
    v: 1,
    log: deps.entries.origin,
    at: iso(verdict.at),
    account: committed('account', Buffer.from(request.record.handle.id)),
    app: lane.appId,
    attempts: attemptsOf(work, verdict.at),
    connector: request.record.connector,
    facet: work.facet,
    generation,
    grade: 'C',
    offboarding: offboardingId,
    request: asked(request, committed('request.c', request.bytes)),
    revocation: revocationId,
  })
  return { kind: 'entry', entry }
}

/** What the entry of this record commits to. */
export function evidenceIdsOf(record: LaneRecord): string[] {
  if (record.kind !== 'verified') return []
  const { beforeEvidence, requestEvidence, afterEvidence } = record.work
  return [beforeEvidence, requestEvidence, afterEvidence].filter((id) => id !== undefined)
}

/** The ledger entry of one terminal record. Deterministic but for its signature: safe to make again. */
export async function outcomeEntry(
  deps: OutcomeDeps,
  lane: Lane,
  record: LaneRecord,
): Promise<Outcome> {
  const { offboardingId, revocationId, generation } = record
  const common = {
    v: 1,
    log: deps.entries.origin,
    at: iso(record.at),
    app: lane.appId,
    generation,
    offboarding: offboardingId,
    revocation: revocationId,
  } as const
  if (record.kind === 'verified') {
    const caseKey = await deps.caseKeys.caseKey(offboardingId)
    if (caseKey === null) return { kind: 'erased', offboardingId, revocationId }
    const entry = deps.entries.write({ ...common, ...verifiedBody(deps, record, caseKey) })
    return { kind: 'entry', entry }
  }
  const entry = deps.entries.write({
    ...common,
    type: 'revocation.superseded',
    facet: record.facet,
    by_generation: record.byGeneration,
    reason: record.reason,
  })
  return { kind: 'entry', entry }
}

type VerifiedBody = Extract<EntryBody, { type: 'revocation.verified' }>
type Verified = Extract<LaneRecord, { kind: 'verified' }>

function verifiedBody(
  deps: OutcomeDeps,
  { revocationId, work }: Verified,
  caseKey: Buffer,
): Omit<VerifiedBody, 'v' | 'log' | 'at' | 'app' | 'generation' | 'offboarding' | 'revocation'> {
  const { verdict } = work
  if (verdict === undefined || (verdict.grade !== 'A' && verdict.grade !== 'B')) {
    throw new Error(`revocation ${revocationId} was verified without a proof`)
  }
  if (verdict.kind !== 'dead' && verdict.kind !== 'absent') {
    throw new Error(`revocation ${revocationId} was verified as ${verdict.kind}`)
  }
  const after = found(deps, work.afterEvidence)
  const before = found(deps, work.beforeEvidence)
  const request = found(deps, work.requestEvidence)
  if (after === undefined) throw new Error(`revocation ${revocationId} has no evidence`)
  const eid = entryId('revocation.verified', revocationId)
  const committed = (path: string, bytes: Uint8Array): string => commit(caseKey, eid, path, bytes)
  return {
    type: 'revocation.verified',
    account: committed('account', Buffer.from(after.record.handle.id)),
    after: observed(after, committed('after.c', after.bytes)),
    attempts: attemptsOf(work, verdict.at),
    connector: after.record.connector,
    facet: work.facet,
    grade: verdict.grade,
    kind: verdict.kind,
    ...(work.named === undefined ? {} : { named_by: 'person' as const }),
    ...(before === undefined || before.id === after.id
      ? {}
      : { before: observed(before, committed('before.c', before.bytes)) }),
    ...(request === undefined
      ? {}
      : { request: asked(request, committed('request.c', request.bytes)) }),
    ...(verdict.residualUntil === undefined ? {} : { residual_until: iso(verdict.residualUntil) }),
  }
}

function attemptsOf(work: Work, otherwise: Instant): VerifiedBody['attempts'] {
  const first = work.firstAttemptAt ?? otherwise
  return { count: work.attempts, first: iso(first), last: iso(work.lastAttemptAt ?? first) }
}

function found(deps: OutcomeDeps, id: string | undefined): StoredEvidence | undefined {
  if (id === undefined) return undefined
  const stored = deps.evidence.get(id)
  if (stored === undefined) throw new Error(`evidence ${id} is gone`)
  return stored
}

function observed({ record }: StoredEvidence, c: string): VerifiedBody['after'] {
  const { evidence, state, witness } = record
  return {
    at: iso(evidence.at),
    c,
    method: evidence.method,
    state: state ?? 'unknown',
    witness,
    ...(evidence.status === undefined ? {} : { status: evidence.status }),
  }
}

function asked({ record }: StoredEvidence, c: string): NonNullable<VerifiedBody['request']> {
  const { at, method, status } = record.evidence
  return { at: iso(at), c, method, ...(status === undefined ? {} : { status }) }
}
