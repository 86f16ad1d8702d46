import { z } from 'zod'
import type { Storm, StormStore } from '../intake/storm.ts'
import { iso } from '../shared/clock.ts'
import { VIEWERS } from './access.ts'
import { instantField, instants, pageOf, pageQuery, present, sourceIdField } from './fields.ts'
import { defineRoute, type Route } from './route.ts'

export interface StormsParts {
  stormStore: Pick<StormStore, 'list' | 'count'>
}

const stormAnswer = z.object({
  id: z.string(),
  sourceId: z.string(),
  state: z.enum(['held', 'resumed', 'over']),
  openedAt: instantField,
  resumedAt: instantField.optional(),
  departures: z.int().meta({ description: 'People of whom something is held now' }),
  revocations: z.int().meta({ description: 'What is held now and owed; see `heldBy`' }),
})

/** Far more departures than usual. Two persons let one go on at /approvals, by `resume-storm`. */
export function stormRoutes({ stormStore }: StormsParts): Route[] {
  const show = async (storm: Storm): Promise<z.infer<typeof stormAnswer>> => ({
    id: storm.id,
    sourceId: storm.sourceId,
    state: storm.state,
    openedAt: iso(storm.openedAt),
    ...instants({ resumedAt: storm.resumedAt }),
    ...(storm.state === 'over'
      ? { departures: 0, revocations: 0 }
      : await stormStore.count(storm.id)),
  })
  return [
    defineRoute({
      method: 'GET',
      path: '/storms',
      summary:
        'List storms, newest first: what the storm guard holds until two persons let it go on',
      allow: VIEWERS,
      query: z.strictObject({
        ...pageQuery,
        source: sourceIdField.optional(),
        state: stormAnswer.shape.state.optional(),
      }),
      answers: { 200: { description: 'One page', schema: pageOf(stormAnswer) } },
      handle: async ({ query: { limit, cursor, source, state } }) => {
        const page = await stormStore.list(present({ sourceId: source, state }), {
          limit,
          ...present({ cursor }),
        })
        const items = await Promise.all(page.items.map(show))
        return { status: 200, json: { items, ...present({ nextCursor: page.next }) } }
      },
    }),
  ]
}
