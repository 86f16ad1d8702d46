import { performance } from 'node:perf_hooks'
import { closing } from '../ledger/closing.ts'
import type { OutcomeItem } from '../ledger/entries.ts'
import type { EntryWriter, LedgerIntake, PendingEntry } from '../ledger/intake.ts'
import { type Clock, iso } from '../shared/clock.ts'
import type { Transactor } from '../shared/transaction.ts'
import type { EngineLog } from './log.ts'
import { createLoop, type Loop } from './loop.ts'
import type { ProjectionStore } from './projection-store.ts'
import type { Offboarding, Revocation } from './types.ts'

const BATCH = 50
const IDLE_MS = 10_000
/** After news of a sealing: it is told inside the transaction, which is not committed yet. */
const BUSY_MS = 100
const BUSY_FOR_MS = 2_000
/** When cases end by the dozen, one transaction closes all that ended within this. */
const MANY_MS = 400
const MANY = 4

export interface CloserDeps {
  revocations: Pick<ProjectionStore, 'closable' | 'ofOffboardings' | 'beginClosing'>
  entries: EntryWriter
  ledger: LedgerIntake
  transactor: Transactor
  clock: Clock
  log: EngineLog
  onEnqueued(): void
}

/** Closes a case once the outcome of every one of its revocations is sealed. */
export function createCloser(deps: CloserDeps): Loop {
  let busyUntil = 0
  let many = false
  const close = async (): Promise<number> => {
    const closable = await deps.revocations.closable(BATCH)
    many = closable.length >= MANY
    const closed = closable.length === 0 ? 0 : await closeAll(deps, closable)
    if (closed > 0) deps.onEnqueued()
    if (closed === BATCH) return 0
    return performance.now() < busyUntil ? BUSY_MS : IDLE_MS
  }
  const loop = createLoop({
    name: 'closer',
    run: close,
    restMs: () => (many ? MANY_MS : BUSY_MS),
    log: deps.log,
  })
  return {
    ...loop,
    poke: () => {
      busyUntil = performance.now() + BUSY_FOR_MS
      loop.poke()
    },
  }
}

/**
 * All of them in one transaction. A case that cannot be closed is said in the log and keeps no other waiting.
 *
 * @returns how many
 */
async function closeAll(deps: CloserDeps, closable: readonly Offboarding[]): Promise<number> {
  const found = await deps.revocations.ofOffboardings(closable.map(({ id }) => id))
  const byCase = new Map<string, Revocation[]>(closable.map(({ id }) => [id, []]))
  for (const revocation of found) byCase.get(revocation.offboardingId)?.push(revocation)
  const closings = closable.flatMap((offboarding) => {
    try {
      const entry = closingEntry(deps, offboarding, byCase.get(offboarding.id) ?? [])
      return [{ id: offboarding.id, expected: offboarding.expected, entry }]
    } catch (error) {
      deps.log.error({ offboardingId: offboarding.id, err: error }, 'a case cannot be closed')
      return []
    }
  })
  if (closings.length === 0) return 0
  return await deps.transactor.transaction(async (tx) => {
    const ours = await deps.revocations.beginClosing(closings, tx)
    const entries = closings.flatMap(({ id, entry }) => (ours.has(id) ? [entry] : []))
    if (entries.length > 0) await deps.ledger.enqueue(entries, tx)
    return entries.length
  })
}

function closingEntry(
  deps: CloserDeps,
  { id, expected }: Offboarding,
  revocations: readonly Revocation[],
): PendingEntry {
  if (revocations.length !== expected.count) {
    throw new Error(
      `case ${id} expects ${expected.count} revocations, ${revocations.length} are there`,
    )
  }
  return deps.entries.write({
    type: 'offboarding.closed',
    v: 1,
    log: deps.entries.origin,
    at: iso(deps.clock.now()),
    offboarding: id,
    ...closing(revocations.map(outcomeOf)),
  })
}

function outcomeOf({ id, appId, facet, state, entry }: Revocation): OutcomeItem {
  if (entry === undefined || (state !== 'proven' && state !== 'waived' && state !== 'superseded')) {
    throw new Error(`revocation ${id} is ${state}, its case cannot be closed`)
  }
  return { app: appId, facet, revocation: id, entry: entry.leafHash, outcome: state }
}
