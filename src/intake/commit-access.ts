import type { FacetSpec } from '../connector-sdk/contract.ts'
import type { NewEntryIntake } from '../ledger/intake.ts'
import type { Lane } from '../revocation/lane.ts'
import { type PlannedApp, planAccess } from '../revocation/plan.ts'
import type { AppStore, LaneStore, RevocationStore } from '../revocation/store.ts'
import type { AppRecord } from '../revocation/types.ts'
import type { Transaction } from '../shared/transaction.ts'
import { type AccessTransition, type CaseDeps, type OpenedCase, planCase } from './opened-case.ts'
import { traceOf, wanted } from './planned-units.ts'
import type { StormGuard, Weather } from './storm.ts'

export interface CommitAccessDeps extends CaseDeps {
  apps: AppStore
  lanes: LaneStore
  revocations: RevocationStore
  ledger: NewEntryIntake
  /** What the app's connector covers there. An app whose connector is gone still owes its account. */
  facetsOf(app: AppRecord): readonly FacetSpec[]
  /** Waives what two persons have exempted, of cases that were written in this transaction. */
  exempt?(cases: readonly OpenedCase[], tx: Transaction): Promise<void>
  /** Holds what cannot be undone while far more people leave than usual. */
  storms?: StormGuard
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
