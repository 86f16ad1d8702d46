import { performance } from 'node:perf_hooks'
import { closing } from '../ledger/closing.ts'
import type { OutcomeItem } from '../ledger/entries.ts'
import type { EntryWriter, LedgerIntake } from '../ledger/intake.ts'
import { type Clock, iso } from '../shared/clock.ts'
import type { Transactor } from '../shared/transaction.ts'
import type { EngineLog } from './log.ts'
import { createLoop, type Loop } from './loop.ts'
import type { ProjectionStore } from './projection-store.ts'
import type { Offboarding, Revocation } from './types.ts'

const BATCH = 50
const IDLE_MS = 5_000
/** After news of a sealing: it is told inside the transaction, which is not committed yet. */
const BUSY_MS = 100
const BUSY_FOR_MS = 2_000

export interface CloserDeps {
  revocations: Pick<ProjectionStore, 'closable' | 'ofOffboarding' | 'beginClosing'>
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
  const close = async (): Promise<number> => {
    const closable = await deps.revocations.closable(BATCH)
    for (const offboarding of closable) await closeOffboarding(deps, offboarding)
    if (closable.length > 0) deps.onEnqueued()
    if (closable.length === BATCH) return 0
    return performance.now() < busyUntil ? BUSY_MS : IDLE_MS
  }
  const loop = createLoop({ name: 'closer', run: close, log: deps.log })
  return {
    ...loop,
    poke: () => {
      busyUntil = performance.now() + BUSY_FOR_MS
      loop.poke()
    },
  }
}

async function closeOffboarding(deps: CloserDeps, offboarding: Offboarding): Promise<void> {
  const { id } = offboarding
  const revocations = await deps.revocations.ofOffboarding(id)
  if (revocations.length !== offboarding.expected.count) {
    throw new Error(
      `case ${id} expects ${offboarding.expected.count} revocations, ${revocations.length} are there`,
    )
  }
  const entry = deps.entries.write(
    {
      type: 'offboarding.closed',
      v: 1,
      log: deps.entries.origin,
      at: iso(deps.clock.now()),
      offboarding: id,
      ...closing(revocations.map(outcomeOf)),
    },
    { offboardingId: id },
  )
  await deps.transactor.transaction(async (tx) => {
    if (await deps.revocations.beginClosing(id, tx)) await deps.ledger.enqueue([entry], tx)
  })
}

function outcomeOf({ id, appId, facet, state, entry }: Revocation): OutcomeItem {
  if (entry === undefined || (state !== 'proven' && state !== 'waived' && state !== 'superseded')) {
    throw new Error(`revocation ${id} is ${state}, its case cannot be closed`)
  }
  return { app: appId, facet, revocation: id, entry: entry.leafHash, outcome: state }
}
