import type { Subject } from '../connector-sdk/contract.ts'
import type { AccessState } from '../directory/access.ts'
import type { UserRecord } from '../directory/types.ts'
import { commit } from '../ledger/commitment.ts'
import type { ExpectedItem } from '../ledger/entries.ts'
import { expectedSet } from '../ledger/expected-set.ts'
import type { EntryWriter, PendingEntry } from '../ledger/intake.ts'
import { deadlineAt, effectiveClass } from '../revocation/deadlines.ts'
import { type Intent, type Lane, laneId } from '../revocation/lane.ts'
import { type AccessPlan, type PlannedApp, revocationOrder } from '../revocation/plan.ts'
import { transition } from '../revocation/transition.ts'
import type { Cause, Offboarding, Revocation } from '../revocation/types.ts'
import { canonicalJson } from '../shared/canonical-json.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { isJsonObject } from '../shared/json.ts'
import type { Vault } from '../vault/vault.ts'

/** What a case is made with. */
export interface CaseDeps {
  entries: EntryWriter
  vault: Vault
  /** W3C traceparent of the request under way, while traces are on: kept with the work that it makes due. */
  traceparent?(): string | undefined
  newId(): string
}

/** One person's access before and after a change. */
export interface AccessTransition {
  /** As it was stored before the change. */
  user: UserRecord
  before: AccessState
  after: AccessState
  cause: Cause
  forCause: boolean
  /** Since when it holds, where that was planned; default: since now. */
  effectiveAt?: Instant
  /** Id of the storm that this departure is part of: what cannot be undone waits. */
  storm?: string
  now: Instant
}

/** A case, its full set of revocations, its key and its entry. */
export interface OpenedCase {
  offboarding: Offboarding
  revocations: readonly Revocation[]
  wrappedKey: Buffer
  entry: PendingEntry
}

/** A case with its full set of revocations, and the lanes that will do it. */
export function planCase(
  deps: CaseDeps,
  change: AccessTransition,
  plan: AccessPlan,
  generation: number,
  lanes: ReadonlyMap<string, Lane>,
): { opened?: OpenedCase; lanes: Lane[] } {
  if (plan.kind === 'mover' && plan.revoke.length === 0) return { lanes: [] }
  const { user, cause, now, forCause, storm, effectiveAt = now } = change
  const offboardingId = deps.newId()
  const trace = traceOf(deps)
  // A clock that went back must not shorten a deadline.
  const clockFrom = Math.max(cause.receivedAt, effectiveAt)

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
        ...(storm === undefined || spec.reversible ? {} : { heldBy: storm }),
        updatedAt: now,
        ...trace,
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
  const entry = openedEntry(deps.entries, offboarding, caseKey.key)
  const moved = plan.revoke.map(({ app }) => {
    const own = revocations.filter((r) => r.appId === app.id)
    return wanted(lanes.get(app.id), change, app, {
      generation,
      op: 'revoke',
      offboardingId,
      units: own.map(({ id: revocationId, facet, deadlineAt: at, heldBy }) => ({
        revocationId,
        facet,
        deadlineAt: at,
        ...(heldBy === undefined ? {} : { heldBy }),
      })),
      class: effectiveClass(app.class, forCause),
      wantedAt: now,
      ...trace,
    })
  })
  return {
    opened: { offboarding, revocations, wrappedKey: caseKey.wrapped, entry },
    lanes: moved,
  }
}

/** Kept with the work that a request makes due. */
export function traceOf(deps: Pick<CaseDeps, 'traceparent'>): { trace?: string } {
  const trace = deps.traceparent?.()
  return trace === undefined ? {} : { trace }
}

/** The lane of this person in this app, once it is told of the intent. */
export function wanted(
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

function openedEntry(
  entries: EntryWriter,
  offboarding: Offboarding,
  caseKey: Buffer,
): PendingEntry {
  const eid = `offboarding.opened:${offboarding.id}`
  return entries.write({
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
  })
}

/** The person as the identity provider knew them, from the stored SCIM resource. */
function subjectOf(user: UserRecord): Subject {
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
