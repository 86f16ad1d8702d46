import type { Clock, Instant } from '../shared/clock.ts'

/** What one process at a time does. */
export type LedgerTask = 'sealing' | 'signing'

export interface LeaseStore {
  /**
   * Takes or renews the lease of a task. It only saves double work: what must not happen twice is stopped elsewhere.
   *
   * @param freeAt a lease of somebody else counts as over when it ended before this
   * @param until when it ends, if it is not renewed
   */
  takeLease(task: LedgerTask, holder: string, freeAt: Instant, until: Instant): Promise<boolean>
  releaseLease(task: LedgerTask, holder: string): Promise<void>
}

export interface Lease {
  /**
   * Takes it, or renews it when a third of it is over: a look in every half of a lease keeps it.
   * `new-term`: somebody else may have had it since.
   *
   * @param patienceMs how long it must have been nobody's; for a process that is only to stand in
   */
  hold(patienceMs?: number): Promise<'held' | 'new-term' | 'away'>
  /** As far as this process knows. */
  held(): boolean
  /** Somebody else has it: it is taken anew. */
  forget(): void
  /** Gives it back. */
  release(): Promise<void>
}

/** How long a lease holds; another process takes over so long after a crash. */
export const LEASE_MS = 10_000

/** @param options.clock the database's: leases of several processes are compared */
export function createLease(options: {
  store: LeaseStore
  task: LedgerTask
  holder: string
  clock: Clock
  leaseMs?: number
}): Lease {
  const { store, task, holder, clock, leaseMs = LEASE_MS } = options
  let until = 0
  return {
    hold: async (patienceMs = 0) => {
      const now = clock.now()
      if (now < until - (leaseMs * 2) / 3) return 'held'
      const taken = await store.takeLease(task, holder, now - patienceMs, now + leaseMs)
      const isSameTerm = taken && now < until
      until = taken ? now + leaseMs : 0
      if (!taken) return 'away'
      return isSameTerm ? 'held' : 'new-term'
    },
    held: () => clock.now() < until,
    forget: () => {
      until = 0
    },
    release: async () => {
      if (until > 0) await store.releaseLease(task, holder)
      until = 0
    },
  }
}
