import {
  type Ack,
  ConnectorError,
  type Evidence,
  type FacetSpec,
  type Handle,
  isConnectorError,
  type Observation,
} from '../connector-sdk/contract.ts'
import { assertNever } from '../shared/assert-never.ts'
import { faultOf } from './call-fault.ts'
import { findAccount, findAgain, isAnothers, isBorneOut, searchEverybody } from './find-account.ts'
import { LeaseLost } from './hold.ts'
import { mayWriteAgain } from './human.ts'
import type { Work } from './lane.ts'
import type { Judgement } from './lane-event.ts'
import { keepEvidence, type LaneRun, specOf } from './lane-run.ts'
import { observe } from './observe.ts'
import { type Finding, judge, unobservable } from './verdict.ts'
import { choiceOf } from './work.ts'

/** Facets that a protected account keeps; its credentials are cut all the same. */
const PROTECTED_FACETS = new Set(['account', 'local_login'])

/**
 * Does the next thing about one facet: find the account, look, revoke, or look again after the settle time.
 * Everything that happened is in the lane when it returns.
 *
 * @throws LeaseLost, HubError ERR_STORAGE_UNAVAILABLE
 */
export async function runUnit(run: LaneRun, unit: Work): Promise<void> {
  try {
    const spec = specOf(run, unit.facet)
    if (spec === undefined) return await settle(run, unit, { kind: 'human', reason: 'unsupported' })
    if (unit.state === 'settling') return await verify(run, unit, spec)
    const isKnown = unit.handleId !== undefined && unit.hint === undefined
    const handleId = isKnown ? unit.handleId : await whose(run, unit)
    if (handleId !== undefined) await lookAndRevoke(run, unit, spec, handleId)
  } catch (error) {
    const fault = faultOf(error, false)
    await run.hold.say({
      kind: 'faulted',
      revocationId: unit.revocationId,
      ...choiceOf(unit),
      facet: unit.facet,
      jitter: run.random(),
      ...fault,
    })
  }
}

/** @returns undefined when the unit was judged instead: nobody there, or a person must say who */
async function whose(run: LaneRun, unit: Work): Promise<string | undefined> {
  const { facet, handleId } = unit
  const found = await (handleId === undefined
    ? findAccount(run)
    : findAgain(run, facet, { ...unit, handleId }))
  switch (found.kind) {
    case 'found':
      return found.handleId
    case 'protected':
      if (!PROTECTED_FACETS.has(unit.facet)) return found.handleId
      await settle(run, unit, { kind: 'human', reason: 'protected' })
      return undefined
    case 'ambiguous':
      await settle(run, unit, { kind: 'human', reason: 'ambiguous-match' })
      return undefined
    case 'nobody':
      return nobody(run, unit)
    default:
      return assertNever(found)
  }
}

/** The app knows nobody of this name. That is proof only after a complete look, where the app's absence is proof. */
async function nobody(run: LaneRun, unit: Work): Promise<string | undefined> {
  if (run.open.connector.manifest.absenceIs !== 'proof') {
    await settle(run, unit, { kind: 'human', reason: 'no-account-found' })
    return undefined
  }
  const everybody = await searchEverybody(run)
  switch (everybody.kind) {
    case 'somebody': {
      const [only, ...more] = everybody.handleIds
      if (only !== undefined && more.length === 0) return only
      await settle(run, unit, { kind: 'human', reason: 'ambiguous-match' })
      return undefined
    }
    case 'inconclusive':
      await settle(run, unit, { kind: 'human', reason: 'no-account-found' })
      return undefined
    case 'nobody': {
      const at = run.clock.now()
      const handle: Handle = { facet: unit.facet, id: '' }
      const body = JSON.stringify({ accounts: everybody.accounts, matches: 0 })
      const evidence: Evidence = { method: 'LIST', target: 'everyone', at, body }
      const id = await keepEvidence(run, unit.revocationId, {
        role: 'after',
        handle,
        state: 'absent',
        witness: run.open.hasWitness,
        evidence,
      })
      await settle(run, unit, { kind: 'verified', verdict: { grade: 'B', kind: 'absent', at } }, id)
      return undefined
    }
    default:
      return assertNever(everybody)
  }
}

async function lookAndRevoke(
  run: LaneRun,
  unit: Work,
  spec: FacetSpec,
  handleId: string,
): Promise<void> {
  const { revocationId } = unit
  const handle: Handle = { facet: unit.facet, id: handleId }
  if (spec.observe !== 'none') {
    const observation = await observe(run, handle)
    if (unit.named !== undefined && (await isAnothers(run, observation.keys))) {
      return await settle(run, unit, { kind: 'human', reason: 'ambiguous-match' })
    }
    const known = unit.beforeEvidence
    const before = known ?? (await keepObservation(run, unit, 'before', observation))
    // A look needs no store of its own: it goes with the write or the judgement that follows from it.
    await run.hold.note({
      kind: 'looked',
      revocationId,
      ...choiceOf(unit),
      handleId,
      state: observation.state,
      evidence: before,
    })
    const finding = await decide(run, unit, spec, observation)
    if (finding.kind !== 'write') {
      const proof = known === undefined ? before : await keepProof(run, unit, finding, observation)
      return await settle(run, unit, finding, proof)
    }
  }
  const reason = unit.state === 'human' ? unit.reason : undefined
  if (spec.revoke !== 'api') return await settle(run, unit, { kind: 'human', reason: 'manual-app' })
  if (reason !== undefined && !mayWriteAgain(reason)) {
    return await settle(run, unit, { kind: 'human', reason })
  }
  await revoke(run, unit, spec, handle)
}

