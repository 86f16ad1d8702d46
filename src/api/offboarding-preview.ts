import { z } from 'zod'
import type { ExemptionStore } from '../auth/approval-store.ts'
import { FACETS, type FacetSpec } from '../connector-sdk/contract.ts'
import type { DirectoryStore } from '../directory/store.ts'
import { deadlineAt, effectiveClass } from '../revocation/deadlines.ts'
import { planAccess, revocationOrder } from '../revocation/plan.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { AppRecord } from '../revocation/types.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { OPERATORS } from './access.ts'
import { idField, instantField, sourceIdField } from './fields.ts'
import { defineRoute, type Route } from './route.ts'

export interface OffboardingPreviewParts {
  directory: Pick<DirectoryStore, 'user' | 'groupsOf'>
  revocations: Pick<RevocationReader, 'list'>
  exemptions: Pick<ExemptionStore, 'ofUsers'>
  apps: { all(): Promise<AppRecord[]> }
  facetsOf(app: AppRecord): readonly FacetSpec[]
  clock: Clock
}

/** What a departure would do, without doing it: by the same plan as the real one. */
export function offboardingPreviewRoutes(parts: OffboardingPreviewParts): Route[] {
  const { directory, revocations, clock } = parts
  return [
    defineRoute({
      method: 'POST',
      path: '/offboardings/preview',
      summary: 'Dry run: what would be revoked if this person left now. Nothing is changed',
      allow: OPERATORS,
      changesNothing: true,
      body: z.strictObject({
        sourceId: sourceIdField,
        userId: idField,
        forCause: z.boolean().default(false),
      }),
      answers: {
        200: {
          description: 'The full set that the case would commit to',
          schema: z.object({
            revocations: z.array(
              z.object({
                appId: z.string(),
                appName: z.string(),
                facet: z.enum(FACETS),
                class: z.int(),
                owners: z.array(z.string()),
                deadlineAt: instantField,
                how: z
                  .enum(['api', 'manual', 'none'])
                  .meta({ description: 'manual: a person will be asked' }),
                reversible: z.boolean(),
                exempt: z.boolean(),
                paused: z.boolean().meta({ description: 'It would wait, with its clock running' }),
              }),
            ),
          }),
        },
      },
      handle: async ({ body: { sourceId, userId, forCause } }) => {
        const user = await directory.user(sourceId, userId)
        if (user === null) throw new HubError('ERR_NOT_FOUND', 'there is no such user')
        const now = clock.now()
        const [groups, all, open, exemptions] = await Promise.all([
          directory.groupsOf(sourceId, [userId]),
          parts.apps.all(),
          revocations.list({ sourceId, userId, open: true }, { limit: 500 }),
          parts.exemptions.ofUsers([{ sourceId, userId }], now),
        ])
        const groupIds = new Set((groups.get(userId) ?? []).map(({ id }) => id))
        const plan = planAccess({
          sourceId,
          before: { active: true, groupIds },
          after: { active: false, groupIds },
          apps: all.map((app) => ({ app, facets: parts.facetsOf(app) })),
          touchedAppIds: new Set(),
          openAppIds: new Set(open.items.map(({ appId }) => appId)),
        })
        const planned = (plan?.revoke ?? []).flatMap(({ app, facets }) =>
          revocationOrder(facets).map((spec) => {
            const appClass = effectiveClass(app.class, forCause)
            return {
              appId: app.id,
              appName: app.name,
              facet: spec.facet,
              class: appClass,
              owners: [...app.owners],
              deadlineAt: iso(deadlineAt(appClass, spec.facet, now)),
              how: spec.revoke,
              reversible: spec.reversible,
              exempt: exemptions.some(({ appId }) => appId === undefined || appId === app.id),
              paused: app.state === 'paused',
            }
          }),
        )
        return { status: 200, json: { revocations: planned } }
      },
    }),
  ]
}
