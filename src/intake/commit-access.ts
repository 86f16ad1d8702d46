import type { FacetSpec, Subject } from '../connector-sdk/contract.ts'
import type { AccessState } from '../directory/access.ts'
import type { UserRecord } from '../directory/types.ts'
import { commit } from '../ledger/commitment.ts'
import type { ExpectedItem } from '../ledger/entries.ts'
import { expectedSet } from '../ledger/expected-set.ts'
import type { EntryWriter, NewEntryIntake, PendingEntry } from '../ledger/intake.ts'
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
import type { StormGuard, Weather } from './storm.ts'

export interface CommitAccessDeps {
  apps: AppStore
  lanes: LaneStore
  revocations: RevocationStore
  ledger: NewEntryIntake
  entries: EntryWriter
  vault: Vault
  /** What the app's connector covers there. An app whose connector is gone still owes its account. */
  facetsOf(app: AppRecord): readonly FacetSpec[]
  /** Waives what two persons have exempted, of cases that were written in this transaction. */
  exempt?(cases: readonly OpenedCase[], tx: Transaction): Promise<void>
  /** Holds what cannot be undone while far more people leave than usual. */
  storms?: StormGuard
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

/** What a plan rests on beside the person. */
export interface AccessFacts {
  apps: readonly PlannedApp[]
  /** Lanes of one person by app. */
  lanesOf(userId: string): ReadonlyMap<string, Lane>
  weather: Weather | undefined
}

/**
 * Reads what plans for these people rest on, before the transaction: it then holds nothing but writes, and goes to
 * the server in one message. Nothing is lost by that. A lane that moves meanwhile fails its compare-and-swap; every
 * change of a person or their groups moves the person's version; and an app that is registered meanwhile would be
 * missed by the snapshot of a transaction just as well.
 */
export async function accessFacts(
  deps: Pick<CommitAccessDeps, 'apps' | 'lanes' | 'facetsOf' | 'storms'>,
  sourceId: string,
  userIds: readonly string[],
): Promise<AccessFacts> {
  const [apps, lanes, weather] = await Promise.all([
    deps.apps.current(),
    deps.lanes.ofUsers(sourceId, userIds),
    deps.storms?.weather(sourceId),
  ])
  const byUser = new Map<string, Map<string, Lane>>()
  for (const lane of lanes) {
    const own = byUser.get(lane.userId) ?? new Map<string, Lane>()
    byUser.set(lane.userId, own.set(lane.appId, lane))
  }
  return {
    apps: apps.map((app) => ({ app, facets: deps.facetsOf(app) })),
    lanesOf: (userId) => byUser.get(userId) ?? new Map(),
    weather,
  }
}

/** Everything that a change of access owes, made and not yet written. */
export interface Owed {
  /** The generation that the user must be stored with, one higher when access really changed. */
  generation: number
  opened?: OpenedCase
  lanes: readonly Lane[]
}

/** A case, its full set of revocations, its key and its entry. */
export interface OpenedCase {
  offboarding: Offboarding
  revocations: readonly Revocation[]
  wrappedKey: Buffer
  entry: PendingEntry
}

/** What a change of access owes: the case with its full set of revocations, the ledger's entry, the lanes. */
export function planOwed(
  deps: CommitAccessDeps,
  facts: AccessFacts,
  change: AccessTransition,
): Owed {
  const { user, before, after } = change
  const { generation: unchanged } = user
  if (!before.active && !after.active) return { generation: unchanged, lanes: [] }
  const lanes = facts.lanesOf(user.id)
  const plan = planAccess({
    sourceId: user.sourceId,
    before,
    after,
    apps: facts.apps,
    touchedAppIds: new Set(lanes.keys()),
    openAppIds: new Set([...lanes.values()].filter(isOpen).map((lane) => lane.appId)),
  })
  if (plan === undefined) {
    return { generation: before.active === after.active ? unchanged : unchanged + 1, lanes: [] }
  }
  const generation = unchanged + 1
  // What a person opened by hand was looked at by a person.
  const isSudden = change.cause.kind !== 'admin' && plan.revoke.length > 0
  const storm = isSudden ? facts.weather?.departure() : undefined
  const held = storm === undefined ? change : { ...change, storm }
  const { opened, lanes: revoked } = planCase(deps, held, plan, generation, lanes)
  const restored = plan.restore.map(({ app }) =>
    wanted(lanes.get(app.id), change, app, {
      generation,
      op: 'restore',
      units: [],
      class: app.class,
      wantedAt: change.now,
      ...traceOf(deps),
    }),
  )
  return {
    generation,
    lanes: [...revoked, ...restored],
    ...(opened === undefined ? {} : { opened }),
  }
}

const isOpen = (lane: Lane): boolean => (lane.want ?? lane.current)?.op === 'revoke'

/**
 * Writes what is owed. One message with all other writes of the transaction that are asked for in the same turn.
 *
 * @throws HubError ERR_CONFLICT when a lane or the person moved meanwhile
 */
export async function writeOwed(
  deps: Pick<CommitAccessDeps, 'revocations' | 'ledger' | 'lanes' | 'exempt' | 'storms'>,
  owed: readonly Owed[],
  tx: Transaction,
): Promise<void> {
  const { revocations, ledger, lanes } = deps
  const cases = owed.flatMap(({ opened }) => opened ?? [])
  await Promise.all([
    ...cases.map((one) => revocations.insert(one.offboarding, one.revocations, one.wrappedKey, tx)),
    ledger.enqueueNew(
      cases.map(({ entry }) => entry),
      tx,
    ),
    lanes.save(
      owed.flatMap((one) => one.lanes),
      tx,
    ),
  ])
  if (cases.length > 0) await deps.exempt?.(cases, tx)
  const held = cases.flatMap((one) => one.revocations).find(({ heldBy }) => heldBy !== undefined)
  if (held?.heldBy !== undefined) {
    await deps.storms?.keep({ id: held.heldBy, sourceId: held.sourceId }, tx)
  }
}

/** A case with its full set of revocations, and the lanes that will do it. */
export function planCase(
  deps: CommitAccessDeps,
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

function traceOf(deps: Pick<CommitAccessDeps, 'traceparent'>): { trace?: string } {
  const trace = deps.traceparent?.()
  return trace === undefined ? {} : { trace }
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
