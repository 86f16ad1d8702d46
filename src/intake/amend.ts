import { commit } from '../ledger/commitment.ts'
import { idOfBody } from '../ledger/entry-id.ts'
import { expectedSet, type SetCommitment } from '../ledger/expected-set.ts'
import type { PendingEntry } from '../ledger/intake.ts'
import { isEntitled, type PlannedApp } from '../revocation/plan.ts'
import type { Offboarding, Revocation } from '../revocation/types.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { accessFacts } from './commit-access.ts'
import { itemsOf } from './opened-case.ts'
import { planUnits } from './planned-units.ts'
import { isLostRace, lostRace, MAX_RACES, type UserChangeDeps } from './user-changes.ts'

export interface AmendDeps extends UserChangeDeps {
  cases: {
    offboarding(id: string): Promise<Offboarding | null>
    ofOffboarding(id: string): Promise<Revocation[]>
  }
  /** Null once it was erased. */
  wrappedCaseKey(offboardingId: string): Promise<Buffer | null>
}

export interface Amendment {
  offboardingId: string
  appId: string
  /** Why, in words for people: a commitment in the ledger. */
  reason: string
}

/**
 * Adds an app to an open case: it was registered after the person left, or they turned out to have had an account there.
 * Its revocations, its lane, the grown set and `offboarding.amended` are one transaction, and of the generation of the
 * case. Deadlines count from now: nobody could have known before. A storm does not hold them, for a person asked.
 *
 * @returns how many revocations were added, and the whole set from now on
 * @throws HubError ERR_NOT_FOUND when there is no such case or app
 * @throws HubError ERR_CONFLICT when the case is closed, expects the app already, or is no longer what decides on it
 */
export async function amendCase(
  deps: AmendDeps,
  { offboardingId, appId, reason }: Amendment,
): Promise<{ added: number; expected: SetCommitment }> {
  for (let race = 0; race < MAX_RACES; race++) {
    const now = deps.clock.now()
    const offboarding = await deps.cases.offboarding(offboardingId)
    if (offboarding === null) throw new HubError('ERR_NOT_FOUND', 'there is no such offboarding')
    if (offboarding.state === 'closed') throw closed()
    const { sourceId, userId, generation, forCause } = offboarding
    const [known, wrappedKey, facts, user, groups] = await Promise.all([
      deps.cases.ofOffboarding(offboardingId),
      deps.wrappedCaseKey(offboardingId),
      accessFacts(deps, sourceId, [userId]),
      deps.store.user(sourceId, userId),
      deps.store.groupIdsOf(sourceId, [userId]),
    ])
    if (wrappedKey === null) throw conflict('the case was erased')
    const app = facts.apps.find((one) => one.app.id === appId)
    if (app === undefined || app.app.removedAt !== undefined) {
      throw new HubError('ERR_NOT_FOUND', 'there is no such app')
    }
    if (known.some((revocation) => revocation.appId === appId)) {
      throw conflict('the case expects this app already; nothing was changed')
    }
    if (user?.active) {
      const groupIds = groups.get(userId) ?? new Set<string>()
      refuseEntitled(offboarding, app, { ...user, groupIds })
    }
    const lanes = facts.lanesOf(userId)
    const planned = planUnits(
      deps,
      { user: { sourceId, id: userId }, offboardingId, generation, forCause, clockFrom: now, now },
      [app],
      lanes,
    )
    if (planned.revocations.length === 0) throw conflict('there is nothing to revoke in this app')
    if (planned.lanes.some((lane) => lane === lanes.get(lane.appId))) {
      throw conflict('something newer is wanted of this app for this person; see their cases')
    }
    const expected = expectedSet(itemsOf([...known, ...planned.revocations]))
    const caseKey = deps.vault.unwrap(wrappedKey, `case:${offboardingId}`)
    const added = planned.revocations.length
    const growth = { offboarding, expected, added, appId, reason, at: now }
    const entry = amendedEntry(deps, growth, caseKey)
    const revocations = planned.revocations.map((r) => ({ ...r, amendedTo: expected.count }))
    const done = await deps.transactor
      .transaction(async (tx) => {
        const from = offboarding.expected
        const change = { offboardingId, from, to: expected, revocations }
        const grown = await deps.revocations.amend(change, tx)
        if (grown === 'closing') throw new Closing('the closing entry is on its way')
        if (grown === 'moved') lostRace()
        await deps.ledger.enqueue([entry], tx)
        const [kept] = await Promise.all([
          user === null ||
            deps.store.replaceUser({ ...user, version: user.version + 1 }, user.version, tx),
          deps.lanes.save(planned.lanes, tx),
        ])
        if (!kept) lostRace()
        await deps.exempt?.([{ offboarding, revocations, wrappedKey, entry }], tx)
        return true
      })
      .catch((error: unknown) => {
        if (error instanceof Closing) throw closed()
        return isLostRace(error)
      })
    if (done) {
      deps.onCommitted()
      return { added, expected }
    }
  }
  throw new HubError('ERR_CONFLICT', 'too many concurrent changes of this user; try again', {
    retryAfterSeconds: 1,
  })
}

/** Aborts the transaction. A type of its own: a conflict would be tried again. */
class Closing extends Error {}

const conflict = (message: string): HubError => new HubError('ERR_CONFLICT', message)
const closed = (): HubError => conflict('the case is closed; open a new one by hand')

/** @throws HubError ERR_CONFLICT for somebody who came back since, or who moved and may use the app */
function refuseEntitled(
  { kind, generation, sourceId }: Offboarding,
  { app }: PlannedApp,
  user: { active: boolean; generation: number; groupIds: ReadonlySet<string> },
): void {
  if (user.generation !== generation) {
    throw conflict('the access of this person has changed since; open a new case by hand')
  }
  // Of a case that was opened by hand the source may say `active` for ever.
  if (kind === 'mover' && isEntitled(app, sourceId, user)) {
    throw conflict('this person may use this app: a mover loses only what is no longer granted')
  }
}

function amendedEntry(
  { entries }: AmendDeps,
  growth: {
    offboarding: Offboarding
    expected: SetCommitment
    added: number
    appId: string
    reason: string
    at: Instant
  },
  caseKey: Buffer,
): PendingEntry {
  const { offboarding, expected, added, appId, reason, at } = growth
  const body = {
    type: 'offboarding.amended' as const,
    v: 1 as const,
    log: entries.origin,
    at: iso(at),
    added,
    app: appId,
    expected,
    offboarding: offboarding.id,
    previous: offboarding.expected.root,
    reason: '',
  }
  return entries.write({
    ...body,
    reason: commit(caseKey, idOfBody(body), 'reason', Buffer.from(reason)),
  })
}
