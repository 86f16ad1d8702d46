import type { Subject } from '../connector-sdk/contract.ts'
import type { AccessState } from '../directory/access.ts'
import type { UserRecord } from '../directory/types.ts'
import { commit } from '../ledger/commitment.ts'
import type { ExpectedItem } from '../ledger/entries.ts'
import { expectedSet } from '../ledger/expected-set.ts'
import type { EntryWriter, PendingEntry } from '../ledger/intake.ts'
import type { Lane } from '../revocation/lane.ts'
import type { AccessPlan } from '../revocation/plan.ts'
import type { Cause, Offboarding, Revocation } from '../revocation/types.ts'
import { canonicalJson } from '../shared/canonical-json.ts'
import { type Instant, iso } from '../shared/clock.ts'
import { isJsonObject } from '../shared/json.ts'
import type { Vault } from '../vault/vault.ts'
import { planUnits } from './planned-units.ts'

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
  const planned = planUnits(
    deps,
    {
      user,
      offboardingId,
      generation,
      forCause,
      // No later than now: another clock that is ahead must not lengthen a deadline.
      clockFrom: Math.min(now, Math.max(cause.receivedAt, effectiveAt)),
      ...(storm === undefined ? {} : { storm }),
      now,
    },
    plan.revoke,
    lanes,
  )
  const { revocations } = planned
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
    expected: expectedSet(itemsOf(revocations)),
  }
  const caseKey = deps.vault.newKey(`case:${offboardingId}`)
  const entry = openedEntry(deps.entries, offboarding, caseKey.key)
  return {
    opened: { offboarding, revocations, wrappedKey: caseKey.wrapped, entry },
    lanes: planned.lanes,
  }
}

/** What a case commits to. */
export function itemsOf(revocations: readonly Revocation[]): ExpectedItem[] {
  return revocations.map((r) => ({ app: r.appId, facet: r.facet, revocation: r.id }))
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
