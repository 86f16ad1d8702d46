import { NO_ACCESS } from '../directory/access.ts'
import type { UserRecord } from '../directory/types.ts'
import type { Lane } from '../revocation/lane.ts'
import type { AppStore } from '../revocation/store.ts'
import type { Offboarding, Revocation } from '../revocation/types.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { accessFacts, writeOwed } from './commit-access.ts'
import { planCase } from './opened-case.ts'
import { isLostRace, lostRace, MAX_RACES, type UserChangeDeps } from './user-changes.ts'

export interface ReopenDeps extends UserChangeDeps {
  apps: AppStore
  /** The case that had proven it; null when it was erased. */
  offboarding(id: string): Promise<Offboarding | null>
}

/**
 * Access that is to be gone is owed again: opens a new case for that app, so that it is revoked and proven once more.
 * The lane says whether it is to be gone: the directory has movers, people let go by hand and those with a planned
 * leave as active, too, and a return has left its wish to restore there. Does nothing when something newer is wanted of
 * the app, or when the app is gone; so it may be repeated.
 *
 * @throws HubError ERR_NOT_FOUND when the person was deleted and the case was erased: nobody knows whose access it is
 * @param also in the transaction that opens the case
 */
export async function reopen(
  deps: ReopenDeps,
  revocation: Revocation,
  also: (offboardingId: string, tx: Transaction) => Promise<void> = async () => {},
): Promise<void> {
  const { sourceId, userId, appId } = revocation
  for (let race = 0; race < MAX_RACES; race++) {
    const user = await deps.store.user(sourceId, userId)
    const earlier = await deps.offboarding(revocation.offboardingId)
    const person = user ?? remembered(revocation, earlier)
    const facts = await accessFacts(deps, sourceId, [userId])
    const app = facts.apps.find((known) => known.app.id === appId)
    const lanes = facts.lanesOf(userId)
    const want = lanes.get(appId)?.want
    if (app === undefined || want?.op !== 'revoke') return
    if (want.generation !== revocation.generation) return
    // Higher than that of any case, of another app too: somebody who was deleted has no generation of their own.
    const generation = Math.max(person.generation, ...[...lanes.values()].map(wantedOf)) + 1
    const now = deps.clock.now()
    const owed = {
      generation,
      ...planCase(
        deps,
        {
          user: person,
          before: { ...NO_ACCESS, active: true },
          after: NO_ACCESS,
          cause: { kind: 'reobservation', requestId: revocation.id, receivedAt: now },
          forCause: false,
          now,
        },
        { kind: earlier?.kind ?? 'leaver', revoke: [app], restore: [] },
        generation,
        lanes,
      ),
    }
    const done = await deps.transactor
      .transaction(async (tx) => {
        const [kept] = await Promise.all([
          user === null ||
            deps.store.replaceUser(
              { ...user, generation, version: user.version + 1 },
              user.version,
              tx,
            ),
          writeOwed(deps, [owed], tx),
        ])
        if (!kept) lostRace()
        if (owed.opened !== undefined) await also(owed.opened.offboarding.id, tx)
        return true
      })
      .catch(isLostRace)
    if (done) {
      deps.onCommitted()
      return
    }
  }
  throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this user; try again', {
    retryAfterSeconds: 1,
  })
}

const wantedOf = (lane: Lane | undefined): number =>
  Math.max(lane?.want?.generation ?? 0, lane?.current?.generation ?? 0)

/** A person whom the provider has deleted: as the case remembers them. */
function remembered(
  { sourceId, userId, generation }: Revocation,
  offboarding: Offboarding | null,
): UserRecord {
  const subject = offboarding?.subject
  if (subject === undefined) {
    throw new HubError('ERR_NOT_FOUND', 'the person of this case was erased; revoke by hand')
  }
  const { userName, externalId, displayName, emails } = subject
  return {
    id: userId,
    sourceId,
    resource: {
      userName,
      emails: emails.map((value) => ({ value })),
      ...(externalId === undefined ? {} : { externalId }),
      ...(displayName === undefined ? {} : { displayName }),
    },
    active: false,
    version: 0,
    generation,
    created: 0,
    lastModified: 0,
  }
}
