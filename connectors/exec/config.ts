import { z } from 'zod'
import { facetSettings } from '#connector-sdk'

/** What the owner of an exec app fills in. */
export const execConfig = z.strictObject({
  command: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
    .meta({
      title: 'Name of the program',
      description: 'A file in the directory that the operator set aside for connector programs.',
    }),
  settings: z.record(z.string(), z.json()).default({}).meta({
    title: 'Settings handed to the program',
    description: 'No secrets: those have fields of their own.',
  }),
  facets: z.array(facetSettings).min(1).meta({
    title: 'Kinds of access, in the order in which they are to be ended',
  }),
  correlateBy: z
    .array(z.enum(['userName', 'externalId', 'emails']))
    .min(1)
    .default(['userName', 'externalId'])
    .meta({ title: 'Keys that tie a person to an account' }),
  timeoutSeconds: z.int().min(1).max(300).default(30).meta({ title: 'Seconds for one call' }),
})

export type ExecConfig = z.output<typeof execConfig>
