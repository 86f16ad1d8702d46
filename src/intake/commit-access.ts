import type { FacetSpec, Subject } from '../connector-sdk/contract.ts'
import type { AccessState } from '../directory/access.ts'
import type { UserRecord } from '../directory/types.ts'
import { commit } from '../ledger/commitment.ts'
import type { ExpectedItem } from '../ledger/entries.ts'
import { expectedSet } from '../ledger/expected-set.ts'
import type { EntryWriter, LedgerIntake } from '../ledger/intake.ts'
import { deadlineAt, effectiveClass } from '../revocation/deadlines.ts'
import { type Intent, type Lane, laneId } from '../revocation/lane.ts'
import {
  type AccessPlan,
  type PlannedApp,
  planAccess,
  revocationOrder,
} from '../revocation/plan.ts'
import type { AppStore, LaneStore, RevocationStore } from '../revocation/store.ts'
import { transition } from '../revocation/transition.ts'
import type { AppRecord, Cause, Offboarding, Revocation } from '../revocation/types.ts'
import { canonicalJson } from '../shared/canonical-json.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { isJsonObject } from '../shared/json.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { Vault } from '../vault/vault.ts'

export interface CommitAccessDeps {
  apps: AppStore
  lanes: LaneStore
  revocations: RevocationStore
  ledger: LedgerIntake
  entries: EntryWriter
  vault: Vault
  /** What the app's connector covers there. An app whose connector is gone still owes its account. */
  facetsOf(app: AppRecord): readonly FacetSpec[]
  newId(): string
}

/** One person's access before and after a change, inside the transaction of that change. */
export interface AccessTransition {
  /** As it was stored before the change. */
  user: UserRecord
  before: AccessState
  after: AccessState
  cause: Cause
  forCause: boolean
  now: Instant
}

/**
 * Writes everything that a change of access owes, in the caller's transaction: the case, its full set of
 * revocations, the lanes, and the ledger's `offboarding.opened`.
 *
 * @returns the generation that the user must be stored with, one higher when access really changed, and
 *   the case that was opened, if any
 */
export async function commitAccess(
  deps: CommitAccessDeps,
  change: AccessTransition,
  tx: Transaction,
): Promise<AccessCommit> {
  const { user, before, after } = change
  const { generation: unchanged } = user
  if (!before.active && !after.active) return { generation: unchanged }
  const apps = (await deps.apps.all(tx)).map((app) => ({ app, facets: deps.facetsOf(app) }))
  const lanes = new Map(
    (await deps.lanes.ofUser(user.sourceId, user.id, tx)).map((lane) => [lane.appId, lane]),
  )
  const plan = planAccess({
    sourceId: user.sourceId,
    before,
    after,
    apps,
    touchedAppIds: new Set(lanes.keys()),
    openAppIds: new Set([...lanes.values()].filter(isOpen).map((lane) => lane.appId)),
  })
  if (plan === undefined) {
    return { generation: before.active === after.active ? unchanged : unchanged + 1 }
  }
  const generation = unchanged + 1
  const opened = await openOffboarding(deps, change, plan, generation, lanes, tx)
  const restored = plan.restore.map(({ app }) =>
    wanted(lanes.get(app.id), change, app, {
      generation,
      op: 'restore',
      units: [],
      class: app.class,
      wantedAt: change.now,
    }),
  )
  const moved = [...(opened?.lanes ?? []), ...restored]
  if (moved.length > 0) await deps.lanes.save(moved, tx)
  return { generation, ...(opened === undefined ? {} : { offboardingId: opened.id }) }
}

export interface AccessCommit {
  generation: number
  offboardingId?: string
}

const isOpen = (lane: Lane): boolean => (lane.want ?? lane.current)?.op === 'revoke'

