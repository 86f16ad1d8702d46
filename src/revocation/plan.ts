import type { FacetSpec } from '../connector-sdk/contract.ts'
import { type AccessState, accessChange } from '../directory/access.ts'
import { assertNever } from '../shared/assert-never.ts'
import type { AppRecord } from './types.ts'

/** A registered app together with the facets that its connector covers there. */
export interface PlannedApp {
  app: AppRecord
  facets: readonly FacetSpec[]
}

/** What a change of a person's access asks of the apps. */
export interface AccessPlan {
  kind: 'leaver' | 'mover'
  revoke: readonly PlannedApp[]
  /** Apps where an earlier revocation must be called off, or what the hub blocked put back. */
  restore: readonly PlannedApp[]
}

/** May this person use this app? */
export function isEntitled(app: AppRecord, sourceId: string, state: AccessState): boolean {
  if (!state.active || app.removedAt !== undefined) return false
  switch (app.scope.kind) {
    case 'everyone':
      return app.scope.sourceIds === undefined || app.scope.sourceIds.includes(sourceId)
    case 'groups':
      return app.scope.groups.some((g) => g.sourceId === sourceId && state.groupIds.has(g.groupId))
    default:
      return assertNever(app.scope)
  }
}

/** The groups of a source whose members are granted an app. */
export function grantingGroups(apps: readonly AppRecord[], sourceId: string): Set<string> {
  const ids = new Set<string>()
  for (const { scope } of apps) {
    if (scope.kind !== 'groups') continue
    for (const group of scope.groups) if (group.sourceId === sourceId) ids.add(group.groupId)
  }
  return ids
}

/**
 * The full set of what a change demands, before anything is done, so that an omission is visible.
 *
 * A leaver loses every app they were entitled to, and every app in which an earlier revocation is still
 * open: the newest case then answers for all of it.
 *
 * @param touchedAppIds apps in which the hub has acted for this person before
 * @param openAppIds of those, the ones in which a revocation is still open
 * @returns undefined when no app is concerned
 */
export function planAccess(input: {
  sourceId: string
  before: AccessState
  after: AccessState
  apps: readonly PlannedApp[]
  touchedAppIds: ReadonlySet<string>
  openAppIds: ReadonlySet<string>
}): AccessPlan | undefined {
  const { sourceId, before, after, apps } = input
  const change = accessChange(before, after)
  if (change.kind === 'none') return undefined
  const left = change.kind === 'left'
  const revoke = apps.filter(
    ({ app }) =>
      (isEntitled(app, sourceId, before) && !isEntitled(app, sourceId, after)) ||
      (left && input.openAppIds.has(app.id)),
  )
  const restore = apps.filter(
    ({ app }) =>
      isEntitled(app, sourceId, after) &&
      !isEntitled(app, sourceId, before) &&
      input.touchedAppIds.has(app.id),
  )
  if (!left && revoke.length + restore.length === 0) return undefined
  return { kind: left ? 'leaver' : 'mover', revoke, restore }
}

/**
 * Facets in the order in which they must be revoked: a facet before those that it names in `before`,
 * otherwise as the manifest lists them. A circle in the manifest is broken at its first member.
 */
export function revocationOrder(facets: readonly FacetSpec[]): FacetSpec[] {
  const pending = facets.filter((spec) => spec.revoke !== 'none' || spec.observe !== 'none')
  const ordered: FacetSpec[] = []
  while (pending.length > 0) {
    const free = pending.findIndex(
      (spec) => !pending.some((other) => other !== spec && other.before?.includes(spec.facet)),
    )
    ordered.push(...pending.splice(Math.max(free, 0), 1))
  }
  return ordered
}
