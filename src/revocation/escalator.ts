import type { Clock, Instant } from '../shared/clock.ts'
import type { Transaction, Transactor } from '../shared/transaction.ts'
import {
  ESCALATION_AUDIENCE,
  type EscalationLevel,
  escalationLevel,
  nextEscalation,
} from './escalation.ts'
import type { EngineLog } from './log.ts'
import { createLoop, type Loop } from './loop.ts'
import type { Revocation } from './types.ts'
import type { WatchStore } from './watch-store.ts'

const BATCH = 100
/** The earliest level is minutes after a case was opened: this is soon enough to see all of them coming. */
const AHEAD_MS = 30_000
/** After a round in which something could not be told. */
const AFTER_ERROR_MS = 1_000

/** A revocation has used up this much of its time. */
export interface Escalation {
  revocation: Revocation
  level: 50 | 80 | 100
  audience: 'owner' | 'admin' | 'executive'
}

/**
 * Tells people as deadlines come nearer. Each level is told once, also by several processes and across
 * crashes: the level and what `record` stores are one transaction.
 *
 * @param deps.record stores what an alert needs; the levels that were jumped over are not told
 */
export function createEscalator(deps: {
  watch: Pick<WatchStore, 'escalating' | 'escalate'>
  transactor: Transactor
  clock: Clock
  log: EngineLog
  record?(escalation: Escalation, tx: Transaction): Promise<void>
}): Loop {
  const escalate = async (): Promise<number> => {
    const now = deps.clock.now()
    const coming = await deps.watch.escalating(now + AHEAD_MS, BATCH)
    const due = coming.filter(({ at }) => at <= now)
    let failed = false
    for (const { revocation, level } of due) {
      // It is told a moment later; the others of this round do not wait for it.
      await tell(revocation, level, now).catch((error: unknown) => {
        failed = true
        deps.log.error({ revocationId: revocation.id, err: error }, 'a deadline could not be told')
      })
    }
    if (failed) return AFTER_ERROR_MS
    const next = coming.find(({ at }) => at > now)
    return due.length === BATCH ? 0 : Math.min(AHEAD_MS, (next?.at ?? now + AHEAD_MS) - now)
  }

  const tell = async (
    revocation: Revocation,
    from: EscalationLevel,
    now: Instant,
  ): Promise<void> => {
    const level = escalationLevel(revocation, now)
    if (level === 0) return
    const audience = ESCALATION_AUDIENCE[level]
    const told = await deps.transactor.transaction(async (tx) => {
      const next = nextEscalation(revocation, level)
      if (!(await deps.watch.escalate(revocation.id, from, level, next, tx))) return false
      await deps.record?.({ revocation, level, audience }, tx)
      return true
    })
    if (!told) return
    const { id: revocationId, appId, offboardingId, state, reason } = revocation
    deps.log.error(
      { revocationId, appId, offboardingId, state, reason, share: level, audience },
      level === 100 ? 'a revocation missed its deadline' : 'a revocation is running out of time',
    )
  }
  return createLoop({ name: 'escalator', run: escalate, log: deps.log })
}