/** Writes a case with its full set of revocations; the caller stores the lanes that it returns. */
export async function openOffboarding(
  deps: CommitAccessDeps,
  change: AccessTransition,
  plan: AccessPlan,
  generation: number,
  lanes: ReadonlyMap<string, Lane>,
  tx: Transaction,
): Promise<{ id: string; lanes: Lane[] } | undefined> {
  if (plan.kind === 'mover' && plan.revoke.length === 0) return undefined
  const { user, cause, now, forCause } = change
  const offboardingId = deps.newId()
  // A clock that went back must not shorten a deadline.
  const clockFrom = Math.max(cause.receivedAt, now)

  const revocations = plan.revoke.flatMap(({ app, facets }) =>
    revocationOrder(facets).map(
      (spec): Revocation => ({
        id: deps.newId(),
        offboardingId,
        sourceId: user.sourceId,
        userId: user.id,
        appId: app.id,
        facet: spec.facet,
        generation,
        class: effectiveClass(app.class, forCause),
        owners: app.owners,
        state: 'due',
        attempts: 0,
        openedAt: now,
        deadlineAt: deadlineAt(effectiveClass(app.class, forCause), spec.facet, clockFrom),
        updatedAt: now,
      }),
    ),
  )
  const items: ExpectedItem[] = revocations.map((r) => ({
    app: r.appId,
    facet: r.facet,
    revocation: r.id,
  }))
  const offboarding: Offboarding = {
    id: offboardingId,
    sourceId: user.sourceId,
    userId: user.id,
    generation,
    kind: plan.kind,
    cause,
    subject: subjectOf(user),
    forCause,
    openedAt: now,
    state: 'open',
    expected: expectedSet(items),
  }
  const caseKey = deps.vault.newKey(`case:${offboardingId}`)
  await deps.revocations.insert(offboarding, revocations, caseKey.wrapped, tx)
  await deps.ledger.enqueue([openedEntry(deps.entries, offboarding, caseKey.key)], tx)

  const moved = plan.revoke.map(({ app }) => {
    const own = revocations.filter((r) => r.appId === app.id)
    return wanted(lanes.get(app.id), change, app, {
      generation,
      op: 'revoke',
      offboardingId,
      units: own.map((r) => ({ revocationId: r.id, facet: r.facet, deadlineAt: r.deadlineAt })),
      class: effectiveClass(app.class, forCause),
      wantedAt: now,
    })
  })
  return { id: offboardingId, lanes: moved }
}

function wanted(
  lane: Lane | undefined,
  { user, now }: AccessTransition,
  app: PlannedApp['app'],
  intent: Intent,
): Lane {
  const key = { sourceId: user.sourceId, userId: user.id, appId: app.id }
  return transition(
    lane,
    { kind: 'wanted', key: { id: laneId(key), ...key }, intent, priority: intent.class },
    now,
  )
}

function openedEntry(entries: EntryWriter, offboarding: Offboarding, caseKey: Buffer) {
  const eid = `offboarding.opened:${offboarding.id}`
  return entries.write(
    {
      type: 'offboarding.opened',
      v: 1,
      log: entries.origin,
      at: iso(offboarding.openedAt),
      cause: {
        kind: offboarding.cause.kind,
        received: iso(offboarding.cause.receivedAt),
        request_id: offboarding.cause.requestId,
      },
      expected: offboarding.expected,
      for_cause: offboarding.forCause,
      generation: offboarding.generation,
      kind: offboarding.kind,
      offboarding: offboarding.id,
      source: offboarding.sourceId,
      subject: commit(caseKey, eid, 'subject', Buffer.from(canonicalJson(offboarding.subject))),
    },
    { offboardingId: offboarding.id },
  )
}

/** The person as the identity provider knew them, from the stored SCIM resource. */
export function subjectOf(user: UserRecord): Subject {
  const { userName, externalId, displayName, emails } = user.resource
  const addresses = (Array.isArray(emails) ? emails : []).flatMap((email) => {
    const value = isJsonObject(email) ? email['value'] : undefined
    return typeof value === 'string' && value !== '' ? [value] : []
  })
  return {
    sourceId: user.sourceId,
    userId: user.id,
    userName: String(userName),
    emails: addresses,
    ...(typeof externalId === 'string' ? { externalId } : {}),
    ...(typeof displayName === 'string' ? { displayName } : {}),
  }
}