async function revoke(run: LaneRun, unit: Work, spec: FacetSpec, handle: Handle): Promise<void> {
  const { hold, open } = run
  const { revocationId } = unit
  await run.pace()
  const lane = await hold.say({
    kind: 'sent',
    what: { op: 'revoke', revocationId, ...choiceOf(unit) },
    handleId: handle.id,
    quarantineMs: open.connector.manifest.quarantineMs,
    reversible: spec.reversible,
  })
  // Refused: something newer is wanted by now, or an opposite write may still land.
  if (lane.inflight?.revocationId !== revocationId || lane.inflight.fence !== lane.fence) return
  if (hold.leftMs() <= 0) throw new LeaseLost(`the lease of ${lane.id} is over`)
  let ack: Ack
  try {
    ack = await run.calls.write(handle.facet, (call) => open.connector.revoke(handle, call))
  } catch (error) {
    const fault = faultOf(error, true)
    // The same refusal, hour after hour, says nothing new.
    const isNew = unit.requestEvidence === undefined || unit.fault !== fault.fault
    const evidence =
      isNew && isConnectorError(error) && error.evidence
        ? await keepRequest(run, unit, handle, error.evidence)
        : undefined
    await hold.say({
      kind: 'faulted',
      revocationId,
      ...choiceOf(unit),
      facet: unit.facet,
      jitter: run.random(),
      ...(evidence === undefined ? {} : { evidence }),
      ...fault,
    })
    return
  }
  const evidence = await keepRequest(run, unit, handle, ack.evidence)
  await hold.say({
    kind: 'acked',
    ack: ack.kind,
    evidence,
    settleMs: spec.settleMs,
    // What cannot be put back needs no facts: a restore would only get stuck on them.
    ...(ack.undo === undefined || !spec.reversible
      ? {}
      : { undo: run.vault.seal(Buffer.from(JSON.stringify(ack.undo)), `undo:${lane.id}`) }),
  })
}

/** After the settle time: what do other eyes see? */
async function verify(run: LaneRun, unit: Work, spec: FacetSpec): Promise<void> {
  if (spec.observe === 'none') return await settle(run, unit, unobservable(run.clock.now()))
  const handle: Handle = { facet: unit.facet, id: unit.handleId ?? '' }
  const observation = await observe(run, handle)
  const finding = await decide(run, unit, spec, observation, unit.lastAttemptAt)
  await settle(run, unit, finding, await keepProof(run, unit, finding, observation))
}

async function decide(
  run: LaneRun,
  { revocationId }: Work,
  spec: FacetSpec,
  observation: Observation,
  ackedAt?: number,
): Promise<Finding> {
  const unit = run.hold.lane().work.find((u) => u.revocationId === revocationId)
  const { state, handle } = observation
  const isGone = state === 'dead' || state === 'absent'
  const findings = {
    spec,
    absenceIs: run.open.connector.manifest.absenceIs,
    observation,
    seenLive: unit?.seenLive ?? false,
    isHearsay: isGone && unit?.named !== undefined && !(await isBorneOut(run, handle)),
    ...(ackedAt === undefined ? {} : { ackedAt }),
  }
  const probe = state === 'dead' ? await probed(run, handle) : undefined
  const first = judge({ ...findings, ...(probe === undefined ? {} : { probe }) })
  if (first.kind !== 'enumerate') return first
  return judge({ ...findings, enumeration: await searchEverybody(run) })
}

async function settle(
  run: LaneRun,
  unit: Work,
  finding: Finding | Judgement,
  evidence?: string,
): Promise<void> {
  if (finding.kind === 'write' || finding.kind === 'enumerate') {
    throw new ConnectorError('bug', `a finding of ${finding.kind} is no judgement`)
  }
  await run.hold.note({
    kind: 'judged',
    revocationId: unit.revocationId,
    ...choiceOf(unit),
    judgement: finding,
    jitter: run.random(),
    ...(evidence === undefined ? {} : { evidence }),
  })
}

/** Uses the credential where the connector can. A probe that fails proves nothing, and takes nothing away. */
async function probed(run: LaneRun, handle: Handle): Promise<Observation['state'] | undefined> {
  const { probe } = run.open.connector
  if (probe === undefined) return undefined
  try {
    return (await run.calls.read(handle.facet, (call) => probe(handle, call))).state
  } catch (error) {
    faultOf(error, false)
    return undefined
  }
}

/** What no entry will name is not kept: an open unit is looked at for ever. */
const keepProof = async (
  run: LaneRun,
  unit: Work,
  finding: Finding,
  observation: Observation,
): Promise<string | undefined> =>
  finding.kind === 'verified' ? await keepObservation(run, unit, 'after', observation) : undefined

const keepObservation = (
  run: LaneRun,
  unit: Work,
  role: 'before' | 'after',
  { handle, state, evidence }: Observation,
): Promise<string> =>
  keepEvidence(run, unit.revocationId, {
    role,
    handle,
    state,
    witness: run.open.hasWitness,
    evidence,
  })

const keepRequest = (
  run: LaneRun,
  unit: Work,
  handle: Handle,
  evidence: Evidence,
): Promise<string> =>
  keepEvidence(run, unit.revocationId, { role: 'request', handle, witness: false, evidence })
