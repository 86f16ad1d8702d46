import type { EngineLog } from '../revocation/log.ts'
import { createLoop, type Loop } from '../revocation/loop.ts'
import { openByHand } from './open-by-hand.ts'
import type { LeaveStore, ScheduledLeave } from './scheduled-leave.ts'
import type { UserChangeDeps } from './user-changes.ts'

const BATCH = 50
/** A leave that another process took in is noticed within this, however soon it is due. */
const EVERY_MS = 10_000

/**
 * Opens each scheduled leave at its time. Any number of processes may run it: the case and the end of the schedule
 * are one transaction, so it is opened once. A leave whose time came while no process ran is opened late; its
 * deadlines still count from its time.
 */
export function createLeaveOpener(
  deps: UserChangeDeps & { leaves: LeaveStore; log: EngineLog; everyMs?: number },
): Loop {
  const { leaves, clock, log } = deps
  const everyMs = deps.everyMs ?? EVERY_MS

  const round = async (): Promise<number> => {
    const next = (await leaves.nextAt()) ?? Number.POSITIVE_INFINITY
    if (next > clock.now()) return Math.min(next - clock.now(), everyMs)
    const due = await leaves.due(clock.now(), BATCH)
    let failed = false
    for (const leave of due) {
      await openLeave(deps, leave).catch((error: unknown) => {
        // One person's trouble must not keep the others waiting; it is tried again in the next round.
        failed = true
        log.error({ leaveId: leave.id, err: error }, 'a scheduled leave could not be opened')
      })
    }
    return failed ? everyMs : 0
  }
  return createLoop({ name: 'leave opener', run: round, log })
}

/**
 * Opens one leave now. Safe to repeat, and from several processes at once.
 *
 * @returns how it ended, or that somebody else was faster
 */
export async function openLeave(
  deps: UserChangeDeps & { leaves: LeaveStore },
  leave: ScheduledLeave,
): Promise<'opened' | 'void' | 'settled before'> {
  const { leaves, clock } = deps
  const { id, sourceId, userId } = leave
  const user = await deps.store.user(sourceId, userId)
  if (user === null || !user.active) {
    const ended = await leaves.end(id, { state: 'void', endedAt: clock.now() })
    return ended ? 'void' : 'settled before'
  }
  const { forCause, requestId, receivedAt, effectiveAt } = leave
  const opened = await openByHand(
    deps,
    { sourceId, userId, forCause, requestId, receivedAt, effectiveAt },
    (offboardingId, tx) =>
      leaves.end(id, { state: 'opened', offboardingId, endedAt: clock.now() }, tx),
  )
  return opened === undefined ? 'settled before' : 'opened'
}
