import type { Cause } from '../revocation/types.ts'
import type { Instant } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { accessFacts, planOwed, writeOwed } from './commit-access.ts'
import { isLostRace, lostRace, MAX_RACES, type UserChangeDeps } from './user-changes.ts'

/** Who is to lose everything, although or before the provider says so. */
export interface HandOpened {
  sourceId: string
  userId: string
  /** Moves every class up by one. */
  forCause: boolean
  requestId: string
  /** When the hub was told, if not just now. */
  receivedAt?: Instant
  /** From when on it holds, if not just now; deadlines count from the later of both. */
  effectiveAt?: Instant
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
): Promise<{ offboardingId: string }>
/**
 * @param also in the same transaction; when it says false, nothing is opened
 * @returns undefined when `also` said false
 */
export async function openByHand(
  deps: UserChangeDeps,
  request: HandOpened,
  also: (offboardingId: string, tx: Transaction) => Promise<boolean>,
): Promise<{ offboardingId: string } | undefined>
export async function openByHand(
  deps: UserChangeDeps,
  request: HandOpened,
  also: (offboardingId: string, tx: Transaction) => Promise<boolean> = async () => true,
): Promise<{ offboardingId: string } | undefined> {
  const { sourceId, userId, forCause, requestId, effectiveAt } = request
  const now = deps.clock.now()
  const cause: Cause = { kind: 'admin', requestId, receivedAt: request.receivedAt ?? now }
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
      ...(effectiveAt === undefined ? {} : { effectiveAt }),
    })
    const next = { ...user, generation: owed.generation, version: user.version + 1 }
    const offboardingId = owed.opened?.offboarding.id ?? ''
    const outcome = await deps.transactor
      .transaction(async (tx) => {
        const [kept] = await Promise.all([
          deps.store.replaceUser(next, user.version, tx),
          writeOwed(deps, [owed], tx),
        ])
        if (!kept) lostRace()
        if (!(await also(offboardingId, tx))) throw new Refused('somebody settled it before')
        return true
      })
      .catch((error: unknown) => {
        if (error instanceof Refused) return 'refused'
        return isLostRace(error)
      })
    if (outcome === 'refused') return undefined
    if (outcome) {
      deps.onCommitted()
      return { offboardingId }
    }
  }
  throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this user; try again', {
    retryAfterSeconds: 1,
  })
}

/** Aborts the transaction: what was to be done together with it is not to be done. */
class Refused extends Error {}
