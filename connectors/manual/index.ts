import { z } from 'zod'
import { anyFacet, ConnectorError, defineConnector, FACETS, facetSpecs } from '#connector-sdk'

const manualConfig = z.strictObject({
  facets: z.array(z.enum(FACETS)).min(1).default(['account']).meta({
    title: 'Kinds of access that a person must end',
  }),
  instructions: z.string().min(1).max(4_000).meta({
    title: 'What to do, step by step',
    description: 'Shown to the person who does it. No passwords.',
  }),
})
type ManualConfig = z.output<typeof manualConfig>

const byHand = { enumerate: 'none', revoke: 'manual' } as const

/** An application without any interface: a person ends the access and says so. It closes the last gap in coverage. */
export default defineConnector<ManualConfig>({
  manifest: {
    id: 'manual',
    version: '1.0.0',
    title: 'By hand',
    configSchema: manualConfig,
    secrets: {},
    facets: anyFacet({ ...byHand, observe: 'none' }),
    limits: { concurrency: 100, timeoutMs: 1_000 },
    quarantineMs: 0,
    absenceIs: 'suspect',
  },

  facetsOf: ({ facets }) =>
    facetSpecs(
      facets.map((facet) => ({
        facet,
        readBack: false,
        reversible: false,
        settleSeconds: 0,
        residualMinutes: 0,
      })),
      byHand,
    ),

  test: async ({ config }) =>
    config.facets.map((facet) => ({
      name: `${facet}.revoke`,
      ok: true,
      detail: 'a person does it: nothing to try',
    })),

  // Nobody can be asked, so the person is taken by the name that the identity provider gave.
  correlate: async ({ userName }, call) => [
    {
      handle: { facet: 'account', id: userName },
      strength: 'exact',
      matchedOn: 'userName',
      evidence: {
        method: 'MANUAL',
        target: 'instructions',
        at: call.now(),
        body: call.config.instructions,
      },
    },
  ],

  list: async () => {
    throw new ConnectorError('unsupported', 'an application worked by hand cannot be listed')
  },

  revoke: async () => {
    throw new ConnectorError('unsupported', 'a person must do this')
  },

  observe: async () => {
    throw new ConnectorError('unsupported', 'an application worked by hand cannot be read back')
  },
})
