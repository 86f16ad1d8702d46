import type { Cause } from '../revocation/types.ts'
import { HubError } from '../shared/errors.ts'
import { accessFacts, planOwed, writeOwed } from './commit-access.ts'
import { isLostRace, lostRace, MAX_RACES, type UserChangeDeps } from './user-changes.ts'

/** Who is to lose everything, although or before the provider says so. */
export interface HandOpened {
  sourceId: string
  userId: string
  /** Moves every class up by one. */
  forCause: boolean
  requestId: string
}

/**
 * Opens a case for everything that the person's groups grant, as if the provider had just said that they
 * left. The directory keeps what the provider says: it owns `active`.
 *
 * @throws HubError ERR_NOT_FOUND when the source has no such user
 */
export async function openByHand(
  deps: UserChangeDeps,
  request: HandOpened,
): Promise<{ offboardingId: string }> {
  const { sourceId, userId, forCause } = request
  const now = deps.clock.now()
  const cause: Cause = { kind: 'admin', requestId: request.requestId, receivedAt: now }
  for (let race = 0; race < MAX_RACES; race++) {
    const user = await deps.store.user(sourceId, userId)
    if (user === null) throw new HubError('ERR_NOT_FOUND', `no such User: ${userId}`)
    const [groups, facts] = await Promise.all([
      deps.store.groupIdsOf(sourceId, [userId]),
      accessFacts(deps, sourceId, [userId]),
    ])
    const groupIds = groups.get(userId) ?? new Set<string>()
    const owed = planOwed(deps, facts, {
      user,
      before: { active: true, groupIds },
      after: { active: false, groupIds },
      cause,
      forCause,
      now,
    })
    const next = { ...user, generation: owed.generation, version: user.version + 1 }
    const opened = await deps.transactor
      .transaction(async (tx) => {
        const [kept] = await Promise.all([
          deps.store.replaceUser(next, user.version, tx),
          writeOwed(deps, [owed], tx),
        ])
        return kept ? owed.opened?.offboarding.id : lostRace()
      })
      .catch(isLostRace)
    if (opened) {
      deps.onCommitted()
      return { offboardingId: opened }
    }
  }
  throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this user; try again', {
    retryAfterSeconds: 1,
  })
}
