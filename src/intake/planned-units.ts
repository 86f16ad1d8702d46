import { deadlineAt, effectiveClass } from '../revocation/deadlines.ts'
import { type Intent, type Lane, laneId } from '../revocation/lane.ts'
import { type PlannedApp, revocationOrder } from '../revocation/plan.ts'
import { transition } from '../revocation/transition.ts'
import type { Revocation } from '../revocation/types.ts'
import type { Instant } from '../shared/clock.ts'

interface UnitDeps {
  /** W3C traceparent of the request under way, while traces are on: kept with the work that it makes due. */
  traceparent?(): string | undefined
  newId(): string
}

/** Whose lane it is. */
interface Person {
  sourceId: string
  id: string
}

/** The case that units are planned for. */
export interface UnitsOf {
  user: Person
  offboardingId: string
  generation: number
  forCause: boolean
  /** Deadlines count from then. */
  clockFrom: Instant
  /** Id of the storm that holds what cannot be undone. */
  storm?: string
  now: Instant
}

/** Every facet of these apps as a revocation, and the lanes that will do it. */
export function planUnits(
  deps: UnitDeps,
  { user, offboardingId, generation, forCause, clockFrom, storm, now }: UnitsOf,
  apps: readonly PlannedApp[],
  lanes: ReadonlyMap<string, Lane>,
): { revocations: Revocation[]; lanes: Lane[] } {
  const trace = traceOf(deps)
  const revocations = apps.flatMap(({ app, facets }) =>
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
        state: 'due',
        attempts: 0,
        openedAt: now,
        ...(clockFrom === now ? {} : { clockFrom }),
        deadlineAt: deadlineAt(effectiveClass(app.class, forCause), spec.facet, clockFrom),
        ...(storm === undefined || spec.reversible ? {} : { heldBy: storm }),
        updatedAt: now,
        ...trace,
      }),
    ),
  )
  const moved = apps.map(({ app }) => {
    const own = revocations.filter((r) => r.appId === app.id)
    return wanted(lanes.get(app.id), { user, now }, app, {
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
  return { revocations, lanes: moved }
}

/** Kept with the work that a request makes due. */
export function traceOf(deps: Pick<UnitDeps, 'traceparent'>): { trace?: string } {
  const trace = deps.traceparent?.()
  return trace === undefined ? {} : { trace }
}

/** The lane of this person in this app, once it is told of the intent. */
export function wanted(
  lane: Lane | undefined,
  { user, now }: { user: Person; now: Instant },
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
