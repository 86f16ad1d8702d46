import type { SequencerStore } from '../ledger/store.ts'
import type { ProvenNow } from '../revocation/projection-store.ts'
import { type Clock, SECOND } from '../shared/clock.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing.ts'

/** Tells of proofs once the transaction that seals them is committed: what is undone was never proven. */
export function createProofWatch(parts: {
  metrics: Pick<Metrics, 'revocationProven'>
  tracing: Pick<Tracing, 'past'>
  /** The database's clock, as revocations have it. */
  clock: Clock
}) {
  const { metrics, tracing, clock } = parts
  // One batch at a time: the sequencer never seals two.
  let ofBatch: readonly ProvenNow[] = []

  const tell = (entries: number, from: number): void => {
    for (const { openedAt } of ofBatch) {
      metrics.revocationProven(Math.max(clock.now() - openedAt, 0) / SECOND)
    }
    // A case of several revocations has one trace: one span says that its proofs are sealed.
    for (const trace of new Set(ofBatch.flatMap((one) => one.trace ?? []))) {
      tracing.past(trace, 'seal', { 'quittance.entries': entries }, { from, to: Date.now() })
    }
  }

  return {
    /** What the transaction under way proves. */
    keep: (proven: readonly ProvenNow[]): void => {
      ofBatch = proven
    },
    /** The store, with a word after each batch that is committed. */
    over: <Store extends Pick<SequencerStore, 'seal'>>(store: Store): Store => ({
      ...store,
      seal: async (batch, onSealed) => {
        const from = Date.now()
        ofBatch = []
        const outcome = await store.seal(batch, onSealed)
        if (outcome === 'sealed') tell(batch.entries.length, from)
        return outcome
      },
    }),
  }
}
