import { performance } from 'node:perf_hooks'
import type { IdempotencyStore } from '../auth/idempotency-store.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction, Transactor } from '../shared/transaction.ts'
import type { Act, Actor, ActRecorder } from './acts.ts'

/** How a request changes anything: what it does and the record of it are one transaction. */
export interface CallActs {
  /**
   * Runs `work` in one transaction. It must record at least one act; it may run several times.
   *
   * @throws what `work` throws
   */
  in<T>(work: (tx: Transaction, record: (act: Act) => Promise<string>) => Promise<T>): Promise<T>
  /** For what runs a transaction of its own: the act is recorded at its end, inside of it. */
  transactor(act: Act): Transactor
  /** Did anything get recorded? The router insists on it. */
  happened(): boolean
}

/** How long a transaction is repeated while storage fails or others are faster. */
const PATIENCE_MS = 3_000

export function createCallActs(parts: {
  actor: Actor
  acts: ActRecorder
  transactor: Transactor
  /** Of a request with an Idempotency-Key. */
  attempt: { store: Pick<IdempotencyStore, 'committed'>; id: string; lock: string } | undefined
}): CallActs {
  const { actor, acts, transactor, attempt } = parts
  let happened = false
  const run: CallActs['in'] = async (work) => {
    const since = performance.now()
    const result = await transactor.transaction(async (tx) => {
      // The driver would go on for two minutes; the caller is better served by "try again".
      if (performance.now() - since > PATIENCE_MS) {
        throw new HubError('ERR_STORAGE_UNAVAILABLE', 'storage is away; try again', {
          retryAfterSeconds: 5,
        })
      }
      let recorded = 0
      const done = await work(tx, async (act) => {
        recorded += 1
        return await acts.record(actor, act, tx)
      })
      if (recorded === 0) throw new Error('a change without a record in the audit trail')
      await attempt?.store.committed(attempt.id, attempt.lock, tx)
      return done
    })
    happened = true
    return result
  }
  return {
    in: run,
    transactor: (act) => ({
      transaction: (work) =>
        run(async (tx, record) => {
          const result = await work(tx)
          await record(act)
          return result
        }),
    }),
    happened: () => happened,
  }
}
