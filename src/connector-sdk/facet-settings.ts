import { z } from 'zod'
import { FACETS, type FacetSpec } from './contract.ts'

/** What an owner says about one kind of access, for connectors that cannot know it. */
export const facetSettings = z.strictObject({
  facet: z.enum(FACETS).meta({ title: 'Kind of access' }),
  readBack: z.boolean().default(true).meta({ title: 'Can be read back' }),
  reversible: z.boolean().default(false).meta({ title: 'Can be put back exactly' }),
  settleSeconds: z.int().min(0).max(86_400).default(0).meta({
    title: 'Seconds until a read shows what was written',
  }),
  residualMinutes: z.int().min(0).max(43_200).default(0).meta({
    title: 'Minutes for which what is already issued goes on working',
  }),
})

export type FacetSettings = z.output<typeof facetSettings>

/** The facets as the owner described them, in the order in which they must be revoked. */
export function facetSpecs(
  settings: readonly FacetSettings[],
  rest: Pick<FacetSpec, 'enumerate' | 'revoke'>,
): FacetSpec[] {
  const order = settings.map(({ facet }) => facet)
  return settings.map((one, index) => ({
    facet: one.facet,
    ...rest,
    observe: !one.readBack ? 'none' : one.settleSeconds === 0 ? 'strong' : 'eventual',
    settleMs: one.settleSeconds * 1_000,
    residualMs: one.residualMinutes * 60_000,
    reversible: one.reversible,
    before: order.slice(index + 1),
  }))
}

/** Every kind of access, for manifests of connectors whose facets are configured. */
export function anyFacet(rest: Pick<FacetSpec, 'enumerate' | 'revoke' | 'observe'>): FacetSpec[] {
  return FACETS.map((facet) => ({ facet, ...rest, settleMs: 0, residualMs: 0, reversible: false }))
}
